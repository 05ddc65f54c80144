"""Leads and activities in Salesforce, each once, and never over what people wrote.

`exactly_once`: an external id field holds the interaction id, so a repeated write finds the first
one. `at_least_once`: without that field a search comes before every create, and two attempts at
the same moment can both create. What talks to Salesforce is imported when it is first needed,
because the functions that need none of it share this package.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

from chalicelib.deadline import Clock, Deadline
from chalicelib.errors import RejectedByDependencyError
from chalicelib.salesforce_blocks import Block, block_name
from chalicelib.secret_store import SecretStore

if TYPE_CHECKING:
    from chalicelib.salesforce_http import Note
    from chalicelib.salesforce_records import SalesforceRecords

Mode = Literal["exactly_once", "at_least_once"]
Outcome = Literal["created", "updated", "found"]
ObjectName = Literal["Lead", "Task"]

DEPENDENCY = "salesforce"


@dataclass(frozen=True, slots=True)
class SalesforceRecord:
    """A record's id. `created`: by this call; `updated`: another attempt made it at this moment;
    `found`: it was there and nothing was written."""

    id: str
    outcome: Outcome


class SalesforceApi(Protocol):
    """Whoever keeps leads for the team; every method raises DependencyError."""

    @property
    def mode(self) -> Mode: ...

    def prepare(self) -> None: ...

    def until(self, deadline: Deadline | None) -> None: ...

    def upsert_lead(self, fields: Mapping[str, str], interaction_id: str) -> SalesforceRecord: ...

    def find_lead(self, fields: Mapping[str, str], interaction_id: str) -> str: ...

    def lead(self, salesforce_id: str, *fields: str) -> dict[str, Any] | None: ...

    def change_lead(self, salesforce_id: str, fields: Mapping[str, bool]) -> None: ...

    def write_blocks(self, name: ObjectName, record_id: str, blocks: Sequence[Block]) -> bool: ...

    def upsert_task(
        self, fields: Mapping[str, str], interaction_id: str, purpose: str
    ) -> SalesforceRecord: ...

    def delete_lead(
        self,
        interaction_id: str,
        salesforce_id: str = "",
        fields: Mapping[str, str] | None = None,
        created_since: float = 0.0,
    ) -> bool: ...


class Salesforce:
    """The REST API by simple-salesforce; `external_id_field` "" means at_least_once.

    `transport` makes requests' transport adapter, for tests. `note` is told of every request.
    """

    def __init__(
        self,
        secrets: SecretStore,
        secret_name: str,
        api_version: str,
        external_id_field: str,
        *,
        clock: Clock = time.time,
        sleep: Callable[[float], None] = time.sleep,
        transport: Callable[[], Any] | None = None,
        note: Note | None = None,
    ) -> None:
        self._secrets, self._secret_name = secrets, secret_name
        self._api_version, self._field = api_version, external_id_field
        self._clock, self._sleep, self._transport = clock, sleep, transport
        self._note = note
        self._kept: SalesforceRecords | None = None

    @property
    def mode(self) -> Mode:
        return "exactly_once" if self._field else "at_least_once"

    def prepare(self) -> None:
        """Import what talks to Salesforce and parse the key; DependencyError without a secret."""
        self._records.prepare()

    def until(self, deadline: Deadline | None) -> None:
        """Let every request from now on end by then; None for its own time-outs only."""
        self._records.until(deadline)

    def record_link(self, record_id: str) -> str:
        """Where people see the record; "" while nothing was asked of Salesforce yet."""
        return self._records.link(record_id)

    def close(self) -> None:
        """Let go of the connections; the next call opens new ones."""
        if self._kept is not None:
            self._kept.close()

    def upsert_lead(self, fields: Mapping[str, str], interaction_id: str) -> SalesforceRecord:
        """The interaction's lead; `fields` are written only if it is not there yet."""
        if found := self.find_lead(fields, interaction_id):
            return SalesforceRecord(found, "found")
        return self._created("Lead", fields, interaction_id)

    def find_lead(self, fields: Mapping[str, str], interaction_id: str) -> str:
        """The id of the interaction's lead, "" where there is none.

        Without an external id it is a lead of the same Phone and LastName (of `fields`) whose
        Description names the interaction.
        """
        if self._field:
            return self._only("Lead", interaction_id)
        found = self._records.query(
            "SELECT Id, Description FROM Lead WHERE Phone = {phone} AND LastName = {last_name}"
            " ORDER BY CreatedDate DESC LIMIT 200",
            phone=fields["Phone"],
            last_name=fields["LastName"],
        )
        return _naming(found, interaction_id)

    def lead(self, salesforce_id: str, *fields: str) -> dict[str, Any] | None:
        """The lead's fields as they are now; None where it is gone."""
        return self._records.get("Lead", salesforce_id, fields)

    def change_lead(self, salesforce_id: str, fields: Mapping[str, bool]) -> None:
        """Set fields, whoever wrote meanwhile: for what holds no words of others."""
        self._records.update("Lead", salesforce_id, fields)

    def write_blocks(self, name: ObjectName, record_id: str, blocks: Sequence[Block]) -> bool:
        """Put the blocks into the record's Description; False when they stood there already.

        What others write at the same time is kept: the write is conditional, and made again on
        what they wrote. RejectedByDependencyError ENTITY_IS_DELETED when the record is gone;
        RetryableDependencyError when others keep writing.
        """
        from chalicelib.salesforce_descriptions import Descriptions

        writer = Descriptions(self._records, self._clock, self._sleep)
        return writer.write(name, record_id, blocks)

    def upsert_task(
        self, fields: Mapping[str, str], interaction_id: str, purpose: str
    ) -> SalesforceRecord:
        """The interaction's activity for that purpose; `fields` are written only if it is new.

        Without an external id it is one of the same WhoId (of `fields`) whose Description has the
        block of that purpose.
        """
        value = f"{interaction_id}:{purpose}"
        if self._field:
            found = self._only("Task", value)
        else:
            found = self._task_naming(fields["WhoId"], block_name(purpose, interaction_id))
        return SalesforceRecord(found, "found") if found else self._created("Task", fields, value)

    def delete_lead(
        self,
        interaction_id: str,
        salesforce_id: str = "",
        fields: Mapping[str, str] | None = None,
        created_since: float = 0.0,
    ) -> bool:
        """Delete the interaction's lead, and with it its activities; False where there was none.

        By its id, and by its external id too, because an answer with an id may have been lost.
        Without an external id such a lead is found by `fields` (Phone and LastName), or among all
        that were created since `created_since` (epoch seconds), where those are forgotten already.
        """
        ids = [salesforce_id] if salesforce_id else []
        if self._field:
            ids += self._all("Lead", interaction_id)
        elif fields and (found := self.find_lead(fields, interaction_id)):
            ids.append(found)
        elif created_since:
            ids += self._created_since(created_since, interaction_id)
        deleted = [each for each in dict.fromkeys(ids) if self._records.delete("Lead", each)]
        return bool(deleted)

    @property
    def _records(self) -> SalesforceRecords:
        if self._kept is None:
            from chalicelib.salesforce_login import Login
            from chalicelib.salesforce_records import SalesforceRecords

            login = Login(
                *(self._secrets, self._secret_name, self._transport, self._clock, self._note)
            )
            self._kept = SalesforceRecords(login, self._api_version)
        return self._kept

    def _created(self, name: ObjectName, fields: Mapping[str, str], value: str) -> SalesforceRecord:
        if not self._field:
            return SalesforceRecord(self._records.create(name, fields), "created")
        record_id, is_new = self._records.upsert(name, self._field, value, fields)
        return SalesforceRecord(record_id, "created" if is_new else "updated")

    def _only(self, name: ObjectName, value: str) -> str:
        found = self._all(name, value)
        if len(found) > 1:
            raise RejectedByDependencyError(DEPENDENCY, "SEVERAL_MATCHES")
        return found[0] if found else ""

    def _all(self, name: ObjectName, value: str) -> list[str]:
        found = self._records.query(
            "SELECT Id FROM {name:literal} WHERE {field:literal} = {value} LIMIT 200",
            **{"name": name, "field": self._field, "value": value},
        )
        return _ids(found)

    def _created_since(self, seconds: float, interaction_id: str) -> list[str]:
        found = self._records.query(
            "SELECT Id, Description FROM Lead WHERE CreatedDate >= {since}"
            " ORDER BY CreatedDate DESC LIMIT 2000",
            since=datetime.fromtimestamp(seconds, UTC),
        )
        return _ids([each for each in found if interaction_id in (each.get("Description") or "")])

    def _task_naming(self, who: str, name: str) -> str:
        found = self._records.query(
            "SELECT Id, Description FROM Task WHERE WhoId = {who} LIMIT 200", who=who
        )
        return _naming(found, name)


def _naming(records: Sequence[Mapping[str, Any]], name: str) -> str:
    named = [each for each in records if name in (each.get("Description") or "")]
    return _ids(named)[0] if named else ""


def _ids(records: Sequence[Mapping[str, Any]]) -> list[str]:
    from chalicelib.salesforce_records import checked_id

    return [checked_id(each.get("Id")) for each in records]
