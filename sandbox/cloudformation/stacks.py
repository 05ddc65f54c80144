"""Every stack of the account and region: found by name or id, paged, and refused when busy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sandbox.aws_api import ApiError, Params
from sandbox.cloudformation.records import REVIEW, ChangeSet, Stack, new_stack
from sandbox.cloudformation.template import invalid

_MOST_DELETED = 200
_PAGE = 100

Item = TypeVar("Item")


class Stacks:
    """`lock` is held while a request changes a stack or starts an operation on it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.lock = threading.RLock()
        self._stacks: list[Stack] = []

    def all(self) -> list[Stack]:
        """Newest first, deleted ones among them; the oldest of those are forgotten."""
        return self._stacks[::-1]

    def find(self, name_or_id: str) -> Stack | None:
        """By name, only one that is not deleted; by id, any."""
        for stack in self.all():
            if stack.stack_id == name_or_id or (stack.name == name_or_id and not stack.is_deleted):
                return stack
        return None

    def get(self, name_or_id: str, message: str = "Stack with id {} does not exist") -> Stack:
        """ApiError (ValidationError) when there is none."""
        if stack := self.find(name_or_id):
            return stack
        raise invalid(message.format(name_or_id))

    def add(self, name: str) -> Stack:
        stack = new_stack(name, self._clock)
        self._stacks.append(stack)
        deleted = [each for each in self._stacks if each.is_deleted]
        for each in deleted[:-_MOST_DELETED]:
            self._stacks.remove(each)
        return stack

    def forget(self, stack: Stack) -> None:
        """As if it had never been added."""
        self._stacks.remove(stack)

    def change_set(self, params: Params) -> tuple[Stack, ChangeSet]:
        """By ARN, or by name with the stack's; ApiError (ChangeSetNotFound) when there is none."""
        wanted = params["ChangeSetName"]
        stacks = [self.get(params["StackName"])] if "StackName" in params else self.all()
        for stack in stacks:
            for one in stack.change_sets.values():
                if wanted in (one.arn, one.name):
                    return stack, one
        raise ApiError("ChangeSetNotFound", f"ChangeSet [{wanted}] does not exist", 404)


def refuse_unless_updatable(stack: Stack) -> None:
    """ApiError (ValidationError) for a stack that is busy, or that can only be deleted."""
    updatable = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
    if stack.status not in (*updatable, "UPDATE_FAILED"):
        raise invalid(f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated.")


def refuse_busy(stack: Stack, verb: str) -> None:
    if stack.is_busy:
        raise invalid(f"Stack [{stack.name}] cannot be {verb} while in status {stack.status}")


def is_reviewed(stack: Stack | None) -> bool:
    """Whether nothing of it is there yet but change sets."""
    return stack is not None and stack.status == REVIEW


def page(items: Sequence[Item], params: Params, size: int = _PAGE) -> tuple[list[Item], Any]:
    """The items after NextToken, and the members that lead to the next page."""
    token = params.get("NextToken", "0")
    if not token.isdigit():
        raise invalid("Invalid NextToken")
    start = int(token)
    found = list(items[start : start + size])
    is_more = start + size < len(items)
    return found, {"NextToken": str(start + size)} if is_more else {}
