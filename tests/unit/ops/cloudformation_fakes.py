"""CloudFormation as a deployment sees it, in memory; every call is checked against botocore."""

from __future__ import annotations

import json
from typing import Any

from ops_fakes import FakeClient, World, client_error

from ops.aws import Clients
from ops.steps import Context
from ops.waiting import Waiter

ACCOUNT_ARN = "arn:aws:cloudformation:us-east-1:123456789012:stack/"
KEY_ID = "0a1b2c3d-0000-4000-8000-0123456789ab"
NO_CHANGE = "The submitted information didn't contain changes. Submit different information."


class FakeCloudFormation(FakeClient):
    """Stacks that need one look to settle; `given` says what a stack's template gives out."""

    service = "cloudformation"

    def __init__(self, timeline: list[tuple[str, dict[str, Any]]]) -> None:
        super().__init__(timeline)
        self.stacks: dict[str, dict[str, Any]] = {}
        self.given: dict[str, dict[str, str]] = {}
        self.change_sets: dict[str, dict[str, Any]] = {}
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.changes: list[dict[str, Any]] = []
        self.refused = ""
        self.failing: dict[str, str] = {}

    def put(self, name: str, status: str, **members: Any) -> dict[str, Any]:
        """A stack that stands already."""
        stack = {"StackName": name, "StackId": f"{ACCOUNT_ARN}{name}/1", "StackStatus": status}
        self.stacks[name] = stack | {"content": None, "next": ""} | members
        return self.stacks[name]

    def _stack(self, name: str) -> dict[str, Any]:
        by_id = {stack["StackId"]: stack for stack in self.stacks.values()}
        stack = by_id.get(name) or self.stacks.get(name)
        if stack is None or (name not in by_id and stack["StackStatus"] == "DELETE_COMPLETE"):
            raise client_error(
                "ValidationError", "DescribeStacks", f"Stack with id {name} does not exist"
            )
        return stack

    def on_describe_stacks(self, StackName: str) -> dict[str, Any]:
        stack = self._stack(StackName)
        now = {k: v for k, v in stack.items() if k not in ("content", "next")}
        if stack["next"]:
            stack["StackStatus"], stack["next"] = stack["next"], ""
        outputs = self.given.get(stack["StackName"], {})
        now["Outputs"] = [{"OutputKey": k, "OutputValue": v} for k, v in outputs.items()]
        return {"Stacks": [now]}

    def on_describe_stack_resources(self, StackName: str) -> dict[str, Any]:
        statuses = ("CREATE_COMPLETE", "CREATE_IN_PROGRESS")
        return {"StackResources": [{"ResourceStatus": status} for status in statuses]}

    def on_describe_stack_events(self, StackName: str, NextToken: str = "") -> dict[str, Any]:
        events = self.events.get(self._stack(StackName)["StackName"], [])
        # A page each, so that whoever reads the first alone misses the cause.
        at = int(NextToken or 0)
        more = {"NextToken": str(at + 1)} if at + 1 < len(events) else {}
        return {"StackEvents": events[at : at + 1], **more}

    def on_create_change_set(
        self, StackName: str, ChangeSetName: str, ChangeSetType: str, **wanted: Any
    ) -> dict[str, Any]:
        stands = self.stacks.get(StackName)
        if stands and stands["StackStatus"] == "DELETE_COMPLETE":
            stands = None
        is_new = stands is None or stands["StackStatus"] == "REVIEW_IN_PROGRESS"
        assert (ChangeSetType == "CREATE") is is_new, "as AWS refuses it"
        if stands is None:
            stands = self.put(StackName, "REVIEW_IN_PROGRESS")
        content = json.dumps(wanted, sort_keys=True)
        arn = f"arn:aws:cloudformation:us-east-1:123456789012:changeSet/{ChangeSetName}/1"
        why = self.refused or (NO_CHANGE if stands["content"] == content else "")
        self.change_sets[arn] = {
            "StackName": StackName,
            "Status": "FAILED" if why else "CREATE_COMPLETE",
            "StatusReason": why,
            "Changes": [{"Type": "Resource", "ResourceChange": each} for each in self.changes],
            "content": content,
        }
        return {"Id": arn, "StackId": stands["StackId"]}

    def on_describe_change_set(self, ChangeSetName: str) -> dict[str, Any]:
        return {k: v for k, v in self.change_sets[ChangeSetName].items() if k != "content"}

    def on_delete_change_set(self, ChangeSetName: str) -> dict[str, Any]:
        del self.change_sets[ChangeSetName]
        return {}

    def on_execute_change_set(
        self, ChangeSetName: str, RetainExceptOnCreate: bool
    ) -> dict[str, Any]:
        assert RetainExceptOnCreate, "what a failed creation leaves would block the next one"
        chosen = self.change_sets.pop(ChangeSetName)
        stack = self.stacks[chosen["StackName"]]
        kind = "CREATE" if stack["StackStatus"] == "REVIEW_IN_PROGRESS" else "UPDATE"
        stack |= {"StackStatus": f"{kind}_IN_PROGRESS", "next": f"{kind}_COMPLETE"}
        if why := self.failing.get(chosen["StackName"]):
            rolled = "ROLLBACK_COMPLETE" if kind == "CREATE" else "UPDATE_ROLLBACK_COMPLETE"
            stack["next"] = rolled
            self.events[chosen["StackName"]] = failed_events(stack, why, kind)
        else:
            stack["content"] = chosen["content"]
        return {}

    def on_update_termination_protection(
        self, StackName: str, EnableTerminationProtection: bool
    ) -> dict[str, Any]:
        self._stack(StackName)["EnableTerminationProtection"] = EnableTerminationProtection
        return {}

    def on_delete_stack(self, StackName: str) -> dict[str, Any]:
        stack = self._stack(StackName)
        if stack.get("EnableTerminationProtection"):
            raise client_error("ValidationError", "DeleteStack", "TerminationProtection is enabled")
        failed = self.failing.get(stack["StackName"])
        stack |= {"StackStatus": "DELETE_IN_PROGRESS"}
        stack["next"] = "DELETE_FAILED" if failed else "DELETE_COMPLETE"
        if failed:
            self.events[stack["StackName"]] = failed_events(stack, failed, "DELETE")
        return {}


