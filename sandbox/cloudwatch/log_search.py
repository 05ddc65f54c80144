"""FilterLogEvents over moto's log groups: patterns, stream prefixes, times and pages.

moto 5.2.5 takes a pattern in braces or with `?` to match everything, ignores the prefix of a
stream's name, and has pages of its own making.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from moto.logs.models import logs_backends

from sandbox.aws_api import ACCOUNT, REGION, ApiError, Operation, Params
from sandbox.cloudwatch.filter_pattern import Matches, compiled, invalid

PAGE_EVENTS = 10_000
PAGE_BYTES = 1024 * 1024
"""A page holds up to 1 MB or 10,000 events (API reference of FilterLogEvents)."""


_TOKEN = re.compile(r"(\d+)/(\d+)")


class LogSearch:
    """An AwsService for what moto's CloudWatch Logs gets wrong; `flush` brings it up to date."""

    service_name = "logs"

    def __init__(
        self, flush: Callable[[], None], account: str = ACCOUNT, region: str = REGION
    ) -> None:
        self._flush, self._account, self._region = flush, account, region

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {"FilterLogEvents": self.filter_log_events}

    def filter_log_events(self, params: Params) -> Params:
        """What matches, oldest first; every line that a function has written by now is seen."""
        matches = compiled(params.get("filterPattern") or "")
        self._flush()
        streams = self._streams(params)
        after = _place(params.get("nextToken"))
        found = [one for one in _found(streams, params, matches) if one[0] > after]
        found.sort(key=lambda one: one[0])
        page = _page(found, int(params.get("limit") or PAGE_EVENTS))
        more = {"nextToken": "{}/{}".format(*page[-1][0])} if len(page) < len(found) else {}
        return {"events": [event for _, event in page], "searchedLogStreams": [], **more}

    def _streams(self, params: Params) -> dict[str, Any]:
        names, prefix = params.get("logStreamNames"), params.get("logStreamNamePrefix")
        if names is not None and prefix is not None:
            raise invalid("Only one of logStreamNamePrefix and logStreamNames may be specified.")
        streams: dict[str, Any] = dict(self._group(params).streams)
        if names is None:
            return {name: one for name, one in streams.items() if name.startswith(prefix or "")}
        if any(name not in streams for name in names):
            raise _not_found("stream")
        return {name: streams[name] for name in names}

    def _group(self, params: Params) -> Any:
        """By name, or by the name at the end of an ARN."""
        name = params.get("logGroupName") or params.get("logGroupIdentifier") or ""
        if name.startswith("arn:"):
            name = name.removesuffix(":*").rpartition(":log-group:")[2]
        group = logs_backends[self._account][self._region].groups.get(name)
        if group is None:
            raise _not_found("group")
        return group


_Found = tuple[tuple[int, int], dict[str, Any]]


def _found(streams: Mapping[str, Any], params: Params, matches: Matches) -> Iterator[_Found]:
    first, last = params.get("startTime"), params.get("endTime")
    for name, stream in streams.items():
        for event in list(stream.events):
            if first is not None and event.timestamp < first:
                continue
            if last is not None and event.timestamp > last:
                continue
            if matches(event.message):
                described = {**event.to_filter_dict(), "logStreamName": name}
                yield (event.timestamp, int(event.event_id)), described


def _page(events: list[_Found], limit: int) -> list[_Found]:
    """As many as fit, and never none, so that reading on comes to an end."""
    sizes = itertools.accumulate(len(event["message"].encode()) for _, event in events[:limit])
    fitting = sum(1 for _ in itertools.takewhile(lambda size: size <= PAGE_BYTES, sizes))
    return events[: max(1, fitting)]


def _place(token: str | None) -> tuple[int, int]:
    """Time and id of the last event of the page before: new lines move no later page."""
    if token is None:
        return -1, -1
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise invalid("The specified nextToken is invalid.")
    return int(match[1]), int(match[2])


def _not_found(what: str) -> ApiError:
    message = f"The specified log {what} does not exist."
    return ApiError("ResourceNotFoundException", message)
