"""One gateway per test; moto's state is the process's, so it is emptied as well."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gateway_harness import RunningGateway
from moto.moto_api._internal.models import moto_api_backend


@pytest.fixture
def gateway() -> Iterator[RunningGateway]:
    running = RunningGateway()
    yield running
    running.close()
    moto_api_backend.reset()
