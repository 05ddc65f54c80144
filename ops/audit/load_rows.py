"""Rows on what the last hours measured: how full the warm environments were, what caches gave."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ops.audit.facts import Facts
from ops.audit.limits import HIT_RATE, LEAST_TURNS, UTILISATION
from ops.audit.metric_facts import CHANNELS, MADE, SHARED
from ops.audit.reading import Unobserved
from ops.audit.rows import Row, Verdict, failed, judged, passed
from ops.audit.watch_facts import Scaled
from ops.stages import FULFILLMENT, LIVE, STAGE_SIZES, table

_UTILISATION = "LambdaProvisionedConcurrencyUtilization"


def utilisation(facts: Facts) -> Verdict:
    warmth = facts.warmth
    invocations = warmth.invocations or 0.0
    if invocations < LEAST_TURNS:
        raise Unobserved(f"{invocations:.0f} invocations of {LEAST_TURNS} in {facts.hours} h")
    if not warmth.provisioned:
        return failed(f"none of {invocations:.0f} invocations met a provisioned environment")
    if warmth.utilisation is None:
        raise Unobserved("nothing was measured of the live version yet")
    told = f"{warmth.utilisation:.0%} of it in use in its fullest hour"
    is_full = warmth.utilisation >= UTILISATION and not _may_be_full(facts)
    return failed(told) if is_full else passed(told)


def _may_be_full(facts: Facts) -> bool:
    """One environment is in use whole or not at all, and what scales has its next ones to come:
    there only spilling over says that it is too few."""
    member = "RequestedProvisionedConcurrentExecutions"
    count = max((int(found.get(member, 0)) for found in facts.provisioned.values()), default=0)
    most = max((target.most for target in _scaled(facts).values()), default=0)
    return count <= 1 or count < most


def _scaled(facts: Facts) -> dict[str, Scaled]:
    """What scales the version that is live, or its alias."""
    live = {served.version for served in facts.of(FULFILLMENT)} | {LIVE}
    return {qualifier: target for qualifier, target in facts.scaling.items() if qualifier in live}


def spill_over(facts: Facts) -> Verdict:
    warmth = facts.warmth
    if warmth.spilled:
        return failed(f"{warmth.spilled:.0f} invocations found no warm environment free")
    # Lambda may write this metric only when it happens; others say whether it could have.
    if not warmth.provisioned:
        raise Unobserved(f"no provisioned environment was invoked in {facts.hours} h")
    return passed(f"none of {warmth.provisioned:.0f} invocations")


def scaling(facts: Facts) -> Verdict:
    scaled, sizes = _scaled(facts), STAGE_SIZES[facts.stage]
    followed = [q for q, target in scaled.items() if any(map(_follows_use, target.policies))]
    is_meant = sizes.provisioned_most > sizes.provisioned_fulfillment
    stray = sorted(set(facts.scaling) - set(scaled))
    problems = [f"version {qualifier} is scaled, and is not live" for qualifier in stray]
    if is_meant and not followed:
        problems.insert(0, "nothing scales the live version's provisioned concurrency")
    told = f"version {', '.join(followed)} follows its utilisation"
    kept = f"stage {facts.stage} keeps {sizes.provisioned_fulfillment}"
    return judged(problems, told if followed else kept)


def _follows_use(policy: dict[str, Any]) -> bool:
    """Target tracking, by Lambda's own metric or by one that stands for the same."""
    target: Any = policy.get("TargetTrackingScalingPolicyConfiguration", {})
    own = target.get("PredefinedMetricSpecification", {}).get("PredefinedMetricType")
    custom = target.get("CustomizedMetricSpecification", {}).get("MetricName")
    return bool(own == _UTILISATION or custom == "ProvisionedConcurrencyUtilization")


def cache_table(facts: Facts) -> Verdict:
    name = table(facts.stage, "response-cache")
    if facts.cache is None:
        return failed(f"there is no table {name}")
    return judged(_cache_problems(facts), f"{name}, items expire")


def _cache_problems(facts: Facts) -> Iterator[str]:
    name = table(facts.stage, "response-cache")
    if facts.cache and facts.cache.status != "ACTIVE":
        yield f"{name} is {facts.cache.status}"
    if facts.cache and facts.cache.expires_by != "expires_at":
        yield f"the items of {name} do not expire by expires_at"
    for served in facts.of(FULFILLMENT):
        if (used := served.variables.get("RESPONSE_CACHE_TABLE", "")) != name:
            yield f"{served.name} uses {used or 'no table'}"


def hit_rate(facts: Facts) -> Verdict:
    hits, made = _answers(facts, SHARED), _answers(facts, MADE)
    turns = hits + made
    if turns < LEAST_TURNS:
        raise Unobserved(f"{turns:.0f} answers of {LEAST_TURNS} in {facts.hours} h")
    told = f"{hits / turns:.0%} of {turns:.0f} answers needed no model"
    return passed(told) if hits / turns >= HIT_RATE else failed(told)


def _answers(facts: Facts, sources: Iterable[str]) -> float:
    keys = ((f"AnswerSource.{source}", channel) for source in sources for channel in CHANNELS)
    return sum(facts.turns.get(key, 0.0) for key in keys)


def scenario_in_session(facts: Facts) -> Verdict:
    """A call reads the tables on its first turn, once more where the scenario was late, then no
    more: as many reads as turns means that the session does not carry it."""
    turns = facts.turns.get(("Turns", "phone"), 0.0)
    if turns < LEAST_TURNS:
        raise Unobserved(f"{turns:.0f} phone turns of {LEAST_TURNS} in {facts.hours} h")
    states = ("made", "grounded", "anonymous")
    read = sum(facts.turns.get((f"PhoneScenario.{state}", "phone"), 0.0) for state in states)
    told = f"{read:.0f} of {turns:.0f} phone turns read the tables"
    return passed(told) if read <= 0.9 * turns else failed(told)


_RELEASE = "python -m ops release --stage {stage}"

ROWS = (
    Row(
        "utilisation",
        "Unused, it is paid for in vain; full, the next visitor starts an environment cold.",
        "unused: see lex-target; full: raise provisioned_fulfillment in ops/stages.py, then "
        + _RELEASE,
        utilisation,
    ),
    Row(
        "spill-over",
        "An invocation beyond what is provisioned starts cold: 3 to 5 s.",
        "raise provisioned_fulfillment in ops/stages.py, then " + _RELEASE,
        spill_over,
    ),
    Row(
        "scaling",
        "A fixed count is too small at noon or paid for at night.",
        f"{_RELEASE} registers it on the live version and nowhere else",
        scaling,
    ),
    Row(
        "cache-table",
        "Without it every environment asks the model for the same answer again.",
        "python -m ops deploy --stage {stage} --only stacks",
        cache_table,
    ),
    Row(
        "hit-rate",
        "Each miss is a model call: 2 to 4 s in the predecessor.",
        "python -m ops warm --stage {stage}; then see which questions miss (ops logs)",
        hit_rate,
    ),
    Row(
        "scenario-in-session",
        "The predecessor read DynamoDB on every phone turn, at 200 ms.",
        "see why the session loses the attribute scenario: ops logs, oddities of phone turns",
        scenario_in_session,
    ),
)
