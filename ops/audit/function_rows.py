"""Rows on the functions' own settings: tracing, memory, time-outs, models, package, log level."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ops.audit.facts import Facts
from ops.audit.lambda_facts import Served
from ops.audit.limits import LEX_TIMEOUT_SECONDS, PACKAGE_BYTES
from ops.audit.reading import Unobserved
from ops.audit.rows import Row, Verdict, grouped, judged
from ops.stages import FULFILLMENT, FUNCTIONS, MODEL_ROUTES, function_name

_BY_NAME = {function.name: function for function in FUNCTIONS}
_IN_A_TURN = ("simple", "conversation")


def tracing(facts: Facts) -> Verdict:
    modes = [(s, s.configuration.get("TracingConfig", {}).get("Mode")) for s in facts.functions]
    problems = ((mode or "PassThrough", s.name) for s, mode in modes if mode != "Active")
    return judged(grouped(problems), f"Active on {len(modes)} functions")


def memory(facts: Facts) -> Verdict:
    sizes = [(s, int(s.configuration["MemorySize"])) for s in facts.functions]
    problems = (
        (f"{size} MB of {_BY_NAME[s.function].memory_mb}", s.name)
        for s, size in sizes
        if size < _BY_NAME[s.function].memory_mb
    )
    return judged(grouped(problems), f"{min(size for _, size in sizes)} MB or more")


def timeouts(facts: Facts) -> Verdict:
    served = facts.functions
    limits = _callers_limits(facts)
    problems = [
        f"{s.name} may take {s.configuration['Timeout']} s, {told}"
        for s in served
        for told in _too_long(s, limits)
    ]
    return judged(problems, f"{len(served)} functions end before their callers give up")


def _callers_limits(facts: Facts) -> dict[str, float]:
    """Seconds that the caller of each function waits for it; Lex, and workflow tasks."""
    limits: dict[str, float] = {FULFILLMENT: LEX_TIMEOUT_SECONDS}
    deployed = {function_name(facts.stage, function.name): function.name for function in FUNCTIONS}
    for task in _tasks(facts):
        name = deployed.get(task.target.rpartition(":function:")[2].partition(":")[0], "")
        if name and task.timeout_seconds is not None:
            limits[name] = min(limits.get(name, task.timeout_seconds), task.timeout_seconds)
    return limits


def _tasks(facts: Facts) -> Iterable[Any]:
    try:
        return facts.tasks
    except Unobserved:
        return ()


def _too_long(served: Served, limits: Mapping[str, float]) -> Iterator[str]:
    seconds, own = float(served.configuration["Timeout"]), _BY_NAME[served.function]
    if seconds >= (limit := limits.get(served.function, float("inf"))):
        yield f"and its caller waits {limit:g} s"
    elif seconds > own.timeout_seconds:
        yield f"and {own.timeout_seconds} s are meant"


def max_tokens(facts: Facts) -> Verdict:
    routes = _routes(facts)
    problems = (
        (f"up to {row.get('max_tokens')} tokens of {_limit(route)}", route)
        for rows in routes
        for route, row in rows.items()
        if not isinstance(row.get("max_tokens"), int) or row["max_tokens"] > _limit(route)
    )
    told = (f"{name} {row.get('max_tokens')}" for name, row in routes[0].items())
    return judged(grouped(problems), ", ".join(told))


def _limit(route: str) -> int:
    """What the repository's table says; a route it does not have answers turns."""
    return int(MODEL_ROUTES.get(route, MODEL_ROUTES["simple"])["max_tokens"])


def models(facts: Facts) -> Verdict:
    problems = [
        (f"{_model(row)} comes first, {told}", route)
        for served in facts.of(FULFILLMENT)
        for route, row in _rows(served, "MODEL_ROUTES").items()
        if route in _IN_A_TURN
        for told in _too_slow(row, served)
    ]
    row = _routes(facts)[0].get("simple", {})
    return judged(grouped(problems), f"turns begin with {_model(row)}, in time at its p95")


def _too_slow(row: Mapping[str, Any], served: Served) -> Iterator[str]:
    described = _rows(served, "MODEL_TABLE").get(_model(row))
    if described is None:
        yield "of which MODEL_TABLE says nothing"
        return
    try:
        pace = float(described["hundred_characters_ms"][1]) * float(row.get("characters", 160))
        slowest = float(described["first_ms"][1]) + pace / 100
        deadline = float(served.variables.get("TURN_DEADLINE_MS", "800"))
    except (LookupError, TypeError, ValueError):
        yield "and its times, or the turn's, cannot be read"
        return
    if slowest > deadline:
        yield f"whose p95 is {slowest:.0f} ms of {deadline:.0f}"


def _model(row: Mapping[str, Any]) -> str:
    listed = row.get("models") or ["no model"]
    return str(listed[0])


def _routes(facts: Facts) -> list[dict[str, Any]]:
    return [_rows(served, "MODEL_ROUTES") for served in facts.of(FULFILLMENT)]


def _rows(served: Served, name: str) -> dict[str, dict[str, Any]]:
    """A table of objects by name, as somebody may have written it by hand."""
    try:
        value = json.loads(served.variables[name])
    except (KeyError, ValueError):
        value = None
    if not isinstance(value, dict) or not all(isinstance(row, dict) for row in value.values()):
        raise Unobserved(f"{served.name} has no readable {name}")
    return value


def package_size(facts: Facts) -> Verdict:
    sizes = [(s, int(s.configuration["CodeSize"])) for s in facts.functions]
    problems = (f"{s.name} has {_mb(size)}" for s, size in sizes if size > PACKAGE_BYTES)
    return judged(problems, f"{_mb(max(size for _, size in sizes))} zipped")


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def log_level(facts: Facts) -> Verdict:
    levels = [(s, s.variables.get("LOG_LEVEL", "")) for s in facts.functions]
    problems = grouped((level, s.name) for s, level in levels if level == "DEBUG")
    if not problems and not all(level for _, level in levels):
        raise Unobserved("not every function's environment has a LOG_LEVEL")
    return judged(problems, ", ".join(sorted({level for _, level in levels})))


_CODE = "python -m ops deploy --stage {stage} --only code, then release"

ROWS = (
    Row(
        "tracing-functions",
        "PassThrough records nothing, so nobody could see where nine seconds went.",
        f"keep xray in config.json; {_CODE}",
        tracing,
    ),
    Row(
        "memory",
        "CPU comes with memory: at 128 MB a cold start and every import take several times longer.",
        f"ops/stages.py has the sizes; {_CODE}",
        memory,
    ),
    Row(
        "time-outs",
        "A function that outlives its caller works for nobody, and hides that it hung.",
        f"ops/stages.py has the time-outs; {_CODE}",
        timeouts,
    ),
    Row(
        "max-tokens",
        "512 tokens in every intent made 2 to 4 s of each answer.",
        f"ops/stages.py has MODEL_ROUTES; {_CODE}",
        max_tokens,
    ),
    Row(
        "models",
        "A Sonnet-class model in every intent cannot answer within a turn.",
        f"ops/stages.py has MODEL_ROUTES and MODEL_TABLE; {_CODE}",
        models,
    ),
    Row(
        "package-size",
        "A large package is unpacked and imported in every cold start.",
        f"python -m ops package shows what dominates it; {_CODE}",
        package_size,
    ),
    Row(
        "log-level",
        "DEBUG writes more than was thought of when the log's words were chosen.",
        f"LOG_LEVEL stands in ops/environment.py; {_CODE}",
        log_level,
    ),
)
