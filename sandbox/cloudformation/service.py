"""The operations of `cloudformation` on stacks; those on change sets stand beside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.aws_api import ApiError, Operation, Params
from sandbox.cloudformation import plan, views
from sandbox.cloudformation.change_sets import ChangeSets
from sandbox.cloudformation.kinds import KINDS, ClientOf, Kind
from sandbox.cloudformation.operations import (
    DELETE,
    DO_NOTHING,
    PATIENCE_SECONDS,
    ROLLBACK,
    Operations,
)
from sandbox.cloudformation.records import Resource, Stack, Target
from sandbox.cloudformation.requests import Reader
from sandbox.cloudformation.stacks import Stacks, page, refuse_busy, refuse_unless_updatable
from sandbox.cloudformation.template import invalid
from sandbox.routes import service_model

NO_UPDATES = "No updates are to be performed."


class CloudFormationService:
    """An AwsService. An operation that it lacks is refused: moto would answer and do nothing."""

    service_name = "cloudformation"

    def __init__(
        self,
        client_of: ClientOf,
        own_kinds: Mapping[str, Kind] | None = None,
        *,
        clock: Callable[[], float] = time.time,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._kinds = {**KINDS, **(own_kinds or {})}
        self._stacks = Stacks(clock)
        self._reader = Reader(self._kinds, client_of)
        self._run = Operations(self._kinds, client_of, patience_seconds)
        change_sets = ChangeSets(self._stacks, self._reader, self._run, self._kinds)
        own = (
            *(self.create_stack, self.update_stack, self.delete_stack, self.describe_stacks),
            *(self.list_stacks, self.describe_stack_events, self.describe_stack_resources),
            *(self.describe_stack_resource, self.list_stack_resources, self.get_template),
            *(self.get_template_summary, self.validate_template),
            *(self.update_termination_protection, self.continue_update_rollback),
        )
        self._operations: dict[str, Operation] = {
            **_refusals(),
            **{_operation_name(each.__name__): each for each in own},
            **change_sets.operations,
        }

    @property
    def operations(self) -> Mapping[str, Operation]:
        return self._operations

    def create_stack(self, params: Params) -> Params:
        """AlreadyExistsException for a name that is taken, also by a stack under review."""
        name = params["StackName"]
        with self._stacks.lock:
            if found := self._stacks.find(name):
                token = params.get("ClientRequestToken")
                if token and token == found.token:
                    return {"StackId": found.stack_id}
                raise ApiError("AlreadyExistsException", f"Stack [{name}] already exists")
            target = self._reader.target(params, None)
            stack = self._stacks.add(name)
            try:
                plan.changes(stack, target, self._kinds)
            except ApiError:
                self._stacks.forget(stack)
                raise
            stack.is_protected = bool(params.get("EnableTerminationProtection"))
            _remember(stack, params)
        self._run.create(stack, target, _on_failure(params))
        return {"StackId": stack.stack_id}

    def update_stack(self, params: Params) -> Params:
        with self._stacks.lock:
            stack = self._stacks.get(params["StackName"], "Stack [{}] does not exist")
            refuse_unless_updatable(stack)
            target = self._reader.target(params, stack)
            if not plan.differs(stack, target, self._kinds):
                raise invalid(NO_UPDATES)
            _remember(stack, params)
        self._run.update(stack, target)
        return {"StackId": stack.stack_id}

    def delete_stack(self, params: Params) -> Params:
        """That there is no such stack is no error."""
        with self._stacks.lock:
            stack = self._stacks.find(params["StackName"])
            if stack is None or stack.is_deleted:
                return {}
            if stack.is_protected:
                raise invalid(
                    f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
                )
            refuse_busy(stack, "deleted")
            retained = params.get("RetainResources", [])
            if retained and stack.status != "DELETE_FAILED":
                raise invalid(
                    f"Invalid operation on stack [{stack.stack_id}]. RetainResources is valid in "
                    "DELETE_FAILED state only."
                )
            stack.token = params.get("ClientRequestToken")
        self._run.delete(stack, retained)
        return {}

    def describe_stacks(self, params: Params) -> Params:
        if name := params.get("StackName"):
            return {"Stacks": [views.stack(self._stacks.get(name))]}
        there = [each for each in self._stacks.all() if not each.is_deleted]
        found, token = page(there, params)
        return {"Stacks": [views.stack(each) for each in found], **token}

    def list_stacks(self, params: Params) -> Params:
        """Deleted ones among them, unless the filter leaves them out."""
        wanted = params.get("StackStatusFilter")
        all_of_them = self._stacks.all()
        listed = [each for each in all_of_them if not wanted or each.status in wanted]
        found, token = page(listed, params)
        return {"StackSummaries": [views.stack_summary(each) for each in found], **token}

    def describe_stack_events(self, params: Params) -> Params:
        stack = self._stacks.get(params["StackName"], "Stack [{}] does not exist")
        found, token = page(list(stack.events)[::-1], params)
        return {"StackEvents": [views.event(stack, each) for each in found], **token}

    def describe_stack_resources(self, params: Params) -> Params:
        """Of a stack, or of the stack that a physical id belongs to."""
        stack = self._stack_of(params)
        wanted = params.get("LogicalResourceId")
        found = [each for name, each in stack.resources.items() if wanted in (None, name)]
        return {"StackResources": [views.resource(stack, each) for each in found]}

    def describe_stack_resource(self, params: Params) -> Params:
        name, wanted = params["StackName"], params["LogicalResourceId"]
        stack = self._stacks.get(name, "Stack '{}' does not exist")
        found = stack.resources.get(wanted)
        if found is None:
            raise invalid(f"Resource {wanted} does not exist for stack {stack.name}")
        return {"StackResourceDetail": views.resource_detail(stack, found)}

    def list_stack_resources(self, params: Params) -> Params:
        stack = self._stacks.get(params["StackName"])
        found, token = page(list(stack.resources.values()), params)
        return {"StackResourceSummaries": [views.resource_summary(each) for each in found], **token}

    def get_template(self, params: Params) -> Params:
        """Of a stack as it is, or of a change set."""
        if "ChangeSetName" in params:
            _, change_set = self._stacks.change_set(params)
            target: Target | None = change_set.target
        else:
            target = self._stacks.get(params.get("StackName", "")).target
        if target is None:
            raise invalid(f"Stack with id {params['StackName']} does not have a template")
        text: Any = target.template.text
        return {"TemplateBody": text, "StagesAvailable": ["Original", "Processed"]}

    def get_template_summary(self, params: Params) -> Params:
        if name := params.get("StackName"):
            target = self._stacks.get(name).target
            if target is None:
                raise invalid(f"Stack with id {name} does not have a template")
            return views.template_summary(target.template)
        return views.template_summary(self._reader.template(params))

    def validate_template(self, params: Params) -> Params:
        return views.validated(self._reader.template(params))

    def update_termination_protection(self, params: Params) -> Params:
        stack = self._stacks.get(params["StackName"])
        stack.is_protected = params["EnableTerminationProtection"]
        return {"StackId": stack.stack_id}

    def continue_update_rollback(self, params: Params) -> Params:
        with self._stacks.lock:
            stack = self._stacks.get(params["StackName"])
            if params.get("ResourcesToSkip"):
                raise invalid("The sandbox does not play ResourcesToSkip")
            if stack.status != "UPDATE_ROLLBACK_FAILED":
                raise invalid(
                    f"Stack:{stack.stack_id} is in {stack.status} state and can not continue "
                    "rollback."
                )
        self._run.roll_back_again(stack)
        return {}

    def _stack_of(self, params: Params) -> Stack:
        if name := params.get("StackName"):
            return self._stacks.get(name)
        wanted = params.get("PhysicalResourceId")
        for stack in self._stacks.all():
            if not stack.is_deleted and any(_is(each, wanted) for each in stack.resources.values()):
                return stack
        raise invalid(f"Stack for {wanted} does not exist")


def _is(resource: Resource, physical_id: str | None) -> bool:
    return resource.physical_id == physical_id


def _remember(stack: Stack, params: Params) -> None:
    stack.disable_rollback = bool(params.get("DisableRollback"))
    stack.retain_except_on_create = bool(params.get("RetainExceptOnCreate"))
    stack.token = params.get("ClientRequestToken")


def _on_failure(params: Params) -> str:
    if params.get("DisableRollback"):
        return DO_NOTHING
    wanted = params.get("OnFailure", ROLLBACK)
    return wanted if wanted in (DO_NOTHING, DELETE) else ROLLBACK


def _refusals() -> dict[str, Operation]:
    model = service_model("cloudformation")

    def refusal(name: str) -> Operation:
        def refuse(_: Params) -> Params:
            raise ApiError("InvalidAction", f"The sandbox does not play {name}")

        return refuse

    return {name: refusal(name) for name in (model.operation_names if model else ())}


def _operation_name(method: str) -> str:
    return "".join(word.capitalize() for word in method.split("_"))
