"""Change sets: what an update would do, looked at before it is done."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.aws_api import ApiError, Operation, Params
from sandbox.cloudformation import plan, views
from sandbox.cloudformation.kinds import Kind
from sandbox.cloudformation.operations import DO_NOTHING, ROLLBACK, Operations
from sandbox.cloudformation.records import Change, ChangeSet, Stack, Target, change_set_arn
from sandbox.cloudformation.requests import Reader
from sandbox.cloudformation.stacks import Stacks, is_reviewed, page, refuse_unless_updatable
from sandbox.cloudformation.template import invalid

NO_CHANGES = (
    "The submitted information didn't contain changes. Submit different information to create a "
    "change set."
)
_MOST_CHANGE_SETS = 100


class ChangeSets:
    """CreateChangeSet to ExecuteChangeSet over the same stacks as the service."""

    def __init__(
        self, stacks: Stacks, reader: Reader, run: Operations, kinds: Mapping[str, Kind]
    ) -> None:
        self._stacks, self._reader, self._run, self._kinds = stacks, reader, run, kinds

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "CreateChangeSet": self.create,
            "DescribeChangeSet": self.describe,
            "DeleteChangeSet": self.delete,
            "ExecuteChangeSet": self.execute,
            "ListChangeSets": self.list,
        }

    def create(self, params: Params) -> Params:
        """FAILED, with a reason, where it would change nothing."""
        is_creation = params.get("ChangeSetType", "UPDATE") == "CREATE"
        if params.get("ChangeSetType") == "IMPORT":
            raise invalid("The sandbox does not play change sets of type IMPORT")
        with self._stacks.lock:
            found = self._find(params, is_creation)
            target = self._reader.target(params, found)
            stack = found or self._stacks.add(params["StackName"])
            try:
                changes = plan.changes(stack, target, self._kinds)
            except ApiError:
                if found is None:
                    self._stacks.forget(stack)
                raise
            one = self._made(stack, target, changes, params, is_creation)
            stack.change_sets[one.name] = one
            if found is None:
                stack.turn("REVIEW_IN_PROGRESS", "User Initiated")
        return {"Id": one.arn, "StackId": stack.stack_id}

    def _find(self, params: Params, is_creation: bool) -> Stack | None:
        name, wanted = params["ChangeSetName"], params["StackName"]
        stack = self._stacks.find(wanted)
        if is_creation:
            if stack is not None and not is_reviewed(stack):
                raise invalid(
                    f"Stack [{stack.name}] already exists and cannot be created again with the "
                    f"changeSet [{name}]."
                )
        elif stack is None:
            raise invalid(f"Stack [{wanted}] does not exist")
        else:
            refuse_unless_updatable(stack)
        if stack is not None and name in stack.change_sets:
            raise ApiError(
                "AlreadyExistsException",
                f"ChangeSet {name} cannot be created due to a "
                "mismatch with existing attribute Name",
            )
        if stack is not None and len(stack.change_sets) >= _MOST_CHANGE_SETS:
            raise ApiError("LimitExceededException", "Too many change sets")
        return stack

    def _made(
        self,
        stack: Stack,
        target: Target,
        changes: list[Change],
        params: Params,
        is_creation: bool,
    ) -> ChangeSet:
        is_empty = not plan.differs(stack, target, self._kinds)
        return ChangeSet(
            name=params["ChangeSetName"],
            arn=change_set_arn(params["ChangeSetName"]),
            target=target,
            is_creation=is_creation,
            on_failure=params.get("OnStackFailure", ROLLBACK),
            description=params.get("Description", ""),
            created_at=stack.clock(),
            changes=changes,
            status="FAILED" if is_empty else "CREATE_COMPLETE",
            execution="UNAVAILABLE" if is_empty else "AVAILABLE",
            reason=NO_CHANGES if is_empty else "",
        )

    def describe(self, params: Params) -> Params:
        stack, one = self._stacks.change_set(params)
        found, token = page(one.changes, params)
        return {**views.change_set(stack, one), "Changes": list(map(views.change, found)), **token}

    def list(self, params: Params) -> Params:
        stack = self._stacks.get(params["StackName"], "Stack [{}] does not exist")
        found, token = page(list(stack.change_sets.values()), params)
        return {"Summaries": [views.change_set_summary(stack, one) for one in found], **token}

    def delete(self, params: Params) -> Params:
        """A stack under review stays, as in CloudFormation."""
        with self._stacks.lock:
            stack, one = self._stacks.change_set(params)
            if stack.is_busy:
                raise _wrong_status(one)
            del stack.change_sets[one.name]
        return {}

    def execute(self, params: Params) -> Params:
        """Every other change set of the stack is gone afterwards: none of them holds any more."""
        with self._stacks.lock:
            stack, one = self._stacks.change_set(params)
            if one.execution != "AVAILABLE":
                raise _wrong_status(one)
            if not is_reviewed(stack):
                refuse_unless_updatable(stack)
            disabled = bool(params.get("DisableRollback"))
            stack.disable_rollback = disabled or one.on_failure == DO_NOTHING
            stack.retain_except_on_create = bool(params.get("RetainExceptOnCreate"))
            stack.token, stack.change_set_arn = params.get("ClientRequestToken"), one.arn
            stack.change_sets = {one.name: one}
            one.execution = "EXECUTE_COMPLETE"
        if one.is_creation:
            failure = DO_NOTHING if stack.disable_rollback else one.on_failure
            self._run.create(stack, one.target, failure)
        else:
            self._run.update(stack, one.target)
        return {}


def _wrong_status(one: ChangeSet) -> ApiError:
    return ApiError(
        "InvalidChangeSetStatus",
        f"ChangeSet [{one.arn}] cannot be executed in its current status of [{one.status}]",
    )
