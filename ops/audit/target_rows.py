"""Rows on everything else that invokes a function: rules, workflow tasks, asynchronous invokes."""

from __future__ import annotations

from collections.abc import Iterator

from ops.audit.facts import Facts
from ops.audit.lambda_facts import allows, condition
from ops.audit.reading import Unobserved
from ops.audit.rows import Row, Verdict, grouped, judged
from ops.stages import FUNCTIONS, LIVE, function_name, rule_name

_RULES = {function.name: function.rule for function in FUNCTIONS if function.rule}
_EVENTS = "events.amazonaws.com"
_INVOKED = "_FUNCTION"
"""How the names of variables end that hold a function to invoke."""


def rules_on_live(facts: Facts) -> Verdict:
    missing = [
        ("missing", rule_name(facts.stage, _RULES[function]))
        for function, rule in facts.rules.items()
        if rule is None
    ]
    problems = [*grouped(missing), *_rule_problems(facts), *_stray_rules(facts)]
    return judged(problems, f"{len(_RULES)} rules, each to {LIVE}")


def _rule_problems(facts: Facts) -> Iterator[str]:
    for function, rule in facts.rules.items():
        name = rule_name(facts.stage, _RULES[function])
        if rule is None:
            continue
        if not rule.is_enabled:
            yield f"the rule {name} is disabled"
        elif rule.targets != (facts.function_arn(function, LIVE),):
            yield f"the rule {name} goes to {', '.join(map(_told, rule.targets)) or 'nothing'}"


def _stray_rules(facts: Facts) -> Iterator[str]:
    ours = {rule_name(facts.stage, rule) for rule in _RULES.values()}
    for function, rules in facts.stray_rules.items():
        yield from (f"the rule {r} goes to {function}:$LATEST" for r in rules if r not in ours)


def _told(arn: str) -> str:
    return arn.partition(":function:")[2] or arn


def rules_permitted(facts: Facts) -> Verdict:
    missing = [
        f"{rule_name(facts.stage, rule)} may not invoke {function}:{LIVE}"
        for function, rule in _RULES.items()
        if facts.rules[function] and facts.aliases[function] and not _may(facts, function, rule)
    ]
    if not any(facts.rules.values()) or not any(facts.aliases.values()):
        raise Unobserved(f"there is no rule, or no alias {LIVE}")
    return judged(missing, f"each rule may invoke its function's {LIVE}")


def _may(facts: Facts, function: str, rule: str) -> bool:
    source = facts.place.arn("events", f"rule/{rule_name(facts.stage, rule)}")
    statements = facts.statements.get((function, LIVE), [])
    return any(
        allows(s, _EVENTS) and condition(s, "aws:SourceArn") in ([source], []) for s in statements
    )


def tasks_on_live(facts: Facts) -> Verdict:
    tasks = facts.tasks
    wrong = [
        f"{task.state} invokes {_told(task.target) or 'what it is told to when it runs'}"
        for task in tasks
        if not _is_live(task.target)
    ]
    if not tasks:
        raise Unobserved("the workflow invokes no function")
    return judged(wrong, f"{len(tasks)} tasks, each on {LIVE}")


def _is_live(target: str) -> bool:
    return target.endswith(f":{LIVE}")


def invokes_on_live(facts: Facts) -> Verdict:
    named = [
        (served, name, value)
        for served in facts.functions
        for name, value in served.variables.items()
        if name.endswith(_INVOKED)
    ]
    if not named:
        raise Unobserved("no function's environment names a function to invoke")
    problems = (
        f"{name} of {served.name} is {value}"
        for served, name, value in named
        if value.partition(":function:")[2] not in _own(facts) and value not in _own(facts)
    )
    return judged(problems, f"{len({name for _, name, _ in named})} variables, each on {LIVE}")


def _own(facts: Facts) -> set[str]:
    return {f"{function_name(facts.stage, f.name)}:{LIVE}" for f in FUNCTIONS}


_STACK = "python -m ops deploy --stage {stage} --only stacks"
_CODE = "python -m ops deploy --stage {stage} --only code, then release"

ROWS = (
    Row(
        "rules-on-live",
        "A rule on the bare function runs code that no release has checked, and cold.",
        f"{_STACK} sets every rule's target; delete the rule that is not of the stack",
        rules_on_live,
    ),
    Row(
        "rules-permitted",
        "A rule without the right to invoke loses its events without a word.",
        "python -m ops release --stage {stage} gives the rights",
        rules_permitted,
    ),
    Row(
        "tasks-on-live",
        "A task on the bare function runs code that no release has checked, and cold.",
        _STACK,
        tasks_on_live,
    ),
    Row(
        "invokes-on-live",
        "An asynchronous invoke of the bare function runs what is not released.",
        _CODE,
        invokes_on_live,
    ),
)
