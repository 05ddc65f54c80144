"""Application Auto Scaling at the endpoint; what it decides, Lambda's own operations carry out."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.aws_api import ApiError, Operation, Params
from sandbox.cloudwatch.alarm_book import AlarmBook, Change
from sandbox.cloudwatch.metric_operations import moment
from sandbox.scaling import tracking
from sandbox.scaling.targets import (
    Policy,
    ScalableTarget,
    TargetBook,
    check_kind,
    function_of,
    invalid,
    kind,
    not_found,
)

Functions = Mapping[str, Operation]
_MINUTE = 60.0


class ApplicationAutoScaling:
    """An AwsService; `functions` are Lambda's operations, `alarms` is CloudWatch's book."""

    service_name = "application-autoscaling"

    def __init__(
        self,
        functions: Functions,
        alarms: AlarmBook,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._functions, self._alarms, self._clock = functions, alarms, clock
        self._book = TargetBook()
        self._operations: dict[str, Operation] = {
            "RegisterScalableTarget": self.register_scalable_target,
            "DeregisterScalableTarget": self.deregister_scalable_target,
            "DescribeScalableTargets": self.describe_scalable_targets,
            "PutScalingPolicy": self.put_scaling_policy,
            "DeleteScalingPolicy": self.delete_scaling_policy,
            "DescribeScalingPolicies": self.describe_scaling_policies,
            "DescribeScalingActivities": self.describe_scaling_activities,
        }

    @property
    def operations(self) -> Mapping[str, Operation]:
        return self._operations

    def register_scalable_target(self, params: Params) -> Params:
        """ValidationException where Lambda knows no such version or alias."""
        check_kind(params)
        resource = params["ResourceId"]
        self._check_exists(resource)
        return {
            "ScalableTargetARN": self._book.register(resource, params, self._clock()).arn,
        }

    def _check_exists(self, resource: str) -> None:
        name, qualifier = function_of(resource).values()
        try:
            # A dry run finds a version as well as an alias, and runs nothing.
            invoke = {"FunctionName": name, "Qualifier": qualifier, "InvocationType": "DryRun"}
            self._functions["Invoke"](invoke)
        except ApiError as exc:
            raise invalid(f"No scalable resource found for {resource}: {exc.message}") from exc

    def deregister_scalable_target(self, params: Params) -> Params:
        """Its policies and their alarms go with it."""
        check_kind(params)
        for policy in self._book.remove(params["ResourceId"]).policies.values():
            self._drop_alarms(policy)
        return {}

    def describe_scalable_targets(self, params: Params) -> Params:
        check_kind(params)
        wanted = params.get("ResourceIds")
        targets = [one for one in self._book.all() if not wanted or one.resource in wanted]
        return {"ScalableTargets": [_described_target(one) for one in targets]}

    def put_scaling_policy(self, params: Params) -> Params:
        """Target tracking alone; made anew, its alarms are made anew."""
        check_kind(params)
        if params.get("PolicyType", "StepScaling") != "TargetTrackingScaling":
            raise invalid("The sandbox knows no policies but TargetTrackingScaling.")
        target = self._book.get(params["ResourceId"])
        configuration = tracking.check(params.get("TargetTrackingScalingPolicyConfiguration"))
        with self._book.lock:
            name = params["PolicyName"]
            policy = target.policies.get(name)
            if policy is None:
                policy = Policy(target.resource, name, configuration, self._clock())
            policy.configuration = configuration
            target.policies[name] = policy
            self._drop_alarms(policy)
            definitions = tracking.alarms(target, policy)
            for definition in definitions:
                self._alarms.put(definition, {})
            policy.alarm_names = tuple(one["AlarmName"] for one in definitions)
        return {"PolicyARN": policy.arn, "Alarms": self._alarms_of(policy)}

    def _drop_alarms(self, policy: Policy) -> None:
        for name in policy.alarm_names:
            self._alarms.delete(name)

    def _alarms_of(self, policy: Policy) -> list[Params]:
        """Less those that somebody has deleted."""
        alarms = [one for one in self._alarms.all() if one.name in policy.alarm_names]
        return [{"AlarmName": alarm.name, "AlarmARN": alarm.arn} for alarm in alarms]

    def delete_scaling_policy(self, params: Params) -> Params:
        check_kind(params)
        with self._book.lock:
            policies = self._book.get(params["ResourceId"]).policies
            if params["PolicyName"] not in policies:
                raise not_found(f"No scaling policy found: {params['PolicyName']}")
            self._drop_alarms(policies.pop(params["PolicyName"]))
        return {}

    def describe_scaling_policies(self, params: Params) -> Params:
        check_kind(params)
        resource, names = params.get("ResourceId"), params.get("PolicyNames")
        found = [
            policy
            for target in self._book.all()
            for policy in target.policies.values()
            if resource in (None, target.resource) and (not names or policy.name in names)
        ]
        return {"ScalingPolicies": [self._described_policy(one) for one in found]}

    def _described_policy(self, policy: Policy) -> Params:
        return {
            **kind(),
            "PolicyARN": policy.arn,
            "PolicyName": policy.name,
            "ResourceId": policy.resource,
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": policy.configuration,
            "Alarms": self._alarms_of(policy),
            "CreationTime": moment(policy.created_at),
        }

    def describe_scaling_activities(self, params: Params) -> Params:
        """Newest first."""
        check_kind(params)
        resource = params.get("ResourceId")
        targets = [one for one in self._book.all() if resource in (None, one.resource)]
        activities = [dict(one) for target in targets for one in target.activities]
        activities.sort(key=lambda one: one["StartTime"], reverse=True)
        return {"ScalingActivities": activities}

    def act(self, action: str, change: Change) -> None:
        """What an alarm's action does: bring the target's capacity to what its policy wants."""
        target, policy = self._book.policy(action)
        if change.value is None:
            return
        current = self._capacity(target)
        capacity = tracking.wanted(target, policy, current, change.value)
        if capacity != current and self._may_scale(target, policy, change.at, capacity > current):
            self._scale(target, policy, change, capacity)

    def _capacity(self, target: ScalableTarget) -> int:
        config = self._functions["GetProvisionedConcurrencyConfig"](dict(target.function))
        return int(config["RequestedProvisionedConcurrentExecutions"])

    def _may_scale(self, target: ScalableTarget, policy: Policy, now: float, is_out: bool) -> bool:
        """Not while suspended, nor within the cool-down, in which a minute may be compressed."""
        name = "DynamicScalingOutSuspended" if is_out else "DynamicScalingInSuspended"
        last = target.last_out if is_out else target.last_in
        pause = tracking.cooldown_seconds(policy, is_out) * self._alarms.minute_seconds / _MINUTE
        return not target.suspended.get(name) and now - last >= pause

    def _scale(self, target: ScalableTarget, policy: Policy, change: Change, capacity: int) -> None:
        is_out = capacity > self._capacity(target)
        put = self._functions["PutProvisionedConcurrencyConfig"]
        failure = None
        try:
            put({**target.function, "ProvisionedConcurrentExecutions": capacity})
        except ApiError as exc:
            failure = exc.message
        with self._book.lock:
            if is_out:
                target.last_out = change.at
            else:
                target.last_in = change.at
            target.activities.append(_activity(target, policy, change, capacity, failure))


def _described_target(target: ScalableTarget) -> Params:
    names = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
    return {
        **kind(),
        "ResourceId": target.resource,
        "MinCapacity": target.least,
        "MaxCapacity": target.most,
        "RoleARN": "arn:aws:iam::123456789012:role/aws-service-role/lambda.application-autoscaling"
        ".amazonaws.com/AWSServiceRoleForApplicationAutoScaling_LambdaConcurrency",
        "CreationTime": moment(target.created_at),
        "SuspendedState": {name: bool(target.suspended.get(name)) for name in names},
        "ScalableTargetARN": target.arn,
    }


def _activity(
    target: ScalableTarget, policy: Policy, change: Change, capacity: int, failure: str | None
) -> dict[str, Any]:
    outcome = "Failed" if failure else "Successful"
    message = failure or f"Successfully set provisioned concurrency to {capacity}."
    return {
        **kind(),
        "ActivityId": str(uuid.uuid4()),
        "ResourceId": target.resource,
        "Description": f"Setting provisioned concurrency to {capacity}.",
        "Cause": f"monitor alarm {change.alarm.name} in state {change.state} triggered policy "
        f"{policy.name}",
        "StartTime": moment(change.at),
        "EndTime": moment(change.at),
        "StatusCode": outcome,
        "StatusMessage": message,
    }
