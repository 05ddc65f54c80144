"""EventBridge rules that reach Lambda functions, with the events and the permissions of AWS.

moto 5.2.5 knows no Lambda target, hands over times as numbers, and lets a rule that is disabled, or
has a schedule and no pattern, match every event. A function is invoked as an event by the target's
own qualifier, and only where that qualifier's policy lets this rule do so.
"""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import moto.events.models as moto_events
import moto.events.notifications as moto_notifications
from jsonpath_ng.ext.parser import parse as parse_path

from sandbox.aws_api import ApiError, LambdaInvoker

PRINCIPAL = "events.amazonaws.com"

_MEMBERS = (
    *("version", "id", "detail-type", "source", "account", "time", "region", "resources"),
    "detail",
)
_log = logging.getLogger(__name__)
_functions: dict[tuple[str, str], LambdaInvoker] = {}

_original_send = moto_events.Rule.send_to_targets
_original_invoke = moto_notifications._invoke_lambda


def connect(account: str, region: str, functions: LambdaInvoker) -> None:
    """Have that account's rules invoke those functions."""
    moto_events.Rule.send_to_targets = _send_to_targets
    moto_notifications._invoke_lambda = _invoke_for_notification
    _functions[account, region] = functions


def disconnect(account: str, region: str, functions: LambdaInvoker) -> None:
    """Stop, unless another service has taken over since."""
    if _functions.get((account, region)) is functions:
        del _functions[account, region]


def rules(account: str, region: str) -> list[Any]:
    """moto's rules of the default bus."""
    bus = moto_events.events_backends[account][region].event_buses.get("default")
    return list(bus.rules.values()) if bus else []


def deliver(rule: Any, event: Mapping[str, Any]) -> int:
    """Hand an event to a rule's functions, whatever its pattern; how many were invoked."""
    functions = [target for target in list(rule.targets) if _is_lambda(target["Arn"])]
    return sum(_invoke(rule, target, event) for target in functions)


def _send_to_targets(self: Any, original_event: Any, transform_input: bool = True) -> None:
    has_pattern = bool(self.event_pattern.get_pattern())
    if self.state == "DISABLED" or (self.scheduled_expression and not has_pattern):
        return
    if self.event_pattern.matches_event(original_event):
        deliver(self, original_event)
    others = copy.copy(self)
    others.targets = [target for target in list(self.targets) if not _is_lambda(target["Arn"])]
    _original_send(others, original_event, transform_input)


def _is_lambda(arn: str) -> bool:
    parts = arn.split(":")
    return len(parts) > 6 and parts[2] == "lambda" and (parts[4], parts[3]) in _functions


def _invoke(rule: Any, target: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    arn = target["Arn"]
    functions = _functions[rule.account_id, arn.split(":")[3]]
    if not functions.allows(arn, PRINCIPAL, rule.arn):
        _log.warning(
            "rule %s did not invoke %s: the function or alias is not there, or its policy has no "
            "lambda:AddPermission for %s and this rule",
            *(rule.name, arn, PRINCIPAL),
        )
        return False
    try:
        functions.invoke_async(arn, json.dumps(_input(target, event)).encode())
    except ApiError as error:
        _log.warning("rule %s could not invoke %s: %s", rule.name, arn, error.code)
        return False
    return True


def _invoke_for_notification(account_id: str, fn_arn: str, event: Any) -> None:
    functions = _functions.get((account_id, fn_arn.split(":")[3]))
    if functions is None:
        _original_invoke(account_id, fn_arn, event)
    else:
        functions.invoke_async(fn_arn, json.dumps(event).encode())


def _input(target: Mapping[str, Any], event: Mapping[str, Any]) -> Any:
    """What the target is given; a target has one of the three transformations or none."""
    if "Input" in target:
        return json.loads(target["Input"])
    delivered = as_delivered(event)
    if path := target.get("InputPath"):
        return next((match.value for match in parse_path(path).find(delivered)), None)
    if transformer := target.get("InputTransformer"):
        return moto_events.EventTemplateParser.parse(
            input_template=transformer["InputTemplate"],
            input_paths_map=transformer.get("InputPathsMap", {}),
            event={**delivered, "ingestion-time": delivered["time"]},
        )
    return delivered


def as_delivered(event: Mapping[str, Any]) -> dict[str, Any]:
    """The members and the time's form of EventBridge's event structure (user guide)."""
    delivered = {name: event[name] for name in _MEMBERS if name in event}
    return {**delivered, "time": iso_time(event.get("time"))}


def iso_time(value: Any) -> str:
    """Seconds since the epoch, a datetime or text, as `2026-11-23T22:05:00Z`; None is now."""
    if isinstance(value, str):
        return value
    if value is None:
        value = datetime.now(UTC)
    if not isinstance(value, datetime):
        value = datetime.fromtimestamp(float(value), UTC)
    return str(value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
