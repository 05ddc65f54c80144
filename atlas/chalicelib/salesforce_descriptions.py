"""Writes blocks into a record's Description while people may be writing there too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from chalicelib.deadline import Clock
from chalicelib.errors import RejectedByDependencyError, RetryableDependencyError
from chalicelib.salesforce_blocks import Block, with_blocks
from chalicelib.salesforce_errors import RecordChangedError
from chalicelib.salesforce_http import DEPENDENCY
from chalicelib.salesforce_records import SalesforceRecords

WRITE_ATTEMPTS = 4
SETTLING_SECONDS = 1.5
"""If-Unmodified-Since knows whole seconds: a record is settled when the second of its last change
is surely over, for clocks that agree to half a second."""


class Descriptions:
    """Every write is conditional on nobody having written since the text was read."""

    def __init__(
        self, records: SalesforceRecords, clock: Clock, sleep: Callable[[float], None]
    ) -> None:
        self._records, self._clock, self._sleep = records, clock, sleep

    def write(self, name: str, record_id: str, blocks: Sequence[Block]) -> bool:
        """False when the blocks stood there already.

        RejectedByDependencyError ENTITY_IS_DELETED when the record is gone;
        RetryableDependencyError when others keep writing.
        """
        for _ in range(WRITE_ATTEMPTS):
            try:
                return self._written(name, record_id, blocks)
            except RecordChangedError:
                continue
        raise RetryableDependencyError(DEPENDENCY, "record_keeps_changing")

    def _written(self, name: str, record_id: str, blocks: Sequence[Block]) -> bool:
        text, changed_at = self._read(name, record_id)
        wanted = with_blocks(text, blocks)
        if wanted == text:
            return False
        wait = changed_at.timestamp() + SETTLING_SECONDS - self._clock()
        if wait > 0:
            self._sleep(min(wait, SETTLING_SECONDS))
            if self._read(name, record_id) != (text, changed_at):
                raise RecordChangedError(DEPENDENCY, "changed_while_settling")
        self._records.update(name, record_id, {"Description": wanted}, changed_at)
        return True

    def _read(self, name: str, record_id: str) -> tuple[str, datetime]:
        record = self._records.get(name, record_id, ("Description", "SystemModstamp"))
        if record is None:
            raise RejectedByDependencyError(DEPENDENCY, "ENTITY_IS_DELETED")
        return record.get("Description") or "", _second_of(record.get("SystemModstamp"))


def _second_of(text: Any) -> datetime:
    """The second of a time such as 2026-11-23T10:00:00.123+0000."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC).replace(microsecond=0)
    except (TypeError, ValueError) as exc:
        raise RetryableDependencyError(DEPENDENCY, "unexpected_answer") from exc
