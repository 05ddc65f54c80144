"""One sandbox for all functional tests: the deployed zip behind the real Lex client."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from served_sandbox import Sandbox

from sandbox.conversation.child import SERVE, own_sandbox

# What runs by itself would count among a test's calls; a test runs it when it means to.
WITHOUT_SCHEDULES = (*SERVE, "--no-schedules")


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[Sandbox]:
    with (
        own_sandbox(lambda line: None, "none", 1.0, WITHOUT_SCHEDULES) as address,
        closing(Sandbox(address)) as sandbox,
    ):
        yield sandbox


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Iterator[Sandbox]:
    """The shared sandbox with its counters at zero, no faults and no latencies."""
    shared_sandbox.post("profile", {"name": "none", "scale": 1.0})
    shared_sandbox.post("faults", [])
    shared_sandbox.post("reset", {})
    yield shared_sandbox
    shared_sandbox.post("faults", [])


@pytest.fixture
def until() -> Callable[[Callable[[], Any]], Any]:
    """Poll for what happens on its own time; the bound is what makes a failure."""

    def wait(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
        end = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < end, "it did not happen in time"
            time.sleep(0.05)
        return found

    return wait
