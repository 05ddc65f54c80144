"""Finds traces by what is annotated on them, and reads their documents from X-Ray."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ops.aws import pages
from ops.errors import RefusedError
from ops.stages import FULFILLMENT, function_name
from ops.steps import Context
from ops.trace.tree import Document

TRACE_ID = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_INTERACTION = re.compile(r"[0-9a-f]{32}")
_IDS_PER_READ = 5
_WINDOW = timedelta(hours=6)
"""The widest that GetTraceSummaries takes (API reference)."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One trace's id and its documents by their start."""

    id: str
    documents: Sequence[Document]

    @property
    def start(self) -> float:
        return float(self.documents[0]["start_time"])


def trace_id_of(text: str) -> str:
    """From an id or a whole trace header; RefusedError for anything else."""
    found = TRACE_ID.search(text)
    if found is None:
        raise RefusedError(
            f"{text!r} holds no trace id such as 1-5759e988-bd862e3fe1be46a994272793"
        )
    return found[0]


def of_interaction(interaction: str) -> str:
    """The filter that finds a lead's traces; RefusedError for what is no interaction's id."""
    if not _INTERACTION.fullmatch(interaction):
        raise RefusedError("an interaction's id is 32 hexadecimal digits, as the log lines have it")
    return f'annotation.interaction_id = "{interaction}"'


def of_turns(stage: str) -> str:
    """The filter that finds a stage's turns."""
    return f'service("{function_name(stage, FULFILLMENT)}") AND annotation.stage = "{stage}"'


def summaries(ctx: Context, expression: str, back: timedelta) -> list[dict[str, Any]]:
    """What X-Ray says of the traces that began in that time, the oldest first."""
    xray, end, found = ctx.clients.of("xray"), ctx.now(), []
    start = end - back
    while start < end:
        until = min(end, start + _WINDOW)
        window = {"StartTime": start, "EndTime": until, "FilterExpression": expression}
        found += list(pages(xray.get_trace_summaries, "TraceSummaries", **window))
        start = until
    by_id = {summary["Id"]: summary for summary in found}
    return sorted(by_id.values(), key=_start)


def _start(summary: dict[str, Any]) -> float:
    """The time is in the id, for X-Ray does not always say it apart."""
    moment = summary.get("StartTime")
    return moment.timestamp() if moment is not None else int(summary["Id"].split("-")[1], 16)


def read(ctx: Context, ids: Sequence[str]) -> list[Trace]:
    """The traces that X-Ray has of these, the oldest first."""
    xray, traces = ctx.clients.of("xray"), []
    for at in range(0, len(ids), _IDS_PER_READ):
        wanted = list(ids[at : at + _IDS_PER_READ])
        for trace in pages(xray.batch_get_traces, "Traces", TraceIds=wanted):
            traces.append(_trace(trace))
    return sorted((trace for trace in traces if trace.documents), key=lambda each: each.start)


def _trace(answer: dict[str, Any]) -> Trace:
    documents = [json.loads(segment["Document"]) for segment in answer["Segments"]]
    return Trace(answer["Id"], sorted(documents, key=lambda each: float(each["start_time"])))
