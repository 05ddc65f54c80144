"""What Step Functions and EventBridge say of the stage: the machine, and who calls what when."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from ops.aws import found, is_error, pages
from ops.stages import rule_name
from ops.steps import Context

Description = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Machine:
    """The state machine: its definition as data, and its settings."""

    definition: Description
    is_traced: bool
    logs_data: bool


@dataclass(frozen=True, slots=True)
class Task:
    """A state that invokes a function; `before` names the states that come before it.

    `branches`: for each Parallel around it, that state's name and the branch's number. `target`:
    the ARN or name as the definition has it, "" where it is only known when it runs.
    """

    state: str
    target: str
    timeout_seconds: float | None
    before: tuple[str, ...]
    branches: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """An event rule: whether it is enabled, and the ARNs that it invokes."""

    is_enabled: bool
    targets: tuple[str, ...]


def read_machine(ctx: Context, arn: str) -> Machine | None:
    """The machine; None where it is missing."""
    try:
        described = ctx.clients.stepfunctions.describe_state_machine(stateMachineArn=arn)
    except ClientError as error:
        if is_error(error, "StateMachineDoesNotExist"):
            return None
        raise
    tracing = described.get("tracingConfiguration") or {}
    logging = described.get("loggingConfiguration") or {}
    return Machine(
        json.loads(described["definition"]),
        bool(tracing.get("enabled")),
        bool(logging.get("includeExecutionData")),
    )


def read_rule(ctx: Context, rule: str) -> Rule | None:
    """The stage's rule of that name's end; None where it is missing."""
    events = ctx.clients.of("events")
    name = rule_name(ctx.stage, rule)
    described = found(events.describe_rule, Name=name)
    if described is None:
        return None
    targets = pages(events.list_targets_by_rule, "Targets", Rule=name)
    arns = tuple(target["Arn"] for target in targets)
    return Rule(described.get("State") == "ENABLED", arns)


def read_rules_of(ctx: Context, arn: str) -> list[str]:
    """The names of the rules that invoke exactly that ARN."""
    events = ctx.clients.of("events")
    return [str(n) for n in pages(events.list_rule_names_by_target, "RuleNames", TargetArn=arn)]


def tasks(machine: Mapping[str, Any]) -> list[Task]:
    """Every state that invokes a function, in the order in which the definition reaches them."""
    return list(_tasks(machine, (), ()))


def _tasks(
    part: Mapping[str, Any], before: tuple[str, ...], branches: tuple[tuple[str, int], ...]
) -> Iterator[Task]:
    """The tasks of a machine or a branch; what a choice or a catch leads to comes after it too."""
    states: Mapping[str, Any] = part.get("States", {})
    waiting, seen = [(part.get("StartAt", ""), before)], set()
    while waiting:
        name, earlier = waiting.pop(0)
        if name in seen or name not in states:
            continue
        seen.add(name)
        state = states[name]
        if _invokes(state):
            yield Task(name, _target(state), state.get("TimeoutSeconds"), earlier, branches)
        for number, branch in enumerate(state.get("Branches", ())):
            yield from _tasks(branch, earlier, (*branches, (name, number)))
        waiting += [(after, (*earlier, name)) for after in _followers(state)]


def _followers(state: Mapping[str, Any]) -> Iterator[str]:
    yield state.get("Next", "")
    for choice in (*state.get("Choices", ()), *state.get("Catch", ())):
        yield choice.get("Next", "")
    yield state.get("Default", "")


def _invokes(state: Mapping[str, Any]) -> bool:
    resource = str(state.get("Resource", ""))
    return state.get("Type") == "Task" and ":lambda:" in resource


def _target(state: Mapping[str, Any]) -> str:
    """Older definitions have the function as the resource itself."""
    resource = str(state["Resource"])
    if ":function:" in resource:
        return resource
    given = state.get("Parameters", state.get("Arguments", {}))
    return str(given.get("FunctionName", "")) if isinstance(given, Mapping) else ""
