"""Encodes vnd.amazon.eventstream frames, which botocore only decodes.

A frame is a prelude (total and header length, CRC32 of both), headers, payload and a CRC32 of it
all. Source: https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html#streaming-event-stream
"""

from __future__ import annotations

import struct
from binascii import crc32
from collections.abc import Mapping

_STRING_TYPE = 7
CONTENT_TYPE = "application/vnd.amazon.eventstream"


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message with string headers."""
    encoded_headers = b"".join(_header(name, value) for name, value in headers.items())
    total_length = 16 + len(encoded_headers) + len(payload)
    lengths = struct.pack("!II", total_length, len(encoded_headers))
    message = lengths + struct.pack("!I", crc32(lengths)) + encoded_headers + payload
    return message + struct.pack("!I", crc32(message))


def event(event_type: str, payload: bytes, content_type: str = "application/json") -> bytes:
    return frame(
        {":event-type": event_type, ":content-type": content_type, ":message-type": "event"},
        payload,
    )


def modelled_exception(exception_type: str, payload: bytes) -> bytes:
    """An exception that the stream's shape lists."""
    return frame(
        {
            ":exception-type": exception_type,
            ":content-type": "application/json",
            ":message-type": "exception",
        },
        payload,
    )


def unmodelled_error(code: str, message: str) -> bytes:
    return frame({":error-code": code, ":error-message": message, ":message-type": "error"}, b"")


def _header(name: str, value: str) -> bytes:
    raw_name, raw_value = name.encode(), value.encode()
    return (
        struct.pack("!B", len(raw_name))
        + raw_name
        + struct.pack("!BH", _STRING_TYPE, len(raw_value))
        + raw_value
    )
