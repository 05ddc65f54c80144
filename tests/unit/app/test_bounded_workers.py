"""What a hung service may pile up in one environment: threads and a short queue, no more."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from chalicelib.background import Background
from chalicelib.bounded_workers import WAITING, BoundedWorkers
from chalicelib.deadline import Deadline
from chalicelib.errors import RetryableDependencyError
from chalicelib.observability import Log

THREADS = 2
SECONDS = 10


class Hung:
    """A service that answers nothing until it is let go."""

    def __init__(self) -> None:
        self.workers = BoundedWorkers(THREADS, "dynamodb")
        self.over = threading.Event()
        self.begun = threading.Semaphore(0)

    def call(self) -> str:
        self.begun.release()
        assert self.over.wait(SECONDS)
        return "answered"

    def fill(self) -> list[object]:
        busy = [self.workers.submit(self.call) for _ in range(THREADS)]
        for _ in range(THREADS):
            assert self.begun.acquire(timeout=SECONDS)
        return [*busy, *(self.workers.submit(self.call) for _ in range(WAITING))]


@pytest.fixture
def hung() -> Iterator[Hung]:
    hung = Hung()
    yield hung
    hung.over.set()
    hung.workers.shutdown()


def test_what_the_queue_has_no_room_for_is_refused_at_once(hung: Hung) -> None:
    hung.fill()
    refused = hung.workers.submit(hung.call)
    assert refused.done()
    with pytest.raises(RetryableDependencyError, match="dynamodb: QueueFull"):
        refused.result()


def test_what_was_cancelled_counts_as_long_as_it_is_in_the_queue(hung: Hung) -> None:
    (*_, last) = hung.fill()
    assert last.cancel()  # type: ignore[attr-defined]
    assert hung.workers.submit(hung.call).exception() is not None


def test_after_the_outage_everything_that_waited_is_made_and_there_is_room_again(
    hung: Hung,
) -> None:
    waiting = hung.fill()
    hung.over.set()
    assert {each.result(SECONDS) for each in waiting} == {"answered"}  # type: ignore[attr-defined]
    assert hung.workers.submit(hung.call).result(SECONDS) == "answered"


def test_a_hand_off_that_has_no_room_is_logged_and_not_taken(hung: Hung) -> None:
    lines: list[str] = []
    background = Background(lambda: None, "generate:live", Log(write=lines.append))
    background._workers, own = hung.workers, background._workers
    hung.fill()
    assert not background.invoke("generate:live", {}, Deadline.after(SECONDS))
    own.shutdown()
    assert "QueueFull" in lines[0]
