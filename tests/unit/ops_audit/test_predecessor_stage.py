"""The audit names every fault that was reported of the predecessor."""

from __future__ import annotations

from bench.predecessor_stage import FAULTS, findings, unnamed
from ops.audit.verb import ROWS


def test_the_audit_names_every_fault_of_the_predecessor() -> None:
    found = findings()
    assert unnamed(found) == []
    # What cannot be seen of it is not held against it, and is no pass either.
    status_by_row = {finding.row.name: finding.verdict.status for finding in found}
    assert status_by_row["history"] == status_by_row["connections"] == "unknown"


def test_a_fault_that_no_row_names_is_told() -> None:
    assert unnamed([]) == list(FAULTS)
    assert {row for fault in FAULTS for row in fault.rows} <= {row.name for row in ROWS}
