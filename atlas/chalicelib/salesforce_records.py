"""Single records and queries over simple-salesforce; imported by those functions that need it.

The session is kept over invocations and opened anew once when Salesforce no longer knows it.
simple-salesforce has neither time-outs nor typed errors of its own: both are added here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, TypeVar

import requests
from simple_salesforce.api import Salesforce as Client
from simple_salesforce.exceptions import SalesforceError, SalesforceExpiredSession
from simple_salesforce.format import format_external_id, format_soql

from chalicelib.deadline import Deadline
from chalicelib.errors import RejectedByDependencyError, RetryableDependencyError
from chalicelib.salesforce_errors import MISSING, translated
from chalicelib.salesforce_http import DEPENDENCY
from chalicelib.salesforce_login import Login

Record = dict[str, Any]
_T = TypeVar("_T")
_ID = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?")
ALLOW_DUPLICATES = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
"""A rule that warns lets the record pass; one that blocks still answers DUPLICATES_DETECTED."""


class SalesforceRecords:
    """Every call raises DependencyError; each costs one request, or two on an expired session."""

    def __init__(self, login: Login, api_version: str) -> None:
        self._login, self._api_version = login, api_version
        self._client: Client | None = None

    def prepare(self) -> None:
        """Read the secret and parse its key."""
        self._login.credentials()

    def until(self, deadline: Deadline | None) -> None:
        """Wait for answers until then at most."""
        self._login.deadline = deadline

    def link(self, record_id: str) -> str:
        """The record's page in Lightning, which leads to the right one by the id alone."""
        host = self._client.sf_instance if self._client is not None else ""
        return f"https://{host}/{checked_id(record_id)}" if host else ""

    def close(self) -> None:
        self._client = None
        self._login.close()

    def get(self, name: str, record_id: str, fields: Sequence[str]) -> Record | None:
        """The object `name`'s record with these fields; None where there is none."""
        chosen = {"fields": ",".join(fields)}
        path = checked_id(record_id)
        try:
            return _object(self._call(lambda sf: getattr(sf, name).get(path, params=chosen)))
        except RejectedByDependencyError as exc:
            if exc.reason in MISSING:
                return None
            raise

    def create(self, name: str, fields: Mapping[str, Any]) -> str:
        """The new record's id."""
        data = dict(fields)
        answer = self._call(lambda sf: getattr(sf, name).create(data, headers=ALLOW_DUPLICATES))
        return checked_id(_object(answer).get("id"))

    def upsert(
        self, name: str, field: str, value: str, fields: Mapping[str, Any]
    ) -> tuple[str, bool]:
        """By an external id: the record's id, and whether it is new."""
        path, data = format_external_id(field, value), dict(fields)

        def patched(sf: Client) -> Any:
            response = getattr(sf, name).upsert(
                path, data, raw_response=True, headers=ALLOW_DUPLICATES
            )
            return response.status_code, response.json() if response.content else None

        status, answer = self._call(patched)
        if status == requests.codes.no_content:
            return self._one_id(name, field, value), False
        return checked_id(_object(answer).get("id")), status == requests.codes.created

    def update(
        self,
        name: str,
        record_id: str,
        fields: Mapping[str, Any],
        unmodified_since: datetime | None = None,
    ) -> None:
        """Change fields; RecordChangedError when somebody wrote after that moment (None: any)."""
        headers, data, path = {}, dict(fields), checked_id(record_id)
        if unmodified_since is not None:
            moment = format_datetime(unmodified_since.astimezone(UTC), usegmt=True)
            headers["If-Unmodified-Since"] = moment
        _check_no_content(
            self._call(lambda sf: getattr(sf, name).update(path, data, headers=headers))
        )

    def delete(self, name: str, record_id: str) -> bool:
        """False where there was no such record."""
        path = checked_id(record_id)
        try:
            _check_no_content(self._call(lambda sf: getattr(sf, name).delete(path)))
        except RejectedByDependencyError as exc:
            if exc.reason in MISSING:
                return False
            raise
        return True

    def query(self, template: str, **values: Any) -> list[Record]:
        """The first page of a query (2,000 records at most).

        Values are quoted for SOQL, but for `{name:literal}`.
        """
        answer = self._call(lambda sf: sf.query(format_soql(template, **values)))
        records = _object(answer).get("records")
        if not isinstance(records, list) or not all(isinstance(each, dict) for each in records):
            raise RetryableDependencyError(DEPENDENCY, "unexpected_answer")
        return records

    def describe(self, name: str) -> Record:
        """What the organisation says of the object: its fields and what may be done with them."""
        return _object(self._call(lambda sf: getattr(sf, name).describe()))

    def _one_id(self, name: str, field: str, value: str) -> str:
        found = self.query(
            "SELECT Id FROM {name:literal} WHERE {field:literal} = {value} LIMIT 1",
            **{"name": name, "field": field, "value": value},
        )
        return checked_id(found[0].get("Id") if found else None)

    def _call(self, call: Callable[[Client], _T]) -> _T:
        """The call's result, with a new session if the old one has ended."""
        try:
            try:
                return call(self._connected())
            except SalesforceExpiredSession:
                self._client = None
                return call(self._connected())
        except (SalesforceError, requests.RequestException) as exc:
            raise translated(exc) from exc

    def _connected(self) -> Client:
        if self._client is None:
            access = self._login.open()
            self._client = Client(
                instance_url=access.instance_url,
                session_id=access.token,
                version=self._api_version,
                session=access.http,
            )
        return self._client


def checked_id(value: object) -> str:
    """A record's id; RetryableDependencyError for what is none, as from a half-told answer."""
    if not (isinstance(value, str) and _ID.fullmatch(value)):
        raise RetryableDependencyError(DEPENDENCY, "unexpected_answer")
    return value


def _object(answer: object) -> Record:
    if not isinstance(answer, dict):
        raise RetryableDependencyError(DEPENDENCY, "unexpected_answer")
    return answer


def _check_no_content(status: int) -> None:
    if status != requests.codes.no_content:
        raise RetryableDependencyError(DEPENDENCY, f"HTTP_{status}")
