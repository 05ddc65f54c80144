"""A write that a reply depends on: tried again while the turn has time, and then given up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chalicelib.deadline import Deadline
from chalicelib.errors import DependencyError, RetryableDependencyError

if TYPE_CHECKING:
    from chalicelib.services import Services

ATTEMPTS = 3
WRITE_SECONDS = 1.5
"""What one write takes at worst, by the time-outs of the tables' client."""
PAUSE_SECONDS = 0.05


def written(write: Callable[[], bool], deadline: Deadline, services: Services) -> bool | None:
    """What the write says of itself; None when it did not succeed in time.

    The write must be one that may happen twice: an answer may be lost after it took effect.
    """
    for attempt in range(ATTEMPTS):
        if deadline.remaining() < (WRITE_SECONDS if attempt else PAUSE_SECONDS):
            break
        try:
            return write()
        except RetryableDependencyError as exc:
            services.log.warning("not written", error=str(exc))
            services.sleep(deadline.sooner_of(PAUSE_SECONDS))
        except DependencyError as exc:
            services.log.warning("write refused", error=str(exc))
            break
    return None
