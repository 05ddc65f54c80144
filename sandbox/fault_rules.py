"""What a posted fault may hold, field by field; apart, since faults.py says what it then does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.other_services import OPERATIONS_BY_SERVICE
from sandbox.routes import service_model, service_names

EVERY = "*"
_EFFECTS = ("latency_ms", "times_slower", "error", "hang", "lose_answer", "stall")
_FIELDS = frozenset(("service", "operation", "rate", "count", *_EFFECTS))


def problems_of(item: Any) -> list[str]:
    """Every problem of one fault, as it was posted."""
    if not isinstance(item, dict):
        return ["must be an object"]
    found = [f"unknown field {name!r}" for name in sorted(item.keys() - _FIELDS)]
    found += [text for name, rule in _RULES.items() if (text := rule(item.get(name), item))]
    given = [name for name in _EFFECTS if item.get(name) is not None]
    if len(given) != 1:
        found.append(f"give exactly one of {', '.join(_EFFECTS)}, not {len(given)}")
    return found


def _service_problem(value: Any, _: Mapping[str, Any]) -> str | None:
    if isinstance(value, str) and (
        value in OPERATIONS_BY_SERVICE or value in {EVERY, *service_names()}
    ):
        return None
    return f'service must be named as botocore names it, such as "dynamodb", not {value!r}'


def _operation_problem(value: Any, item: Mapping[str, Any]) -> str | None:
    service = item.get("service")
    if value in (None, EVERY) or not isinstance(service, str) or service == EVERY:
        return None
    if service in OPERATIONS_BY_SERVICE:
        is_good = str(value).rpartition(".")[2] in OPERATIONS_BY_SERVICE[service]
        return None if is_good else f"{service} has no operation {value!r}"
    model = service_model(service) if service in service_names() else None
    if model is None or value in model.operation_names:
        return None
    return f"{service} has no operation {value!r}"


def _latency_problem(value: Any, _: Mapping[str, Any]) -> str | None:
    is_good = value is None or (_is_number(value) and 0 <= value <= 900_000)
    return None if is_good else f"latency_ms must be a number from 0 to 900000, not {value!r}"


def _times_slower_problem(value: Any, _: Mapping[str, Any]) -> str | None:
    is_good = value is None or (_is_number(value) and 1 <= value <= 1000)
    return None if is_good else f"times_slower must be a number from 1 to 1000, not {value!r}"


def _error_problem(value: Any, _: Mapping[str, Any]) -> str | None:
    is_good = value is None or (isinstance(value, str) and value.isidentifier())
    return None if is_good else f"error must be an error code, not {value!r}"


def _true_problem(name: str) -> Callable[[Any, Mapping[str, Any]], str | None]:
    return lambda value, _: None if value in (None, True) else f"{name} must be true, not {value!r}"


def _rate_problem(value: Any, _: Mapping[str, Any]) -> str | None:
    is_good = value is None or (_is_number(value) and 0 <= value <= 1)
    return None if is_good else f"rate must be a number from 0 to 1, not {value!r}"


def _count_problem(value: Any, _: Mapping[str, Any]) -> str | None:
    is_good = value is None or (isinstance(value, int) and _is_number(value) and value >= 1)
    return None if is_good else f"count must be a whole number from 1, not {value!r}"


def _stall_problem(value: Any, item: Mapping[str, Any]) -> str | None:
    if value is None:
        return None
    if item.get("service") != "bedrock-runtime":
        return "only bedrock-runtime has streams that stall"
    is_good = value is True or (isinstance(value, int) and _is_number(value) and value >= 0)
    return None if is_good else f"stall must be true or a whole number of tokens, not {value!r}"


_RULES: dict[str, Callable[[Any, Mapping[str, Any]], str | None]] = {
    "service": _service_problem,
    "operation": _operation_problem,
    "latency_ms": _latency_problem,
    "times_slower": _times_slower_problem,
    "error": _error_problem,
    "hang": _true_problem("hang"),
    "lose_answer": _true_problem("lose_answer"),
    "stall": _stall_problem,
    "rate": _rate_problem,
    "count": _count_problem,
}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
