"""What folding is worth on labelled questions, and that it is never wrong on them.

Aggregates only: which rows of the held-out part fold is looked at by nobody who tunes the lexicon.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import pytest

from chalicelib.canonical_questions import fold
from chalicelib.content import Contents
from chalicelib.questions import canonical
from tests.labelled_set import Labelled, Part, labelled

ENGLISH = Contents.load().in_locale("en_US")
LEAST_HITS = 0.85


@dataclass(frozen=True)
class Rates:
    """How a part folds. A hit shares an answer that fits; a false hit one that does not."""

    paraphrases: int
    hits: int
    negatives: int
    false_hits: int

    def __str__(self) -> str:
        share = self.hits / self.paraphrases
        rows = self.paraphrases + self.negatives
        return (
            f"{self.hits} of {self.paraphrases} paraphrases fold ({share:.1%}), "
            f"{self.false_hits} of {rows} questions fold falsely"
        )


def rates(rows: tuple[Labelled, ...]) -> Rates:
    folded = [(row, fold(row.question, row.intent, ENGLISH)) for row in rows]
    fits = [sample in map(canonical, row.same_as) for row, sample in folded]
    return Rates(
        paraphrases=sum(row.is_paraphrase for row in rows),
        hits=sum(fits),
        negatives=sum(not row.is_paraphrase for row in rows),
        false_hits=sum(sample is not None for _, sample in folded) - sum(fits),
    )


@pytest.mark.parametrize("part", get_args(Part))
def test_paraphrases_fold_and_nothing_folds_falsely(
    part: Part, capsys: pytest.CaptureFixture[str]
) -> None:
    found = rates(labelled(part))
    with capsys.disabled():
        print(f"\n{part}: {found}")
    assert (found.false_hits, found.hits / found.paraphrases >= LEAST_HITS) == (0, True), str(found)


def test_a_false_hit_would_be_counted() -> None:
    """Else zero of them would prove nothing."""
    wrong = Labelled("AboutDemoIntent", "is the demo free", ("how does the demo work",))
    assert rates((wrong,)) == Rates(paraphrases=1, hits=0, negatives=0, false_hits=1)
    negative = Labelled("AboutDemoIntent", "is the demo free", (), "is the demo free", "name")
    assert rates((negative,)).false_hits == 1
