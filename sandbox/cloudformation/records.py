"""Stacks, their resources, events and change sets, as the sandbox remembers them."""

from __future__ import annotations

import itertools
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.aws_api import ACCOUNT, REGION
from sandbox.cloudformation.template import Template

STACK_TYPE = "AWS::CloudFormation::Stack"
REVIEW = "REVIEW_IN_PROGRESS"
DELETED = "DELETE_COMPLETE"
_MOST_EVENTS = 2_000

Undo = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Target:
    """What a stack is to be: a template with its parameters' values, and what is asked besides."""

    template: Template
    values: Mapping[str, str]
    tags: tuple[tuple[str, str], ...] = ()
    capabilities: tuple[str, ...] = ()
    notification_arns: tuple[str, ...] = ()
    role_arn: str | None = None


@dataclass(slots=True)
class Resource:
    """One resource that was made; `needs` are the logical ids that were there before it."""

    logical_id: str
    type: str
    physical_id: str
    properties: dict[str, Any]
    attributes: Mapping[str, str]
    needs: tuple[str, ...]
    deletion_policy: str
    replace_policy: str
    status: str = ""
    reason: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a stack or a resource; `at` in epoch seconds."""

    event_id: str
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str
    at: float
    token: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """What an update would do to one resource; `properties` are those that differ."""

    action: str
    logical_id: str
    physical_id: str
    type: str
    properties: tuple[str, ...] = ()
    replaced_by: frozenset[str] = frozenset()
    scope: tuple[str, ...] = ()


@dataclass(slots=True)
class ChangeSet:
    """A change set; `is_creation` when it makes the stack."""

    name: str
    arn: str
    target: Target
    is_creation: bool
    on_failure: str
    description: str
    created_at: float
    changes: list[Change]
    status: str
    execution: str
    reason: str = ""


@dataclass(slots=True, eq=False)
class Stack:
    """A stack; `target` is what it is now, None until it was made once."""

    name: str
    stack_id: str
    created_at: float
    clock: Callable[[], float]
    target: Target | None = None
    status: str = REVIEW
    reason: str = ""
    updated_at: float = 0.0
    deleted_at: float = 0.0
    is_protected: bool = False
    disable_rollback: bool = False
    retain_except_on_create: bool = False
    change_set_arn: str = ""
    token: str | None = None
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    change_sets: dict[str, ChangeSet] = field(default_factory=dict)
    undos: list[Undo] = field(default_factory=list)
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=_MOST_EVENTS))
    _numbers: Any = field(default_factory=itertools.count)

    @property
    def is_deleted(self) -> bool:
        return self.status == DELETED

    @property
    def is_busy(self) -> bool:
        return self.status.endswith("_IN_PROGRESS") and self.status != REVIEW

    def turn(self, status: str, reason: str = "") -> None:
        """Give the stack a status, and tell of it."""
        self.status, self.reason = status, reason
        self._tell(self.name, self.stack_id, STACK_TYPE, status, reason)

    def turn_resource(self, resource: Resource, status: str, reason: str = "") -> None:
        """Give one of its resources a status, and tell of it."""
        resource.status, resource.reason, resource.at = status, reason, self.clock()
        about = (resource.logical_id, resource.physical_id, resource.type)
        self._tell(*about, status, reason)

    def _tell(self, logical_id: str, physical_id: str, kind: str, status: str, reason: str) -> None:
        event_id = f"{logical_id}-{status}-{next(self._numbers)}-{uuid.uuid4()}"
        about = (event_id, logical_id, physical_id, kind, status, reason)
        self.events.append(Event(*about, self.clock(), self.token))


def new_stack(name: str, clock: Callable[[], float]) -> Stack:
    """A stack under review: nothing of it is there yet."""
    stack_id = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{name}/{uuid.uuid4()}"
    return Stack(name, stack_id, clock(), clock)


def change_set_arn(name: str) -> str:
    return f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:changeSet/{name}/{uuid.uuid4()}"
