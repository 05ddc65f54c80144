"""What every call meets on its way, whichever protocol it speaks: a count, a delay, a fault."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, runtime_checkable

from sandbox.counters import CallCounters
from sandbox.faults import AnswerLostError, Faults, meeting
from sandbox.http_message import HttpResponse
from sandbox.latency import Latency

UNAVAILABLE = "ServiceUnavailable"
KEEPS_ITS_OWN_TIME = frozenset(("bedrock-runtime",))
"""Slowed by itself, token by token: its call begins at once and is long over when it ends."""


@runtime_checkable
class _Closable(Protocol):
    def close(self) -> None: ...


class Conditions:
    """Shared by all ports of the sandbox; `clock` counts seconds."""

    def __init__(
        self,
        latency: Latency,
        faults: Faults,
        counters: CallCounters,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._latency, self._faults, self._counters = latency, faults, counters
        self._clock = clock

    def meet(
        self,
        service: str,
        names: tuple[str, ...],
        arrived: float,
        connection_is_new: bool,
        answer: Callable[[], HttpResponse],
        refuse: Callable[[str], HttpResponse],
    ) -> HttpResponse:
        """The answer when it is due; AnswerLostError when the work was done for nobody to hear.

        `names` are what faults may call the operation; the first is counted.
        """
        self._counters.add(service, names[0])
        figure = self._latency.seconds(service, names[0], connection_is_new)
        effect = self._faults.draw(service, *names)
        if effect.hang:
            self._faults.hold()
            response = refuse(UNAVAILABLE)
        elif effect.error:
            response = refuse(effect.error)
        else:
            with meeting(effect):
                response = answer()
        if service in KEEPS_ITS_OWN_TIME:
            effect = replace(effect, times_slower=1.0)
        # The work is part of the figure, so that the sandbox's own time is not added to it.
        spent = self._clock() - arrived
        self._faults.pause(effect.seconds(figure, spent) - spent)
        if effect.answer_is_lost:
            _drop(response)
            raise AnswerLostError
        return response


def _drop(response: HttpResponse) -> None:
    if isinstance(response.body, _Closable):
        response.body.close()
