"""The Lambda service's tunables, apart so that every module may read them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tunables:
    """What the sandbox or a test may change; times in seconds, AWS's defaults where it has one."""

    init_seconds: float = 10.0
    """The init phase's limit (Lambda developer guide, execution environment lifecycle)."""
    idle_seconds: float = 300.0
    """How long an idle on-demand environment is kept; AWS names no number."""
    max_idle: int = 16
    """Idle on-demand environments kept in all; the longest idle one goes first."""
    max_environments: int = 100
    """Processes in all, this machine's stand-in for the account's concurrency."""
    account_concurrency: int = 1000
    """The account's quota, against which reservations are checked."""
    event_retry_seconds: tuple[float, ...] = (60.0, 120.0)
    """Waits before the second and third attempt of an Event invocation."""
    throttle_retry_seconds: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 300.0)
    """Waits of a throttled Event invocation: from 1 s, at most 5 minutes."""
    event_workers: int = 8
    event_capacity: int = 10_000
    records: int = 10_000
    failed_events: int = 1_000
    log_lines: int = 10_000
    """Lines kept per function, by us and in moto's log group."""
    upkeep_seconds: float = 0.5
    """How often idle environments are looked after; no invocation waits for it."""
    runtime_client: str = "auto"
    """`awslambdaric`, `own`, or `auto`: awslambdaric where it is installed."""


UNRESERVED_MINIMUM = 100
"""Concurrency that AWS keeps unreserved in every account (Lambda quotas)."""
