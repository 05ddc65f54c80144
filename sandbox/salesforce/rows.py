"""What can be done to records: create, read, update, upsert, delete, each one whole transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.salesforce import duplicates, ids, values
from sandbox.salesforce.errors import SalesforceError, SeveralMatchError, not_found, of_code
from sandbox.salesforce.schema import Field, Schema, SObject
from sandbox.salesforce.settings import LiveSettings
from sandbox.salesforce.store import Record, Store

USER_ID = ids.make("005", 1)
_CLOSED = {"Task": ("Completed",), "Case": ("Closed",)}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a request's headers and query ask for besides its body."""

    modified_since: datetime | None = None
    unmodified_since: datetime | None = None
    allow_duplicate: bool = False
    with_duplicate_details: bool = False
    update_only: bool = False
    base_url: str = ""


class NotModifiedError(Exception):
    """The record is as the client knows it (304)."""


class Rows:
    """The operations on single records; every error is a SalesforceError."""

    def __init__(
        self,
        schema: Schema,
        store: Store,
        settings: LiveSettings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._schema, self._store, self._settings, self._clock = schema, store, settings, clock

    def create(self, sobject: SObject, data: Mapping[str, Any], wishes: Wishes) -> str:
        """The new record's id."""
        if any(name.lower() == "id" for name in data):
            message = "cannot specify Id in an insert call"
            raise SalesforceError("INVALID_FIELD_FOR_INSERT_UPDATE", message, fields=["Id"])
        with self._store.transaction():
            return self._create(sobject, values.checked(sobject, data), wishes)

    def get(self, sobject: SObject, record_id: str, wishes: Wishes) -> Record:
        record = self._store.get(self._id(sobject, record_id))
        if record is None or record["IsDeleted"]:
            raise not_found()
        return _if_modified(record, wishes)

    def get_by(self, sobject: SObject, name: str, value: str, wishes: Wishes) -> Record:
        """By an external id; SeveralMatchError when more than one record has it."""
        record = self._match(sobject, _external_id(sobject, name), value, wishes)
        if record is None:
            raise not_found()
        return _if_modified(record, wishes)

    def update(
        self, sobject: SObject, record_id: str, data: Mapping[str, Any], wishes: Wishes
    ) -> None:
        _refuse_key(data, "Id")
        with self._store.transaction():
            record = self._live(self._id(sobject, record_id))
            self._update(sobject, record, values.checked(sobject, data), wishes)

    def upsert(
        self, sobject: SObject, name: str, value: str, data: Mapping[str, Any], wishes: Wishes
    ) -> tuple[str, bool]:
        """The record's id, and whether it was created."""
        field = _external_id(sobject, name)
        _refuse_key(data, "Id", field.name)
        with self._store.transaction():
            record = self._match(sobject, field, value, wishes)
            if record is not None:
                self._update(sobject, record, values.checked(sobject, data), wishes)
                return str(record["Id"]), False
            if wishes.update_only:
                raise not_found()
            new = values.checked(sobject, {**data, field.name: value})
            return self._create(sobject, new, wishes), True

    def delete(self, sobject: SObject, record_id: str, wishes: Wishes) -> None:
        """Delete a record, and with a person's the tasks that name them."""
        with self._store.transaction():
            record = self._live(self._id(sobject, record_id))
            self._delete(record, wishes)

    def delete_by(self, sobject: SObject, name: str, value: str, wishes: Wishes) -> None:
        with self._store.transaction():
            record = self._match(sobject, _external_id(sobject, name), value, wishes)
            if record is None:
                raise not_found()
            self._delete(record, wishes)

    def _create(self, sobject: SObject, given: Record, wishes: Wishes) -> str:
        now = self._now()
        blank = {field.name: field.default for field in sobject.fields if field.name != "Id"}
        defaults = {f.name: f.default for f in sobject.fields if f.default is not None}
        known = {name: value for name, value in given.items() if value is not None}
        record = blank | {"OwnerId": USER_ID} | defaults | known
        values.require(sobject, record)
        self._check_references(given)
        self._check_unique(sobject, record)
        duplicates.check(sobject, record, self._store, self._settings.now.duplicate_rule, wishes)
        record |= {"CreatedDate": now, "CreatedById": USER_ID}
        return str(self._store.insert(sobject, _stamped(sobject, record, now))["Id"])

    def _update(self, sobject: SObject, record: Record, given: Record, wishes: Wishes) -> None:
        _refuse_if_modified(record, wishes)
        changed = record | given
        values.require(sobject, changed)
        self._check_references(given)
        self._check_unique(sobject, changed)
        self._store.save(_stamped(sobject, changed, self._now()))

    def _delete(self, record: Record, wishes: Wishes) -> None:
        _refuse_if_modified(record, wishes)
        tasks = self._store.matching("Task", "WhoId", record["Id"])
        for gone in (record, *tasks):
            self._store.save(gone | {"IsDeleted": True, "SystemModstamp": self._now()})

    def _live(self, record_id: str) -> Record:
        record = self._store.get(record_id)
        if record is None:
            raise not_found()
        if record["IsDeleted"]:
            raise of_code("ENTITY_IS_DELETED")
        return record

    def _match(self, sobject: SObject, field: Field, value: str, wishes: Wishes) -> Record | None:
        found = self._store.matching(sobject.name, field.name, value.strip())
        if len(found) > 1:
            base = f"{wishes.base_url}/sobjects/{sobject.name}"
            raise SeveralMatchError([f"{base}/{record['Id']}" for record in found])
        return found[0] if found else None

    def _id(self, sobject: SObject, text: str) -> str:
        if not ids.has_shape(text):
            raise not_found(
                f"Provided external ID field does not exist or is not accessible: {text}"
            )
        record_id = ids.normalise(text)
        if record_id is None:
            raise SalesforceError("MALFORMED_ID", f"malformed id {text}", fields=[])
        if not record_id.startswith(sobject.prefix):
            message = f"{sobject.name} ID: id value of incorrect type: {text}"
            raise SalesforceError("MALFORMED_ID", message, fields=["Id"])
        return record_id

    def _check_references(self, given: Record) -> None:
        for name in ("WhoId", "WhatId", "ContactId", "AccountId"):
            if given.get(name):
                self._check_reference(name, given[name])

    def _check_reference(self, name: str, record_id: str) -> None:
        record = self._store.get(record_id)
        if record is None:
            message = "invalid cross reference id"
            raise SalesforceError("INVALID_CROSS_REFERENCE_KEY", message, fields=[name])
        if record["IsDeleted"]:
            raise SalesforceError("ENTITY_IS_DELETED", "entity is deleted", fields=[name])

    def _check_unique(self, sobject: SObject, record: Record) -> None:
        for field in sobject.fields:
            if not field.is_unique or record.get(field.name) is None:
                continue
            same = self._store.matching(sobject.name, field.name, record[field.name])
            others = [other["Id"] for other in same if other["Id"] != record.get("Id")]
            if others:
                message = (
                    f"duplicate value found: {field.name} duplicates value on record "
                    f"with id: {others[0][:15]}"
                )
                raise SalesforceError("DUPLICATE_VALUE", message, fields=[])

    def _now(self) -> str:
        return values.datetime_text(datetime.fromtimestamp(self._clock(), UTC))


def last_modified(record: Record) -> datetime:
    """To the second, since HTTP's dates know no more."""
    return values.read_datetime(record["LastModifiedDate"]).replace(microsecond=0)


def _if_modified(record: Record, wishes: Wishes) -> Record:
    _refuse_if_modified(record, wishes)
    if wishes.modified_since and last_modified(record) <= wishes.modified_since:
        raise NotModifiedError
    return record


def _refuse_if_modified(record: Record, wishes: Wishes) -> None:
    if wishes.unmodified_since and last_modified(record) > wishes.unmodified_since:
        message = "The record was modified after the time in If-Unmodified-Since"
        raise SalesforceError("PRECONDITION_FAILED", message, 412)


def _stamped(sobject: SObject, record: Record, now: str) -> Record:
    stamps = {"LastModifiedDate": now, "SystemModstamp": now, "LastModifiedById": USER_ID}
    if "LastName" in record:
        parts = (record.get("FirstName"), record["LastName"])
        stamps["Name"] = " ".join(part for part in parts if part)
    closed = _CLOSED.get(sobject.name)
    state = {"IsClosed": record.get("Status") in closed} if closed else {}
    return record | stamps | state


def _external_id(sobject: SObject, name: str) -> Field:
    field = sobject.field(name)
    if field is None or not field.is_external_id:
        raise not_found(f"Provided external ID field does not exist or is not accessible: {name}")
    return field


def _refuse_key(data: Mapping[str, Any], *keys: str) -> None:
    given = {name.lower() for name in data}
    for key in keys:
        if key.lower() in given:
            message = f"The {key} field should not be specified in the sobject data."
            raise SalesforceError("INVALID_FIELD", message)
