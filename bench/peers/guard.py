"""Keeps a measuring process on 127.0.0.1, since peers phone home."""

from __future__ import annotations

import ipaddress
import socket
import subprocess
from collections.abc import Callable
from typing import Any

refused: list[str] = []
"""Whom this process wanted to reach and did not, in order."""


class RefusedError(OSError):
    """An address that is not this machine's."""


def is_loopback(host: object) -> bool:
    """Whether a host, as sockets take it, is this machine; names but `localhost` are not."""
    if not isinstance(host, str):
        return False
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def install() -> None:
    """From here on Python's sockets reach loopback addresses only, and no process is started."""
    for name in ("connect", "connect_ex", "sendto"):
        setattr(socket.socket, name, _guarded_address(getattr(socket.socket, name)))
    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
        setattr(socket, name, _guarded_host(getattr(socket, name)))
    # GPTCache installs what it misses with pip, in a process of its own.
    subprocess.Popen = _no_process  # type: ignore[assignment,misc]


def _guarded_address(call: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(self: socket.socket, *given: Any) -> Any:
        # sendto's address comes last, after the data and perhaps flags.
        address = given[-1]
        if self.family in (socket.AF_INET, socket.AF_INET6) and not is_loopback(address[0]):
            _refuse(f"{address[0]}:{address[1]}")
        return call(self, *given)

    return guarded


def _guarded_host(call: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(host: Any, *given: Any, **named: Any) -> Any:
        if host is not None and not is_loopback(host):
            _refuse(str(host))
        return call(host, *given, **named)

    return guarded


def _no_process(*given: Any, **named: Any) -> Any:
    _refuse(f"a process: {given[0] if given else named.get('args')}")


def _refuse(whom: str) -> None:
    refused.append(whom)
    raise RefusedError(f"refused: {whom}")
