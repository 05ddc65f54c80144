"""Work for many at once: its order, its bound, and what an error leaves."""

from __future__ import annotations

import threading
import time

import pytest

from ops.together import AT_ONCE, each
from ops.waiting import Waiter


def test_results_come_in_the_order_of_the_items_whoever_ends_first() -> None:
    second_done = threading.Event()

    def work(number: int) -> int:
        if number == 1:
            assert second_done.wait(5)
        else:
            second_done.set()
        return number * 10

    assert each(work, [1, 2]) == [10, 20]


def test_no_more_than_the_bound_run_at_once() -> None:
    running, most, lock = 0, 0, threading.Lock()
    all_there = threading.Barrier(AT_ONCE)

    def work(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        all_there.wait(5)
        with lock:
            running -= 1

    each(work, range(3 * AT_ONCE))
    assert most == AT_ONCE


def test_of_several_errors_the_first_in_the_order_of_the_items_is_told() -> None:
    second_failed = threading.Event()

    def work(number: int) -> None:
        if number == 1:
            assert second_failed.wait(5)
        else:
            second_failed.set()
        raise ValueError(number)

    with pytest.raises(ValueError, match="1"):
        each(work, [1, 2])


def test_after_an_error_nothing_more_is_begun_and_what_was_begun_has_ended() -> None:
    begun: list[int] = []
    ended: list[int] = []
    failed = threading.Event()

    def work(number: int) -> None:
        begun.append(number)
        if number == 0:
            failed.set()
            raise ValueError(number)
        assert failed.wait(5)
        time.sleep(0.02)
        ended.append(number)

    with pytest.raises(ValueError, match="0"):
        each(work, range(100))
    assert sorted(begun) == [0, *sorted(ended)]
    assert len(begun) < 50


@pytest.mark.parametrize("ready_at", [0.3, 1.0, 3.0, 8.0])
def test_at_most_a_fifth_of_a_wait_was_in_vain(ready_at: float) -> None:
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    waiter = Waiter(lambda _: None, clock=lambda: now, sleep=sleep)
    waiter.until("it", 60, lambda: "" if now >= ready_at else "busy")
    assert ready_at <= now <= 1.25 * ready_at + 0.05
