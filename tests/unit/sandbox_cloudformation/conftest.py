"""A fresh world per test; the whole sandbox, where it has to be, once per module."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cfn_harness import World
from cfn_sandbox import Endpoint
from moto.moto_api._internal.models import moto_api_backend


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    running = Endpoint(Path(tmp_path_factory.mktemp("stacks")))
    os.environ["MOTO_PORT"] = running.url.rpartition(":")[2]
    yield running
    running.close()
    del os.environ["MOTO_PORT"]
    moto_api_backend.reset()
