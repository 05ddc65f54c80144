"""Refuses what Connect refuses of StartOutboundVoiceContact beyond the bounds of its model.

Source: the operation in Connect's API reference (ContactFlowId, SourcePhoneNumber, QueueId,
Attributes, ClientToken) and "Amazon Connect service quotas".
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable

from sandbox.aws_api import ApiError, Params
from sandbox.connect.lines import PhoneError, is_number
from sandbox.connect.names import Instance

ATTRIBUTES_BYTES = 32_768
TOKEN_CHARACTERS = 500
DEFAULT_RING_SECONDS = 60.0
_RING_BOUNDS = (15, 60)
_ATTRIBUTE_NAME = re.compile(r"[A-Za-z0-9_-]+")
_MOST_PER_SECOND = 1_000


def check(params: Params, instance: Instance) -> None:
    """ApiError for the first rule that the request breaks, beside those of instance and flow."""
    if not is_number(params["DestinationPhoneNumber"]):
        raise _invalid("DestinationPhoneNumber is not a valid phone number in E.164 format")
    _check_source(params, instance)
    _check_attributes(params.get("Attributes") or {})
    if len(params.get("ClientToken") or "") > TOKEN_CHARACTERS:
        raise _invalid(f"ClientToken must have at most {TOKEN_CHARACTERS} characters")
    lowest, highest = _RING_BOUNDS
    if not lowest <= ring_timeout(params) <= highest:
        raise _invalid(f"RingTimeoutInSeconds must be from {lowest} to {highest}")


def ring_timeout(params: Params) -> float:
    """How long the request lets the phone ring; 60 s where it does not say."""
    return float(params.get("RingTimeoutInSeconds") or DEFAULT_RING_SECONDS)


class Quota:
    """How many calls may be started in a second; none until it is set (Connect's is 2)."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._limit: int | None = None
        self._times: deque[float] = deque(maxlen=_MOST_PER_SECOND)

    def current(self) -> int | None:
        return self._limit

    def put(self, calls_per_second: int | None) -> None:
        """PhoneError unless it is None or a whole number from 0 to 1,000."""
        is_whole = isinstance(calls_per_second, int) and not isinstance(calls_per_second, bool)
        is_good = is_whole and 0 <= (calls_per_second or 0) <= _MOST_PER_SECOND
        if calls_per_second is not None and not is_good:
            raise PhoneError(f"calls_per_second must be from 0 to {_MOST_PER_SECOND}, or null")
        with self._lock:
            self._limit = calls_per_second
            self._times.clear()

    def take(self) -> None:
        """ApiError LimitExceededException when this second's calls are used up."""
        now = self._clock()
        with self._lock:
            while self._times and self._times[0] <= now - 1:
                self._times.popleft()
            if self._limit is not None and len(self._times) >= self._limit:
                raise ApiError("LimitExceededException", "Rate exceeded", 429)
            self._times.append(now)


def _check_source(params: Params, instance: Instance) -> None:
    source = params.get("SourcePhoneNumber")
    if params.get("QueueId"):
        raise _not_found("Queue not found")
    if source is None:
        raise _invalid("Either SourcePhoneNumber or QueueId must be given")
    if source != instance.number:
        raise _invalid("SourcePhoneNumber is not claimed by the instance")


def _check_attributes(attributes: dict[str, str]) -> None:
    size = sum(len(name.encode()) + len(value.encode()) for name, value in attributes.items())
    if size > ATTRIBUTES_BYTES:
        raise _invalid(f"Attributes must have at most {ATTRIBUTES_BYTES} bytes")
    if not all(_ATTRIBUTE_NAME.fullmatch(name) for name in attributes):
        raise _invalid("Attribute keys can include only alphanumeric, dash and underscore")


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidRequestException", message)


def _not_found(message: str) -> ApiError:
    return ApiError("ResourceNotFoundException", message, 404)
