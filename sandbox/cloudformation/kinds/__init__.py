"""The resource types that a stack can have, each by the API of its own service."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.cloudformation.kinds import (
    buckets,
    keys,
    messaging,
    phones,
    roles,
    tables,
    watching,
    workflows,
)
from sandbox.cloudformation.kinds.part import ClientOf, Kind, Made, Part

KINDS: Mapping[str, Kind] = {
    **buckets.KINDS,
    **keys.KINDS,
    **messaging.KINDS,
    **phones.KINDS,
    **roles.KINDS,
    **tables.KINDS,
    **watching.KINDS,
    **workflows.KINDS,
}

__all__ = ["KINDS", "ClientOf", "Kind", "Made", "Part"]
