"""One platform per module; moto's state is the process's, so it is emptied after each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.moto_api._internal.models import moto_api_backend
from platform_harness import Machines, Platform


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    running = Platform(Path(tmp_path_factory.mktemp("platform")))
    # moto's tasks read it with every call.
    os.environ["MOTO_PORT"] = running.endpoint.rpartition(":")[2]
    yield running
    running.close()
    del os.environ["MOTO_PORT"]
    moto_api_backend.reset()


@pytest.fixture(scope="module")
def arn(platform: Platform) -> str:
    return platform.function("steps")


@pytest.fixture
def machines(platform: Platform) -> Machines:
    return Machines(platform)
