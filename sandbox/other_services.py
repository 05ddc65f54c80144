"""Services that are not of AWS, by the names under which they are counted, slowed and faulted."""

from __future__ import annotations

SALESFORCE = "salesforce"

OPERATIONS_BY_SERVICE: dict[str, frozenset[str]] = {
    SALESFORCE: frozenset(
        (
            *("token", "versions", "resources", "query", "create", "get", "update", "upsert"),
            *("delete", "describe", "limits", "unknown"),
        )
    ),
}
