"""Real threads: order, safety and an end; nothing here waits for luck."""

from __future__ import annotations

import threading

import pytest

from sandbox.connect.timers import Lanes, Timers


def test_actions_run_at_their_time_and_in_its_order() -> None:
    timers, done, order = Timers("t", 1), threading.Event(), []
    timers.after(0.02, lambda: (order.append("late"), done.set()))
    timers.after(0.0, lambda: order.append("early"))
    assert done.wait(5)
    timers.close()
    assert order == ["early", "late"]


def test_a_failing_action_does_not_end_its_thread(caplog: pytest.LogCaptureFixture) -> None:
    timers, done = Timers("t", 1), threading.Event()

    def fail() -> None:
        raise ValueError("what somebody said")

    timers.after(0.0, fail)
    timers.after(0.0, done.set)
    assert done.wait(5)
    timers.close()
    assert "ValueError" in caplog.text
    assert "somebody" not in caplog.text


def test_close_ends_every_thread_and_drops_what_is_due() -> None:
    timers, ran = Timers("closing", 3), []
    timers.after(60, lambda: ran.append("x"))
    timers.close()
    timers.after(0, lambda: ran.append("y"))
    assert not [t for t in threading.enumerate() if t.name.startswith("closing-")]
    assert ran == []


def test_there_is_a_bound() -> None:
    timers = Timers("t", 1, capacity=1)
    timers.after(60, lambda: None)
    with pytest.raises(OverflowError):
        timers.after(60, lambda: None)
    timers.close()


def test_a_lane_keeps_its_order_while_another_one_passes() -> None:
    timers = Timers("t", 4)
    lanes, gate, other, done, order = Lanes(timers), *(threading.Event() for _ in range(3)), []
    lanes.put("a", lambda: (gate.wait(5), order.append("a1")))
    lanes.put("a", lambda: (order.append("a2"), done.set()))
    lanes.put("b", lambda: (order.append("b"), other.set()))
    assert other.wait(5)
    gate.set()
    assert done.wait(5)
    timers.close()
    assert order == ["b", "a1", "a2"]
