"""What describe calls, the version list and the limits answer."""

from __future__ import annotations

from typing import Any

from sandbox.salesforce.schema import Field, SObject

OLDEST_VERSION, NEWEST_VERSION = 31, 68
_SEASONS = ("Spring", "Summer", "Winter")


def versions() -> list[dict[str, str]]:
    """Versions before 31.0 are retired; 62.0 is Winter '25, three more each year."""
    return [
        {"label": _label(number), "url": f"/services/data/v{number}.0", "version": f"{number}.0"}
        for number in range(OLDEST_VERSION, NEWEST_VERSION + 1)
    ]


def resources(base_url: str) -> dict[str, str]:
    return {name: f"{base_url}/{name}" for name in ("sobjects", "query", "queryAll", "limits")}


def limits(most: int, used: int) -> dict[str, dict[str, int]]:
    """`DailyApiRequests` is counted; nothing else is."""
    return {"DailyApiRequests": {"Max": most, "Remaining": max(0, most - used)}}


def summary(sobject: SObject, base_url: str) -> dict[str, Any]:
    """One object as the list of objects shows it."""
    url = f"{base_url}/sobjects/{sobject.name}"
    can = ("createable", "updateable", "deletable", "queryable", "retrieveable", "searchable")
    return {
        "name": sobject.name,
        "label": sobject.name,
        "labelPlural": sobject.plural,
        "keyPrefix": sobject.prefix,
        "custom": False,
        **dict.fromkeys(can, True),
        "urls": {"sobject": url, "describe": f"{url}/describe", "rowTemplate": f"{url}/{{ID}}"},
    }


def describe(sobject: SObject, base_url: str) -> dict[str, Any]:
    """One object with its fields."""
    fields = [_field(field) for field in sobject.fields]
    return summary(sobject, base_url) | {"fields": fields, "recordTypeInfos": []}


def _field(field: Field) -> dict[str, Any]:
    values = [{"active": True, "label": text, "value": text} for text in field.values]
    return {
        "name": field.name,
        "label": field.title,
        "type": field.kind,
        "length": field.length,
        "byteLength": field.length * 3,
        "custom": field.is_custom,
        "externalId": field.is_external_id,
        "unique": field.is_unique,
        "idLookup": field.is_external_id or field.kind == "id",
        "caseSensitive": False,
        "nillable": not (field.required or field.read_only or field.kind == "boolean"),
        "createable": not field.read_only,
        "updateable": not field.read_only,
        "defaultedOnCreate": field.default is not None or field.read_only,
        "filterable": field.is_filterable,
        "sortable": field.is_filterable,
        "restrictedPicklist": bool(field.values),
        "picklistValues": values,
        "referenceTo": [_OBJECT_OF_PREFIX[prefix] for prefix in field.refers_to],
    }


def _label(number: int) -> str:
    since = number - 60
    return f"{_SEASONS[since % 3]} '{24 + (since + 1) // 3:02}"


_OBJECT_OF_PREFIX = {
    "00Q": "Lead",
    "003": "Contact",
    "500": "Case",
    "001": "Account",
    "006": "Opportunity",
    "005": "User",
    "00G": "Group",
}
