"""A result that is no longer wanted: told once, to everyone, early or late."""

from __future__ import annotations

from chalicelib.cancellation import Cancellation


def test_every_listener_hears_of_it_once() -> None:
    heard: list[str] = []
    cancellation = Cancellation()
    cancellation.on_cancel(lambda: heard.append("first"))
    cancellation.on_cancel(lambda: heard.append("second"))
    assert not cancellation.is_cancelled
    assert heard == []
    cancellation.cancel()
    cancellation.cancel()
    assert cancellation.is_cancelled
    assert heard == ["first", "second"]


def test_who_listens_too_late_hears_of_it_at_once() -> None:
    heard: list[str] = []
    cancellation = Cancellation()
    cancellation.cancel()
    cancellation.on_cancel(lambda: heard.append("late"))
    assert heard == ["late"]
