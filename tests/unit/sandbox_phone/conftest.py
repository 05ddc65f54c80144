"""One phone per test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from phone_fakes import Phone


@pytest.fixture
def phone() -> Iterator[Phone]:
    made = Phone()
    yield made
    made.close()
