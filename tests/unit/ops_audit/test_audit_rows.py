"""Each row: exactly what it looks at is broken, and it fails, and no other does."""

from __future__ import annotations

import pytest
from audited_stage import AuditedStage
from breaks import BREAKS, Break

from ops.audit.verb import ROWS

CASES = [
    pytest.param(row, each, id=f"{row}-{each.__name__}")
    for row, ways in BREAKS.items()
    for each in ways
]


def test_a_stage_as_ops_leaves_it_fails_nowhere(stage: AuditedStage) -> None:
    assert stage.failing() == {}


def test_every_row_has_a_fault_that_is_made_here() -> None:
    assert {row.name for row in ROWS} - set(BREAKS) == set()


@pytest.mark.parametrize(("row", "fault"), CASES)
def test_a_fault_fails_its_own_row_and_no_other(
    stage: AuditedStage, row: str, fault: Break
) -> None:
    with fault(stage):
        assert set(stage.failing()) == {row}
    assert stage.failing() == {}
