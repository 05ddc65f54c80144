"""The first tier: bounded in number and bytes, and forgetful of what it must not ask."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from threading import Thread

import pytest

from chalicelib.answer_memory import TABLE_REST_SECONDS, AnswerMemory, TableRest, bytes_of
from chalicelib.answer_table import Entry
from tests.fakes import EPOCH, FakeClock


def an_entry(text: str = "It is serverless.", expires_at: float = EPOCH + 100) -> Entry:
    return Entry(text, "model-a", EPOCH, EPOCH + 10, expires_at)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_the_least_recently_used_answer_goes_when_there_are_too_many(clock: FakeClock) -> None:
    memory = AnswerMemory(clock, entries=2)
    memory.remember("a", an_entry())
    memory.remember("b", an_entry())
    memory.entry("a")
    memory.remember("c", an_entry())
    assert [memory.entry(key) is not None for key in "abc"] == [True, False, True]


def test_answers_go_when_they_are_too_large_together(clock: FakeClock) -> None:
    large = an_entry("x" * 1_000)
    memory = AnswerMemory(clock, size=2 * bytes_of(large))
    for key in "abc":
        memory.remember(key, large)
    assert [memory.entry(key) is not None for key in "abc"] == [False, True, True]
    assert memory.bytes <= 2 * bytes_of(large)


def test_an_answer_larger_than_all_of_memory_is_not_kept_and_drives_none_out(
    clock: FakeClock,
) -> None:
    memory = AnswerMemory(clock, size=2_000)
    memory.remember("small", an_entry())
    memory.remember("large", an_entry("x" * 10_000))
    assert memory.entry("large") is None
    assert memory.entry("small") is not None


def test_replacing_an_answer_counts_it_once(clock: FakeClock) -> None:
    memory = AnswerMemory(clock)
    for _ in range(3):
        memory.remember("a", an_entry())
    assert (len(memory), memory.bytes) == (1, bytes_of(an_entry()))


def test_past_its_hard_age_an_answer_is_not_shown(clock: FakeClock) -> None:
    memory = AnswerMemory(clock)
    memory.remember("a", an_entry(expires_at=EPOCH + 5))
    assert memory.entry("a") is not None
    clock.advance(5)
    assert memory.entry("a") is None


def test_what_was_read_long_ago_replaces_only_what_is_older(clock: FakeClock) -> None:
    memory = AnswerMemory(clock)
    for created_at, text in ((EPOCH, "first"), (EPOCH + 2, "newer"), (EPOCH + 1, "older")):
        memory.fill("a", replace(an_entry(text), created_at=created_at))
    entry = memory.entry("a")
    assert entry is not None
    assert entry.text == "newer"


def test_a_refusal_is_forgotten_at_its_time(clock: FakeClock) -> None:
    memory = AnswerMemory(clock)
    memory.refuse("a", EPOCH + 5)
    assert memory.is_refused("a")
    assert not memory.is_refused("b")
    clock.advance(5)
    assert not memory.is_refused("a")


def test_refusals_are_bounded_too(clock: FakeClock) -> None:
    memory = AnswerMemory(clock, entries=2)
    for key in "abc":
        memory.refuse(key, EPOCH + 5)
    assert [memory.is_refused(key) for key in "abc"] == [False, True, True]


def test_threads_that_read_and_write_at_once_do_no_harm(clock: FakeClock) -> None:
    memory = AnswerMemory(clock, entries=3)
    failures: list[Exception] = []

    def use(start: int) -> None:
        try:
            for number in range(start, start + 2_000):
                memory.remember(str(number % 7), an_entry())
                memory.entry(str(number % 5))
        except Exception as exc:
            failures.append(exc)

    threads = [Thread(target=use, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(memory) == 3


def test_even_a_look_at_the_refusals_waits_for_who_changes_them(clock: FakeClock) -> None:
    memory = AnswerMemory(clock)
    memory.refuse("a", EPOCH + 5)
    with ThreadPoolExecutor(1) as pool:
        with memory._lock:
            looking = pool.submit(memory.is_refused, "a")
            assert wait((looking,), timeout=0.05).not_done
        assert looking.result(10)


def test_a_table_rests_after_two_failures_in_a_row(clock: FakeClock) -> None:
    rest = TableRest(clock)
    rest.failed()
    rest.answered()
    rest.failed()
    assert rest.is_over()
    rest.failed()
    assert not rest.is_over()
    clock.advance(TABLE_REST_SECONDS)
    assert rest.is_over()


def test_after_a_rest_one_failure_is_enough_until_the_table_answers(clock: FakeClock) -> None:
    rest = TableRest(clock)
    rest.failed()
    rest.failed()
    clock.advance(TABLE_REST_SECONDS)
    rest.failed()
    assert not rest.is_over()
    clock.advance(TABLE_REST_SECONDS)
    rest.answered()
    rest.failed()
    assert rest.is_over()
