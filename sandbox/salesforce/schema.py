"""The objects that the stand-in knows, with Salesforce's names, types and lengths of their fields.

Source: Salesforce's Object Reference (Lead, Task, Case, Contact); the most used fields only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from sandbox.salesforce.settings import LiveSettings

EXTERNAL_ID_FIELD = "Atlas_Interaction_Id__c"
EXTERNAL_ID_OBJECTS = ("Lead", "Task")
_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Field:
    """`kind` is the describe call's type; `refers_to` holds the id prefixes of a reference."""

    name: str
    kind: str = "string"
    length: int = 0
    label: str = ""
    required: bool = False
    read_only: bool = False
    default: str | bool | None = None
    values: tuple[str, ...] = ()
    refers_to: tuple[str, ...] = ()
    is_external_id: bool = False
    is_unique: bool = False

    @property
    def title(self) -> str:
        return self.label or _WORD.sub(" ", self.name)

    @property
    def is_custom(self) -> bool:
        return self.name.endswith("__c")

    @property
    def is_filterable(self) -> bool:
        """Long text cannot stand in a WHERE clause."""
        return not (self.kind == "textarea" and self.length > 255)


@dataclass(frozen=True)
class SObject:
    """One object; fields by their name in lower case, since the API takes any case."""

    name: str
    prefix: str
    plural: str
    fields: tuple[Field, ...] = field(default=())

    @cached_property
    def field_by_name(self) -> Mapping[str, Field]:
        return {item.name.lower(): item for item in self.fields}

    def field(self, name: str) -> Field | None:
        return self.field_by_name.get(name.lower())


class Schema:
    """The objects as the settings in force have them."""

    def __init__(self, settings: LiveSettings) -> None:
        self._settings = settings

    def object(self, name: str) -> SObject | None:
        """By its API name in any case; None for an object that the stand-in does not hold."""
        now = self._settings.now
        variant = (now.has_external_id_field, now.external_id_is_unique)
        return _VARIANTS[variant].get(name.lower())

    def names(self) -> list[str]:
        return [item.name for item in _OBJECTS]


def _text(length: int, *names: str, kind: str = "string") -> list[Field]:
    return [Field(name, kind, length) for name in names]


def _flags(*names: str, read_only: bool = False) -> list[Field]:
    return [Field(name, "boolean", default=False, read_only=read_only) for name in names]


_SYSTEM = (
    Field("Id", "id", 18, "Record ID", read_only=True),
    *_flags("IsDeleted", read_only=True),
    Field("OwnerId", "reference", 18, "Owner ID", refers_to=("005", "00G")),
    Field("CreatedDate", "datetime", read_only=True),
    Field("CreatedById", "reference", 18, read_only=True, refers_to=("005",)),
    Field("LastModifiedDate", "datetime", read_only=True),
    Field("LastModifiedById", "reference", 18, read_only=True, refers_to=("005",)),
    Field("SystemModstamp", "datetime", read_only=True),
)
_PERSON = (
    Field("LastName", "string", 80, required=True),
    Field("Name", "string", 121, "Full Name", read_only=True),
    *_text(40, "FirstName"),
    *_text(40, "Salutation", kind="picklist"),
    *_text(128, "Title"),
    *_text(40, "Phone", "MobilePhone", "Fax", kind="phone"),
    *_text(80, "Email", kind="email"),
    *_text(32000, "Description", kind="textarea"),
    *_flags("DoNotCall", "HasOptedOutOfEmail", "HasOptedOutOfFax"),
)
_LEAD = (
    *_PERSON,
    Field("Company", "string", 255, required=True),
    Field("Status", "picklist", 255, default="Open - Not Contacted"),
    *_text(255, "LeadSource", "Rating", "Industry", kind="picklist"),
    *_text(255, "Website", kind="url"),
    *_text(255, "Street", kind="textarea"),
    *_text(40, "City"),
    *_text(80, "State", "Country"),
    *_text(20, "PostalCode"),
    Field("NumberOfEmployees", "int", label="Employees"),
    *_flags("IsConverted", read_only=True),
)
_CONTACT = (
    *_PERSON,
    Field("AccountId", "reference", 18, "Account ID", refers_to=("001",)),
    *_text(80, "Department"),
    *_text(255, "LeadSource", kind="picklist"),
)
_TASK = (
    *_text(255, "Subject", kind="combobox"),
    Field("WhoId", "reference", 18, "Name ID", refers_to=("00Q", "003")),
    Field("WhatId", "reference", 18, "Related To ID", refers_to=("500", "001", "006")),
    Field("Status", "picklist", 255, default="Not Started"),
    Field("Priority", "picklist", 255, default="Normal"),
    Field("ActivityDate", "date", label="Due Date Only"),
    *_text(32000, "Description", kind="textarea"),
    *_text(255, "Type", kind="picklist"),
    Field(
        *("TaskSubtype", "picklist", 40),
        default="Task",
        values=("Task", "Email", "ListEmail", "Call", "Cadence", "LinkedIn"),
    ),
    Field("CallType", "picklist", 40, values=("Internal", "Inbound", "Outbound")),
    Field("CallDurationInSeconds", "int", label="Call Duration"),
    *_text(255, "CallDisposition", "CallObject"),
    *_flags("IsReminderSet"),
    Field("ReminderDateTime", "datetime", label="Reminder Date/Time"),
    *_flags("IsClosed", "IsHighPriority", "IsArchived", read_only=True),
)
_CASE = (
    Field("CaseNumber", "string", 30, read_only=True),
    *_text(255, "Subject"),
    *_text(32000, "Description", kind="textarea"),
    Field("Status", "picklist", 255, default="New"),
    Field("Priority", "picklist", 255, default="Medium"),
    *_text(255, "Origin", "Reason", "Type", kind="picklist"),
    *_text(80, "SuppliedName", "SuppliedCompany"),
    *_text(80, "SuppliedEmail", kind="email"),
    *_text(40, "SuppliedPhone"),
    *_text(4000, "Comments", kind="textarea"),
    Field("ContactId", "reference", 18, "Contact ID", refers_to=("003",)),
    Field("AccountId", "reference", 18, "Account ID", refers_to=("001",)),
    *_flags("IsEscalated"),
    *_flags("IsClosed", read_only=True),
)
_OBJECTS = (
    SObject("Lead", "00Q", "Leads", (*_SYSTEM, *_LEAD)),
    SObject("Task", "00T", "Tasks", (*_SYSTEM, *_TASK)),
    SObject("Case", "500", "Cases", (*_SYSTEM, *_CASE)),
    SObject("Contact", "003", "Contacts", (*_SYSTEM, *_CONTACT)),
)


def _variant(has_field: bool, is_unique: bool) -> dict[str, SObject]:
    added = Field(
        EXTERNAL_ID_FIELD,
        length=80,
        label="Atlas Interaction Id",
        is_external_id=True,
        is_unique=is_unique,
    )
    return {
        item.name.lower(): SObject(item.name, item.prefix, item.plural, (*item.fields, added))
        if has_field and item.name in EXTERNAL_ID_OBJECTS
        else item
        for item in _OBJECTS
    }


_VARIANTS = {(has, one): _variant(has, one) for has in (True, False) for one in (True, False)}
