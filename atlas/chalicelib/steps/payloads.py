"""What the steps are given and give back: ids and named outcomes, nothing of the person.

A test compares these fields with the keys that the workflow's definition sends.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from chalicelib.errors import InvalidRequestError
from chalicelib.lead import is_interaction_id

TASK_TOKEN_CHARACTERS = 2_048


@dataclass(frozen=True, slots=True)
class Payload:
    """Strings by name. `parse` raises InvalidRequestError, which names the field."""

    @classmethod
    def parse(cls, event: object) -> Self:
        if not isinstance(event, dict):
            raise InvalidRequestError("event", "must be an object")
        values: dict[str, Any] = {
            field.name: _checked(field.name, event.get(field.name, field.default))
            for field in fields(cls)
        }
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class InteractionInput(Payload):
    """`interaction_id`: 32 hex digits."""

    interaction_id: str


@dataclass(frozen=True, slots=True)
class InvokeCallInput(Payload):
    """`task_token`: what resumes the workflow when the call is over."""

    interaction_id: str
    task_token: str


@dataclass(frozen=True, slots=True)
class UpdateLeadInput(Payload):
    """The outcomes of the workflow's branches; none of them where no workflow asks."""

    interaction_id: str
    lead_outcome: str = ""
    scenario_outcome: str = ""
    call_outcome: str = ""


@dataclass(frozen=True, slots=True)
class StepResult:
    """`outcome`: one word that says what happened; the workflow and the metrics read it."""

    outcome: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def _checked(name: str, value: object) -> str:
    if name == "interaction_id" and not is_interaction_id(value):
        raise InvalidRequestError(name, "must be 32 hex digits")
    if not isinstance(value, str) or len(value) > TASK_TOKEN_CHARACTERS:
        raise InvalidRequestError(name, "must be a string of at most 2,048 characters")
    return value
