"""X-Ray's daemon as far as functions know it: a UDP port of this machine for their subsegments."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any

_MOST_BYTES = 65_536
_LOG = logging.getLogger(__name__)


class Daemon:
    """Receives on a free port from `start` until `close`; `take` gets each document."""

    def __init__(self, take: Callable[[Mapping[str, Any]], None]) -> None:
        self._take = take
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(None)
        self._thread = threading.Thread(target=self._receive, name="xray-daemon", daemon=True)
        self._is_closing = False

    @property
    def address(self) -> str:
        """What AWS_XRAY_DAEMON_ADDRESS says."""
        host, port = self._socket.getsockname()
        return f"{host}:{port}"

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """End the thread: a datagram of its own wakes it."""
        self._is_closing = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self._socket.getsockname())
        if self._thread.is_alive():
            self._thread.join(5.0)
        self._socket.close()

    def _receive(self) -> None:
        while not self._is_closing:
            data = self._socket.recv(_MOST_BYTES)
            if not data:
                continue
            try:
                self._take(parsed(data))
            except ValueError as error:
                # What cannot be read is dropped, as the real daemon drops it.
                _LOG.warning("a datagram was dropped: %s", error)


def parsed(datagram: bytes) -> dict[str, Any]:
    """The document after the header line; ValueError where either is not as the daemon takes it."""
    head, _, body = datagram.partition(b"\n")
    if json.loads(head) != {"format": "json", "version": 1}:
        raise ValueError("the header line is not the daemon's")
    document = json.loads(body)
    if not isinstance(document, dict):
        raise ValueError("no document")
    return document
