"""Whether an organisation can keep Atlas's records: its login, its fields, the external id.

Without a unique external id on Lead and Task a repeated write makes a second record, and nothing
but a look at the organisation tells it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.errors import RejectedByDependencyError

WRITTEN: Mapping[str, tuple[str, ...]] = {
    "Lead": (
        *("FirstName", "LastName", "Company", "Phone", "LeadSource", "Status"),
        *("Description", "DoNotCall"),
    ),
    "Task": ("Subject", "WhoId", "Status", "Priority", "Description"),
}
"""What Atlas writes on each object; decision 0051 says why."""
EXTERNAL_ID_CHARACTERS = 41
"""The longest external id: an interaction id and `:callback`."""


class Records(Protocol):
    """Whoever describes an organisation's objects; DependencyError when it does not answer."""

    def describe(self, name: str) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Finding:
    """`problem` is empty where all is well."""

    subject: str
    problem: str = ""


def findings(records: Records, external_id_field: str) -> list[Finding]:
    """One finding for each thing looked at; RetryableDependencyError when nobody answers."""
    found: list[Finding] = []
    for name, fields in WRITTEN.items():
        try:
            described = records.describe(name)
        except RejectedByDependencyError as exc:
            return [*found, Finding(f"{name}: login and description", f"{exc}")]
        by_name = {field["name"]: field for field in described.get("fields", [])}
        found.append(Finding(f"{name}: login and description"))
        found.append(Finding(f"{name}: fields that Atlas writes", _missing(fields, by_name)))
        if external_id_field:
            subject = f"{name}: external id {external_id_field}"
            found.append(Finding(subject, "; ".join(_unfit(by_name.get(external_id_field)))))
    if not external_id_field:
        found.append(Finding("external id", "none is set: leads are written at least once"))
    return found


def _missing(fields: tuple[str, ...], by_name: Mapping[str, Mapping[str, Any]]) -> str:
    missing = [name for name in fields if not by_name.get(name, {}).get("createable")]
    return f"cannot be written: {', '.join(missing)}" if missing else ""


def _unfit(field: Mapping[str, Any] | None) -> Iterator[str]:
    if field is None:
        yield "there is no such field (text, 80, external id, unique)"
        return
    if not field.get("externalId"):
        yield "is not marked as an external id"
    if not field.get("unique"):
        yield "is not unique: two attempts at once could make two records"
    if int(field.get("length") or 0) < EXTERNAL_ID_CHARACTERS:
        yield f"is shorter than {EXTERNAL_ID_CHARACTERS} characters"
