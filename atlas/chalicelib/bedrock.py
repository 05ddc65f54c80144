"""Bedrock Converse, streamed until a deadline: what has arrived by then is what there is.

Worker threads read the streams, one of them or two that race, and the turn waits no longer than
its deadline. It then ends their connections, so that no worker outlives the turn.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import wait
from dataclasses import replace
from typing import Any

from chalicelib.answer import Generated
from chalicelib.bounded_workers import BoundedWorkers
from chalicelib.breakers import Breakers
from chalicelib.call_budget import CallBudget
from chalicelib.cancellation import Cancellation
from chalicelib.deadline import Deadline
from chalicelib.interruptible import make_interruptible
from chalicelib.latency_estimates import LatencyEstimates
from chalicelib.model_race import Race, Runners
from chalicelib.model_router import RacePolicy, Route
from chalicelib.model_stream import SERVICE, ModelStream, estimated_tokens
from chalicelib.observability import TRACER
from chalicelib.prompts import Prompt, request

WORKERS = 4
"""Streams at once in one environment: one turn's, its hedge, and late ones that are ending."""
ENDING_SECONDS = 0.05
"""Kept back from the deadline, for streams that were shut down to let go."""
NO_HEDGES = RacePolicy(hedge_share=0.0)


class BedrockModels:
    """Asks a route's models until one has answered; safe to use from several threads."""

    def __init__(
        self,
        client: Callable[[], Any],
        breakers: Breakers,
        policy: RacePolicy = NO_HEDGES,
        estimates: LatencyEstimates | None = None,
    ) -> None:
        self._build_client = client
        self._client: Any = None
        self._lock = threading.Lock()
        self._runners = Runners(
            breakers, estimates or LatencyEstimates(), policy, CallBudget(policy.hedge_share)
        )
        self._workers = BoundedWorkers(WORKERS, SERVICE)

    def prepare(self) -> None:
        """Build the client now rather than on the first turn."""
        self._the_client()

    def _the_client(self) -> Any:
        # Two streams of one race may be the first to ask.
        with self._lock:
            if self._client is None:
                self._client = self._build_client()
                make_interruptible(self._client)
            return self._client

    def has_candidate(self, route: Route) -> bool:
        """Whether any model of the route may be asked now."""
        return bool(self._runners.breakers.available(route))

    def complete(
        self,
        prompt: Prompt,
        route: Route,
        deadline: Deadline,
        *,
        cancellation: Cancellation | None = None,
    ) -> Generated:
        """The text that arrived by the deadline; raises for faults of our own only.

        `cancellation`: another thread may end the call early, which then says "cancelled" with
        what it has cost, and counts for or against no model.
        """
        if deadline.is_over():
            return Generated("", "deadline")
        with TRACER.leaf("model") as span:
            came = self._raced(prompt, route, deadline, cancellation or Cancellation())
            span.annotate(model=came.model, stop_reason=came.stop_reason, calls=came.calls)
            span.annotate(first_token_ms=round(came.first_token_seconds * 1000))
        return came

    def _raced(
        self, prompt: Prompt, route: Route, deadline: Deadline, cancellation: Cancellation
    ) -> Generated:
        started = deadline.clock()
        race = Race(route, self._runners, deadline.at - ENDING_SECONDS)
        try:
            self._run(race, prompt, deadline, cancellation)
        finally:
            self._end(race, deadline.clock(), is_cancelled=cancellation.is_cancelled)
        came = generated(race, prompt, started, deadline.clock())
        if cancellation.is_cancelled:
            return replace(came, text="", stop_reason="cancelled")
        return came

    def _run(
        self, race: Race, prompt: Prompt, deadline: Deadline, cancellation: Cancellation
    ) -> None:
        changed = threading.Event()
        cancellation.on_cancel(changed.set)
        while not cancellation.is_cancelled and (now := deadline.clock()) < race.ends_at:
            changed.clear()
            race.look(now)
            if (model := race.next_model(now)) is not None:
                stream = ModelStream(model, deadline, changed.set, now)
                race.streams.append(stream)
                parameters = request(model, prompt, race.route)
                stream.begin(self._workers, self._the_client, parameters)
            elif race.is_over:
                return
            else:
                changed.wait(max(0.0, race.wakes_at() - now))

    def _end(self, race: Race, now: float, *, is_cancelled: bool) -> None:
        """No connection and no worker stays behind: the environment may be frozen next."""
        try:
            race.look(now)
        finally:
            left = race.running
            for stream in left:
                stream.stop()
            race.finish(now, is_cancelled=is_cancelled)
            wait([stream.future for stream in left if stream.future], timeout=ENDING_SECONDS)


def generated(race: Race, prompt: Prompt, started: float, now: float) -> Generated:
    """What came of the race, with the tokens and the price of every request in it."""
    best = race.best
    if best is None:
        return Generated("", "resting")
    spent = [_tokens(stream, race, prompt) for stream in race.streams]
    prices = [race.route.model(stream.model) for stream in race.streams]
    return Generated(
        text=best.text,
        stop_reason=_stop_reason(best, race),
        model=best.model,
        input_tokens=sum(tokens_in for tokens_in, _ in spent),
        output_tokens=sum(tokens_out for _, tokens_out in spent),
        seconds=now - started,
        errors=tuple(race.errors),
        first_token_seconds=0.0 if best.first_at is None else best.first_at - started,
        calls=len(race.streams),
        is_hedged=race.is_hedged,
        hedge_was_skipped=race.hedge_was_skipped,
        has_stalled=any(stream.has_stalled for stream in race.streams),
        usd=sum(model.usd(*tokens) for model, tokens in zip(prices, spent, strict=True)),
    )


def _stop_reason(best: ModelStream, race: Race) -> str:
    if best.was_refused:
        return "refused"
    if best.has_ended_well:
        return best.stop_reason
    return "deadline" if any(stream.was_cut for stream in race.streams) else "failed"


def _tokens(stream: ModelStream, race: Race, prompt: Prompt) -> tuple[int, int]:
    """Input and output; estimated where a stream was cut, none where it was turned away or its
    request never left."""
    if stream.usage:
        return stream.usage.get("inputTokens", 0), stream.usage.get("outputTokens", 0)
    never_left = stream.sent_at is None and stream.first_at is None
    if stream.was_turned_away or never_left:
        return 0, 0
    characters = len(prompt.system) + sum(len(message.text) for message in prompt.messages)
    counts = (other.usage.get("inputTokens", 0) for other in race.streams)
    return max(counts) or estimated_tokens(characters), estimated_tokens(len(stream.text))
