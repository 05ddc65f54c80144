"""What a model's answer took, said and cost: in a turn's line, or in one of its own without a turn.

A turn counts its models itself. Where no visitor waits, nobody else would say what they cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from chalicelib.answer import Generated
from chalicelib.cancellation import Cancellation
from chalicelib.deadline import Deadline
from chalicelib.model_router import Route
from chalicelib.observability import Log
from chalicelib.prompts import Prompt

if TYPE_CHECKING:
    from chalicelib.services import Models


class CountedModels:
    """Models whose every answer is a line of metrics under `dimensions`."""

    def __init__(self, models: Models, log: Log, dimensions: Mapping[str, str]) -> None:
        self._models, self._log, self._dimensions = models, log, dimensions

    def prepare(self) -> None:
        self._models.prepare()

    def has_candidate(self, route: Route) -> bool:
        return self._models.has_candidate(route)

    def complete(
        self,
        prompt: Prompt,
        route: Route,
        deadline: Deadline,
        *,
        cancellation: Cancellation | None = None,
    ) -> Generated:
        came = self._models.complete(prompt, route, deadline, cancellation=cancellation)
        self._log.metrics(
            "model",
            model_metrics(came),
            self._dimensions,
            model=came.model,
            stop_reason=came.stop_reason,
            model_errors=list(came.errors),
        )
        return came


def model_metrics(generated: Generated) -> dict[str, tuple[float, str]]:
    """Estimates where a stream was cut; EstimatedCost is the models' price in USD."""
    values = {
        "ModelLatency": (generated.seconds * 1000, "Milliseconds"),
        "ModelTokens": (float(generated.output_tokens), "Count"),
        "ModelInputTokens": (float(generated.input_tokens), "Count"),
        "ModelCalls": (float(generated.calls), "Count"),
        "ModelErrors": (float(len(generated.errors)), "Count"),
        "EstimatedCost": (generated.usd, "None"),
        "Truncated": (float(generated.was_truncated), "Count"),
        "Hedged": (float(generated.is_hedged), "Count"),
        "HedgeSkipped": (float(generated.hedge_was_skipped), "Count"),
        "Stalled": (float(generated.has_stalled), "Count"),
        f"StopReason.{generated.counted_stop_reason}": (1.0, "Count"),
    }
    if generated.first_token_seconds:
        values["FirstToken"] = (generated.first_token_seconds * 1000, "Milliseconds")
    return values
