"""Rows on what a running environment says of itself: what it keeps, reuses and bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ops.audit.facts import Facts
from ops.audit.limits import (
    HISTORY_BYTES,
    IDLE_SECONDS,
    LEAST_READS,
    LEAST_REQUESTS,
    REQUESTS_PER_CONNECTION,
    SECRET_CACHE_SECONDS,
)
from ops.audit.reading import Unobserved
from ops.audit.rows import Row, Verdict, failed, judged, passed


def secret_cache(facts: Facts) -> Verdict:
    seconds = _number(facts.about, "secret_cache_seconds")
    told = f"a secret is kept for {seconds:g} s"
    secrets = facts.about.get("secrets", {})
    reads, fetches = _number(secrets, "reads"), _number(secrets, "fetches")
    if seconds < SECRET_CACHE_SECONDS:
        return failed(told)
    if reads >= LEAST_READS and fetches >= reads:
        return failed(f"each of {reads:.0f} reads asked Secrets Manager")
    return passed(f"{told}; {fetches:.0f} of {reads:.0f} reads asked Secrets Manager")


def connections(facts: Facts) -> Verdict:
    used = {
        service: (_number(counts, "requests"), _number(counts, "opened"))
        for service, counts in _mapping(facts.about, "connections").items()
    }
    least = max(LEAST_REQUESTS, _number(facts.about, "seconds") / IDLE_SECONDS)
    enough = {service: counts for service, counts in used.items() if counts[0] >= least}
    if not enough:
        raise Unobserved(f"the environment asked made fewer than {least:.0f} requests")
    problems = (
        f"{service} opened {opened:.0f} connections for {requests:.0f} requests"
        for service, (requests, opened) in enough.items()
        if opened * REQUESTS_PER_CONNECTION > requests
    )
    told = (f"{s} {requests:.0f} over {opened:.0f}" for s, (requests, opened) in enough.items())
    return judged(problems, ", ".join(told))


def history(facts: Facts) -> Verdict:
    size = _number(facts.about, "history_bytes")
    told = f"at most {size:.0f} bytes of history"
    return passed(told) if 0 < size <= HISTORY_BYTES else failed(told)


def _mapping(about: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = about.get(name)
    if not isinstance(value, Mapping):
        raise Unobserved(f"the running code does not tell its {name}")
    return value


def _number(about: Mapping[str, Any], name: str) -> float:
    value = about.get(name)
    if not isinstance(value, int | float):
        raise Unobserved(f"the running code does not tell its {name}")
    return float(value)


_CODE = "the code that runs is not this repository's: python -m ops deploy --stage {stage}"

ROWS = (
    Row(
        "secret-cache",
        "Secrets Manager in every call cost 300 ms.",
        _CODE,
        secret_cache,
    ),
    Row(
        "connections",
        "A new connection for every request costs a handshake each time.",
        f"clients are built once (chalicelib/clients.py); {_CODE}",
        connections,
    ),
    Row(
        "history",
        "A history that grows makes each prompt longer and fills Lex's session.",
        _CODE,
        history,
    ),
)
