"""What the instance and the flow that a call names give it."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.connect.flow import Flow
from sandbox.connect.flow_run import Listener
from sandbox.connect.names import Instance


@dataclass(frozen=True, slots=True)
class Storage:
    """Where an instance puts its recordings: a bucket, and what stands before the date."""

    bucket: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Origin:
    """A call's flow as it stood when the call was started; nothing is kept without `storage`."""

    instance: Instance
    flow: Flow
    listen: Listener
    storage: Storage | None
