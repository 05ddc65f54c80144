"""Lead's duplicate rule: the same last name with the same phone number or e-mail address.

A real rule matches more loosely; what a client sees of a match is the same. Published answers spell
the member `duplicateResut`, some say `duplicateResult`: this one has both.
"""

from __future__ import annotations

from typing import Any, Protocol

from sandbox.salesforce import ids
from sandbox.salesforce.errors import DUPLICATES_DETECTED, SalesforceError
from sandbox.salesforce.schema import SObject
from sandbox.salesforce.store import Record, Store


class DuplicateWishes(Protocol):
    """What Sforce-Duplicate-Rule-Header said."""

    @property
    def allow_duplicate(self) -> bool: ...

    @property
    def with_duplicate_details(self) -> bool: ...

    @property
    def base_url(self) -> str: ...


def check(
    sobject: SObject, record: Record, store: Store, rule: str, wishes: DuplicateWishes
) -> None:
    """DUPLICATES_DETECTED when the rule finds another such lead and does not let it pass."""
    if sobject.name != "Lead" or rule == "off" or (rule == "alert" and wishes.allow_duplicate):
        return
    found = [r for r in store.matching("Lead", "LastName", record["LastName"]) if _same(r, record)]
    if found:
        raise error(sobject, found, wishes, rule == "alert")


def error(
    sobject: SObject, found: list[Record], wishes: DuplicateWishes, allow_save: bool = True
) -> SalesforceError:
    """The error with its matches; without any, with the id of a record that is not there."""
    matches = found or [{"Id": ids.make(sobject.prefix, 0)}]
    message = "Use one of these records?"
    result = {
        "allowSave": allow_save,
        "duplicateRule": f"Standard_{sobject.name}_Duplicate_Rule",
        "duplicateRuleEntityType": sobject.name,
        "errorMessage": message,
        "matchResults": [_match_result(sobject, matches, wishes)],
    }
    return SalesforceError(
        DUPLICATES_DETECTED, message, duplicateResut=result, duplicateResult=result
    )


def _match_result(
    sobject: SObject, matches: list[Record], wishes: DuplicateWishes
) -> dict[str, Any]:
    return {
        "entityType": sobject.name,
        "errors": [],
        "matchEngine": "FuzzyMatchEngine",
        "matchRecords": [_match_record(sobject, record, wishes) for record in matches],
        "rule": f"Standard_{sobject.name}_Match_Rule_v1_0",
        "size": len(matches),
        "success": True,
    }


def _match_record(sobject: SObject, record: Record, wishes: DuplicateWishes) -> dict[str, Any]:
    url = f"{wishes.base_url}/sobjects/{sobject.name}/{record['Id']}"
    shown = record if wishes.with_duplicate_details else {"Id": record["Id"]}
    return {
        "additionalInformation": [],
        "fieldDiffs": [],
        "matchConfidence": 100.0,
        "record": {"attributes": {"type": sobject.name, "url": url}} | shown,
    }


def _same(left: Record, right: Record) -> bool:
    return any(left.get(name) and left.get(name) == right.get(name) for name in ("Phone", "Email"))