class FakeConnect(FakeClient):
    """An instance with or without a place for call recordings."""

    service = "connect"

    def __init__(self, timeline: list[tuple[str, dict[str, Any]]]) -> None:
        super().__init__(timeline)
        self.recordings: list[dict[str, Any]] = []

    def keep_in(self, bucket: str) -> None:
        self.recordings = [
            {
                "AssociationId": "c" * 64,
                "StorageType": "S3",
                "S3Config": {"BucketName": bucket, "BucketPrefix": "connect"},
            }
        ]

    def on_list_instance_storage_configs(
        self, InstanceId: str, ResourceType: str
    ) -> dict[str, Any]:
        assert ResourceType == "CALL_RECORDINGS"
        return {"StorageConfigs": self.recordings}


def failed_events(stack: dict[str, Any], why: str, kind: str) -> list[dict[str, Any]]:
    """Newest first: the end, one more that was cancelled, the cause, the beginning, the past."""
    name, stack_id = stack["StackName"], stack["StackId"]

    def event(resource: str, status: str, reason: str) -> dict[str, Any]:
        is_stack = resource == name
        return {
            "StackId": stack_id,
            "EventId": f"{resource}-{status}",
            "StackName": name,
            "LogicalResourceId": resource,
            "PhysicalResourceId": stack_id if is_stack else "",
            "ResourceType": "AWS::CloudFormation::Stack" if is_stack else "AWS::KMS::Key",
            "ResourceStatus": status,
            "ResourceStatusReason": reason,
        }

    return [
        event(name, "ROLLBACK_COMPLETE", ""),
        event("Other", f"{kind}_FAILED", "Resource creation cancelled"),
        event("Key", f"{kind}_FAILED", why),
        event(name, f"{kind}_IN_PROGRESS", "User Initiated"),
        event("Key", f"{kind}_FAILED", "of a former operation"),
    ]


class StackWorld:
    """CloudFormation beside the release's world, on one timeline and one clock."""

    def __init__(self, stage: str = "prod") -> None:
        self.world = World(stage)
        self.cloudformation = FakeCloudFormation(self.world.timeline)
        self.connect = FakeConnect(self.world.timeline)
        self.others: dict[str, Any] = {"connect": self.connect}
        self.cloudformation.given = {
            f"atlas-{stage}-workflow": {
                "KeyArn": f"arn:aws:kms:us-east-1:123456789012:key/{KEY_ID}"
            },
            f"atlas-{stage}-bot": {"BotId": "BOT0000001"},
        }

    def context(self, *, dry_run: bool = False) -> Context:
        world = self.world
        clients = Clients(
            world.lambda_,
            world.lex,
            world.dynamodb,
            world.stepfunctions,
            of={"cloudformation": self.cloudformation, **self.others}.__getitem__,
        )
        waiter = Waiter(world.progress.append, clock=lambda: world.now, sleep=self._sleep)
        return Context(world.stage, clients, waiter, dry_run)

    def parameters(self, stack: str) -> dict[str, str]:
        """What the named stack was last made with."""
        given = [
            call["Parameters"]
            for name, call in self.world.timeline
            if name == "create_change_set" and call["StackName"] == stack
        ]
        return {each["ParameterKey"]: each["ParameterValue"] for each in given[-1]}

    def _sleep(self, seconds: float) -> None:
        self.world.now += seconds
