"""What is scaled: scalable targets, their target-tracking policies, and what they have done."""

from __future__ import annotations

import math
import re
import threading
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from sandbox.aws_api import ACCOUNT, REGION, ApiError, Params

NAMESPACE = "lambda"
DIMENSION = "lambda:function:ProvisionedConcurrency"
POLICIES = "arn:aws:autoscaling:"
"""How the ARN of every scaling policy begins."""
MAX_TARGETS = 500
ACTIVITIES_KEPT = 200
_RESOURCE = re.compile(r"function:([A-Za-z0-9_-]+):([A-Za-z0-9_-]+)")


@dataclass(slots=True)
class Policy:
    """Keeps a metric of one target near a value."""

    resource: str
    name: str
    configuration: Params
    created_at: float
    serial: str = field(default_factory=lambda: str(uuid.uuid4()))
    alarm_names: tuple[str, ...] = ()

    @property
    def arn(self) -> str:
        place = f"resource/{NAMESPACE}/{self.resource}:policyName/{self.name}"
        return f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:scalingPolicy:{self.serial}:{place}"

    @property
    def goal(self) -> float:
        return float(self.configuration["TargetValue"])


@dataclass(slots=True)
class ScalableTarget:
    """Guarded by its book's lock; times in epoch seconds."""

    resource: str
    least: int
    most: int
    created_at: float
    suspended: Params = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)
    activities: deque[Params] = field(default_factory=lambda: deque(maxlen=ACTIVITIES_KEPT))
    serial: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    last_out: float = -math.inf
    last_in: float = -math.inf

    @property
    def arn(self) -> str:
        start = f"arn:aws:application-autoscaling:{REGION}:{ACCOUNT}:scalable-target"
        return f"{start}/0ec5{self.serial}"

    @property
    def function(self) -> dict[str, str]:
        """The function and qualifier as Lambda's operations take them."""
        return function_of(self.resource)


class TargetBook:
    """Every target by its resource; bounded."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._targets: dict[str, ScalableTarget] = {}

    def register(self, resource: str, params: Params, now: float) -> ScalableTarget:
        """Make or change it; the members that a change leaves out stay."""
        with self.lock:
            target = self._targets.get(resource)
            least = params.get("MinCapacity", target.least if target else None)
            most = params.get("MaxCapacity", target.most if target else None)
            if least is None or most is None:
                raise invalid("MinCapacity and MaxCapacity must be given for a new target.")
            if least > most:
                raise invalid("Maximum capacity cannot be less than minimum capacity")
            if target is None:
                target = self._add(ScalableTarget(resource, least, most, now))
            target.least, target.most = least, most
            target.suspended |= params.get("SuspendedState") or {}
            return target

    def _add(self, target: ScalableTarget) -> ScalableTarget:
        if len(self._targets) >= MAX_TARGETS:
            raise ApiError("LimitExceededException", f"The sandbox keeps {MAX_TARGETS} targets.")
        self._targets[target.resource] = target
        return target

    def get(self, resource: str) -> ScalableTarget:
        """ApiError ObjectNotFoundException."""
        with self.lock:
            found = self._targets.get(resource)
        if found is None:
            raise not_found(f"No scalable target registered for {NAMESPACE}, {resource}")
        return found

    def remove(self, resource: str) -> ScalableTarget:
        with self.lock:
            target = self.get(resource)
            del self._targets[resource]
            return target

    def all(self) -> list[ScalableTarget]:
        with self.lock:
            return sorted(self._targets.values(), key=lambda target: target.resource)

    def policy(self, arn: str) -> tuple[ScalableTarget, Policy]:
        """ApiError ObjectNotFoundException."""
        with self.lock:
            for target in self._targets.values():
                for policy in target.policies.values():
                    if policy.arn == arn:
                        return target, policy
        raise not_found(f"No scaling policy found: {arn}")


def function_of(resource: str) -> dict[str, str]:
    """ApiError where it names no version or alias of a function."""
    match = _RESOURCE.fullmatch(resource)
    if match is None:
        raise invalid(f"{resource} is not function:<name>:<version or alias>")
    return {"FunctionName": match[1], "Qualifier": match[2]}


def check_kind(params: Params) -> None:
    """ApiError for what the sandbox does not scale."""
    dimension = params.get("ScalableDimension", DIMENSION)
    if params["ServiceNamespace"] != NAMESPACE or dimension != DIMENSION:
        raise invalid(f"The sandbox scales {DIMENSION} alone.")


def kind() -> dict[str, Any]:
    return {"ServiceNamespace": NAMESPACE, "ScalableDimension": DIMENSION}


def invalid(message: str) -> ApiError:
    return ApiError("ValidationException", message)


def not_found(message: str) -> ApiError:
    return ApiError("ObjectNotFoundException", message)
