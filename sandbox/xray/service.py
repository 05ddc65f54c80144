"""X-Ray's API over the traces: what writes segments, and what finds and reads them again."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sandbox.aws_api import ApiError, Operation, Params
from sandbox.xray import filter_expression
from sandbox.xray.filter_expression import Facts
from sandbox.xray.store import Document, TraceStore

IDS_PER_BATCH = 5
SUMMARIES_PER_PAGE = 100
LONGEST_SECONDS = 6 * 3_600
"""The widest window of GetTraceSummaries (API reference)."""


class XRayService:
    """An AwsService; what it lacks moto answers."""

    service_name = "xray"

    def __init__(self, store: TraceStore) -> None:
        self._store = store

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "PutTraceSegments": self._put,
            "PutTelemetryRecords": lambda _: {},
            "GetTraceSummaries": self._summaries,
            "BatchGetTraces": self._batch,
            "GetSamplingRules": lambda _: {"SamplingRuleRecords": []},
            "GetSamplingTargets": lambda _: {
                "SamplingTargetDocuments": [],
                "LastRuleModification": time.time(),
                "UnprocessedStatistics": [],
            },
        }

    def _put(self, params: Params) -> Params:
        refused = []
        for text in params["TraceSegmentDocuments"]:
            try:
                document = json.loads(text)
                self._store.add(document)
            except (ValueError, AttributeError) as error:
                refused.append({"ErrorCode": "ParseError", "Message": str(error)})
        return {"UnprocessedTraceSegments": refused}

    def _batch(self, params: Params) -> Params:
        ids = params["TraceIds"]
        if len(ids) > IDS_PER_BATCH:
            raise ApiError("InvalidRequestException", "Too many trace ids: at most 5.")
        found = {trace_id: self._store.trace(trace_id) for trace_id in ids}
        traces = [_trace(trace_id, documents) for trace_id, documents in found.items() if documents]
        return {
            "Traces": traces,
            "UnprocessedTraceIds": [trace_id for trace_id in ids if not found[trace_id]],
        }

    def _summaries(self, params: Params) -> Params:
        start, end = _seconds(params["StartTime"]), _seconds(params["EndTime"])
        if not 0 <= end - start <= LONGEST_SECONDS:
            raise ApiError("InvalidRequestException", "Time range is not valid: at most 6 hours.")
        holds = filter_expression.parse(params.get("FilterExpression") or "")
        found = []
        for trace_id in reversed(self._store.ids()):
            documents = self._store.trace(trace_id)
            begun = float(documents[0]["start_time"]) if documents else -1.0
            if start <= begun <= end and holds(facts_of(documents)):
                found.append(_summary(trace_id, documents))
        return _page(found, int(params.get("NextToken") or 0))


def _page(found: Sequence[Params], at: int) -> Params:
    """A token is the number of the next summary."""
    page: Params = {
        "TraceSummaries": found[at : at + SUMMARIES_PER_PAGE],
        "TracesProcessedCount": len(found),
        "ApproximateTime": time.time(),
    }
    if at + SUMMARIES_PER_PAGE < len(found):
        page["NextToken"] = str(at + SUMMARIES_PER_PAGE)
    return page


def facts_of(documents: Sequence[Document]) -> Facts:
    """Of segments and all that is nested in them."""
    annotations: dict[str, list[str | float | bool]] = {}
    flags: set[str] = set()
    parts = [part for document in documents for part in _with_parts(document)]
    for part in parts:
        for key, value in part.get("annotations", {}).items():
            annotations.setdefault(key, []).append(value)
        flags |= {flag for flag in ("fault", "error", "throttle") if part.get(flag)}
    services = {part["name"] for part in parts if part.get("type") != "subsegment"}
    if not flags:
        flags = {"ok"}
    return Facts(annotations, frozenset(services), frozenset(flags), _duration(documents))


def _with_parts(document: Document) -> list[Document]:
    nested = document.get("subsegments", ())
    return [document, *(part for each in nested for part in _with_parts(each))]


def _duration(documents: Sequence[Document]) -> float:
    begun = [float(document["start_time"]) for document in documents]
    ended = [float(document.get("end_time") or document["start_time"]) for document in documents]
    return round(max(ended) - min(begun), 6)


def _trace(trace_id: str, documents: Sequence[Document]) -> Params:
    segments = [{"Id": each["id"], "Document": json.dumps(each)} for each in documents]
    return {"Id": trace_id, "Duration": _duration(documents), "Segments": segments}


def _summary(trace_id: str, documents: Sequence[Document]) -> Params:
    facts, first = facts_of(documents), documents[0]
    begun = float(first["start_time"])
    return {
        "Id": trace_id,
        "StartTime": begun,
        "Duration": facts.seconds,
        "ResponseTime": round(float(first.get("end_time") or begun) - begun, 6),
        "HasFault": "fault" in facts.flags,
        "HasError": "error" in facts.flags,
        "HasThrottle": "throttle" in facts.flags,
        "IsPartial": any(document.get("in_progress") for document in documents),
        "EntryPoint": {"Name": first["name"], "Names": [first["name"]]},
        "Annotations": {
            key: [{"AnnotationValue": _value(value)} for value in dict.fromkeys(values)]
            for key, values in facts.annotations.items()
        },
    }


def _value(value: str | float | bool) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BooleanValue": value}
    return {"StringValue": value} if isinstance(value, str) else {"NumberValue": float(value)}


def _seconds(moment: datetime | float) -> float:
    return moment.timestamp() if isinstance(moment, datetime) else float(moment)
