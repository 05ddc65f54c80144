"""Checks what a client sends for a record, field by field, and gives it Salesforce's form."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from sandbox.salesforce import ids
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.schema import Field, SObject

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_TEXTS = frozenset(
    ("string", "textarea", "picklist", "combobox", "phone", "email", "url", "reference", "id")
)


def datetime_text(moment: datetime) -> str:
    """UTC to the millisecond, as the API writes it: 2026-11-23T10:00:00.000+0000."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}+0000"


def read_datetime(text: str) -> datetime:
    """What `datetime_text` wrote."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")


def checked(sobject: SObject, data: Mapping[str, Any]) -> dict[str, Any]:
    """The values by canonical field name; SalesforceError for the first kind of problem found."""
    given = {name: value for name, value in data.items() if name.lower() != "attributes"}
    fields = {name: _known_field(sobject, name) for name in given}
    _refuse_read_only(fields.values())
    values = {fields[name].name: _typed(fields[name], value) for name, value in given.items()}
    for name, value in values.items():
        _check_content(sobject.field_by_name[name.lower()], value)
    return values


def require(sobject: SObject, record: Mapping[str, Any]) -> None:
    """REQUIRED_FIELD_MISSING names every required field that is empty."""
    missing = [f.name for f in sobject.fields if f.required and record.get(f.name) is None]
    if missing:
        message = f"Required fields are missing: [{', '.join(missing)}]"
        raise SalesforceError("REQUIRED_FIELD_MISSING", message, fields=missing)


def _known_field(sobject: SObject, name: str) -> Field:
    field = sobject.field(name)
    if field is None:
        message = f"No such column '{name}' on sobject of type {sobject.name}"
        raise SalesforceError("INVALID_FIELD", message)
    return field


def _refuse_read_only(fields: Iterable[Field]) -> None:
    names = [field.name for field in fields if field.read_only]
    if names:
        message = (
            f"Unable to create/update fields: {', '.join(names)}. Please check the security "
            "settings of this field and verify that it is read/write for your profile or "
            "permission set."
        )
        raise SalesforceError("INVALID_FIELD_FOR_INSERT_UPDATE", message, fields=names)


def _typed(field: Field, value: Any) -> Any:
    """Text loses the space around it, empty text is null, and ids get their 18 characters."""
    if value is None:
        return False if field.kind == "boolean" else None
    if field.kind in _TEXTS:
        if not isinstance(value, str):
            raise _unreadable("string", value)
        text = value.strip() or None
        return ids.normalise(text) or text if text and field.kind == "reference" else text
    return _READERS[field.kind](value)


def _read_boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _unreadable("boolean", value)
    return value


def _read_int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _unreadable("int", value)
    return value


def _read_date(value: Any) -> str:
    try:
        return date.fromisoformat(value[:10] if "T" in value else value).isoformat()
    except (TypeError, ValueError) as exc:
        raise _unreadable("date", value) from exc


def _read_datetime(value: Any) -> str:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError) as exc:
        raise _unreadable("datetime", value) from exc
    return datetime_text(moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC))


_READERS: dict[str, Callable[[Any], Any]] = {
    "boolean": _read_boolean,
    "int": _read_int,
    "date": _read_date,
    "datetime": _read_datetime,
}


def _check_content(field: Field, value: Any) -> None:
    if not isinstance(value, str):
        return
    if field.kind == "reference":
        _check_reference(field, value)
    elif field.length and len(value) > field.length:
        message = f"{field.title}: data value too large: {value} (max length={field.length})"
        raise SalesforceError("STRING_TOO_LONG", message, fields=[field.name])
    elif field.kind == "email" and not _EMAIL.fullmatch(value):
        message = f"{field.title}: invalid email address: {value}"
        raise SalesforceError("INVALID_EMAIL_ADDRESS", message, fields=[field.name])
    elif field.values and value not in field.values:
        message = f"{field.title}: bad value for restricted picklist field: {value}"
        code = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
        raise SalesforceError(code, message, fields=[field.name])


def _check_reference(field: Field, value: str) -> None:
    """Its form and its kind of object; whether the record is there is the store's to say."""
    message = f"{field.title}: id value of incorrect type: {value}"
    if ids.normalise(value) is None:
        raise SalesforceError("MALFORMED_ID", message, fields=[field.name])
    if value[:3] not in field.refers_to:
        raise SalesforceError("FIELD_INTEGRITY_EXCEPTION", message, fields=[field.name])


def _unreadable(kind: str, value: Any) -> SalesforceError:
    names = {str: "STRING", bool: "TRUE" if value else "FALSE", int: "NUMBER_INT"}
    seen = names.get(type(value), "NUMBER_FLOAT" if isinstance(value, float) else "OBJECT")
    message = (
        f"Cannot deserialize instance of {kind} from VALUE_{seen} value {value} "
        "or request may be missing a required field at [line:1, column:2]"
    )
    return SalesforceError("JSON_PARSER_ERROR", message)
