"""A process's memory in MB, from /proc; 0 where the system has none (macOS), so no limit there."""

from __future__ import annotations

import os

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MB = 1024 * 1024


def resident_mb(pid: int) -> int:
    """What is resident now."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as statm:
            return int(statm.read().split()[1]) * _PAGE_BYTES // _MB
    except (OSError, IndexError):
        return 0


def peak_mb(pid: int) -> int:
    """The most that was ever resident (VmHWM), rounded up."""
    try:
        with open(f"/proc/{pid}/status", "rb") as status:
            _, found, rest = status.read().partition(b"VmHWM:")
    except OSError:
        return 0
    return -(-int(rest.split()[0]) // 1024) if found else 0
