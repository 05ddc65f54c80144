"""Pauses before a retry that the end of the execution ends; moto 5.2.5 sleeps them out."""

from __future__ import annotations

import time
from typing import Any

from moto.stepfunctions.parser.asl.component.common.retry.max_attempts_decl import (
    MaxAttemptsOutcome,
)
from moto.stepfunctions.parser.asl.component.common.retry.retrier_decl import RetrierDecl
from moto.stepfunctions.parser.asl.component.common.retry.retrier_outcome import RetrierOutcome

_LONGEST_WAIT_SECONDS = 1.0

MOTOS_OWN = RetrierDecl._eval_body


def install() -> None:
    """Patch moto; a second time changes nothing."""
    RetrierDecl._eval_body = _wait_and_retry


def _wait_and_retry(self: Any, env: Any) -> None:
    """moto's own steps, but that the end of the execution ends the wait."""
    self.error_equals.eval(env)
    if not env.stack.pop():
        env.stack.append(RetrierOutcome.Skipped)
        return
    self.max_attempts.eval(env)
    if env.stack.pop() == MaxAttemptsOutcome.EXHAUSTED:
        env.stack.append(RetrierOutcome.Failed)
        return
    for step in (
        *(self.interval_seconds, self.backoff_rate),
        *(self.max_delay_seconds, self.jitter_strategy),
    ):
        step.eval(env)
    _wait(env, env.stack.pop())
    env.stack.append(RetrierOutcome.Executed)


def _wait(env: Any, seconds: float) -> None:
    end = time.monotonic() + seconds
    while env.is_running() and (left := end - time.monotonic()) > 0:
        # The event is set and cleared at once, so a wait that begins just after it misses it.
        env.program_state_event.wait(min(left, _LONGEST_WAIT_SECONDS))
