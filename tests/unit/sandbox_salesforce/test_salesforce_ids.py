"""Record ids, against ids that Salesforce's own documents show."""

from __future__ import annotations

import pytest

from sandbox.salesforce import ids

DOCUMENTED = ["001D000000IqhSLIAZ", "0031i000013x2TEAAY"]


@pytest.mark.parametrize("full", DOCUMENTED)
def test_fifteen_characters_get_the_documented_suffix(full: str) -> None:
    assert ids.normalise(full[:15]) == full
    assert ids.normalise(full) == full


@pytest.mark.parametrize(
    "text", ["", "Lead", "003" * 4, "a00B000000FSjVUIB1", "0031i000013x2te AAY", "x" * 16, "é" * 15]
)
def test_what_is_no_id_is_refused(text: str) -> None:
    assert ids.normalise(text) is None


def test_made_ids_have_their_prefix_and_differ() -> None:
    made = [ids.make("00Q", number) for number in range(500)]
    assert len(set(made)) == 500
    assert all(ids.normalise(one) == one and one.startswith("00Q") for one in made)
    assert made == sorted(made, key=lambda one: [ids._DIGITS.index(c) for c in one[:15]])
