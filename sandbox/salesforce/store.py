"""The records, in one SQLite file: whole transactions, one writer at a time."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sandbox.salesforce import ids
from sandbox.salesforce.schema import SObject

Record = dict[str, Any]

_TABLE = """
CREATE TABLE records (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    object TEXT NOT NULL,
    fields TEXT NOT NULL
);
CREATE INDEX records_of_object ON records (object, position);
"""


class Store:
    """Records by id and by object, none at first; a transaction holds the one lock throughout."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._lock = threading.RLock()
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # The file lives as long as the process, so nothing needs to survive a crash.
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("PRAGMA journal_mode = MEMORY")
        self._database.executescript(_TABLE)

    def close(self) -> None:
        with self._lock:
            self._database.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and nobody else meanwhile; not to be nested."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def insert(self, sobject: SObject, fields: Record) -> Record:
        """Keep a new record; it comes back with its id and, for a case, its number."""
        with self._lock:
            (last,) = self._database.execute("SELECT max(position) FROM records").fetchone()
            number = (last or 0) + 1
            record = {"Id": ids.make(sobject.prefix, number)} | fields
            if sobject.field("CaseNumber"):
                record["CaseNumber"] = f"{number + 1000:08}"
            self._database.execute(
                "INSERT INTO records (position, id, object, fields) VALUES (?, ?, ?, ?)",
                (number, record["Id"], sobject.name, json.dumps(record)),
            )
        return record

    def get(self, record_id: str) -> Record | None:
        """By its 18-character id, deleted or not."""
        rows = self._rows("SELECT fields FROM records WHERE id = ?", record_id)
        return rows[0] if rows else None

    def save(self, record: Record) -> None:
        with self._lock:
            self._database.execute(
                "UPDATE records SET fields = ? WHERE id = ?", (json.dumps(record), record["Id"])
            )

    def all(self, object_name: str, include_deleted: bool = False) -> list[Record]:
        """The records of an object, oldest first."""
        query = "SELECT fields FROM records WHERE object = ? ORDER BY position"
        found = self._rows(query, object_name)
        return [record for record in found if include_deleted or not record["IsDeleted"]]

    def matching(self, object_name: str, field: str, value: str) -> list[Record]:
        """The live records whose text equals `value`, upper and lower case being the same."""
        query = (
            "SELECT fields FROM records WHERE object = ? AND json_extract(fields, '$.' || ?) = ? "
            "COLLATE NOCASE ORDER BY position"
        )
        return [record for record in self._rows(query, object_name, field, value) if _lives(record)]

    def _rows(self, query: str, *values: str) -> list[Record]:
        with self._lock:
            rows = self._database.execute(query, values).fetchall()
        return [json.loads(fields) for (fields,) in rows]


def _lives(record: Record) -> bool:
    return not record["IsDeleted"]
