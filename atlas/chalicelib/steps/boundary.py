"""The edge of every workflow task and event: what goes in, what comes out, and how it may fail.

Step Functions keeps inputs, outputs and errors for months. A step's own errors name dependencies
and codes; any other exception's message may quote a person, so only its type and place go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from chalicelib.deadline import Deadline
from chalicelib.errors import AtlasError, DependencyError, StepFailedError
from chalicelib.invocation import Invocation
from chalicelib.observability import TRACER, place_of

if TYPE_CHECKING:
    from chalicelib.services import Services
    from chalicelib.steps.payloads import StepResult

LONGEST_SECONDS = 900.0
"""Lambda's own limit; the function's time-out ends its deadline sooner."""


class Parsed(Protocol):
    """A step's input; `parse` raises InvalidRequestError, which names the field."""

    @classmethod
    def parse(cls, event: object) -> Self: ...


_Task = TypeVar("_Task", bound=Parsed)
Step = Callable[[_Task, Deadline, "Services"], "StepResult"]


def run_step(
    step: Step[_Task], task: type[_Task], event: object, context: Any, services: Services
) -> dict[str, Any]:
    """The step's result as JSON; AtlasError, by whose class name the workflow retries."""
    started, invocation = time.perf_counter(), Invocation.of(context)
    services.begin(invocation)
    outcome = "failed"
    try:
        with TRACER.invocation(step.__name__, invocation.trace_header):
            TRACER.annotate(stage=services.settings.stage, start=invocation.start_kind)
            outcome, result = _carried_out(step, task, event, invocation, services)
            TRACER.annotate(outcome=outcome)
    finally:
        _report(step.__name__, outcome, time.perf_counter() - started, services)
    return result


def _carried_out(
    step: Step[_Task],
    task: type[_Task],
    event: object,
    invocation: Invocation,
    services: Services,
) -> tuple[str, dict[str, Any]]:
    deadline = Deadline.after(LONGEST_SECONDS, invocation.remaining_ms())
    try:
        given = task.parse(event)
        _note_whose(given, services)
        result = step(given, deadline, services)
    except AtlasError as exc:
        services.log.warning("step failed", step=step.__name__, error=_told(exc))
        raise
    except Exception as exc:
        problem = f"{type(exc).__name__} in {place_of(exc)}"
        services.log.warning("step failed", step=step.__name__, error=problem)
        raise StepFailedError(problem) from None
    return result.outcome, result.to_json()


def _note_whose(given: Parsed, services: Services) -> None:
    """The interaction id, on every line from here on: a random number that tells of nobody."""
    if interaction_id := getattr(given, "interaction_id", ""):
        services.note_whose(interaction_id)


def _told(exc: AtlasError) -> str:
    """Class, and for a dependency its name and error code; neither quotes what was sent to it."""
    name = type(exc).__name__
    return f"{name} {exc}" if isinstance(exc, DependencyError) else name


def _report(step: str, outcome: str, seconds: float, services: Services) -> None:
    services.log.metrics(
        "step",
        {
            "StepLatency": (seconds * 1000, "Milliseconds"),
            "StepFailed": (float(outcome == "failed"), "Count"),
            f"Outcome.{outcome}": (1.0, "Count"),
        },
        {"Stage": services.settings.stage, "Step": step},
        outcome=outcome,
    )
