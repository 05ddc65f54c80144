"""What was set up in each Connect instance: flows, the bots it may use, where recordings go."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.aws_api import ApiError
from sandbox.connect.bot_address import BotLine, SpokenLex
from sandbox.connect.flow import Flow, bot_aliases
from sandbox.connect.names import CONTACT_FLOW_ID, INSTANCE_ID, INSTANCES, Instance
from sandbox.connect.origin import Origin, Storage

MOST_FLOWS = 100
CALL_RECORDINGS = "CALL_RECORDINGS"

_SetUpChange = Callable[[], Any]


@dataclass(slots=True)
class SavedFlow:
    """A flow as the API made it; `content` is its text."""

    id: str
    name: str
    type: str
    description: str
    content: str
    flow: Flow
    state: str = "ACTIVE"


@dataclass(slots=True)
class SetUp:
    """One instance; storage is kept by its resource type, as `(association id, config)`."""

    instance: Instance
    flows: dict[str, SavedFlow] = field(default_factory=dict)
    bots: list[str] = field(default_factory=list)
    storage: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)


class Instances:
    """Thread-safe by `lock`. Stage `local`'s flow is there from the start, with its own storage."""

    def __init__(self, local: Origin, lex: SpokenLex) -> None:
        self._local, self._lex = local, lex
        self.lock = threading.RLock()
        self._set_ups = {each.id: SetUp(each) for each in INSTANCES}

    def find(self, params: dict[str, Any]) -> SetUp:
        """The instance that a request names; ApiError ResourceNotFoundException."""
        # The API takes the ARN's last part or, in some operations, the whole ARN.
        wanted = str(params["InstanceId"]).rpartition("/")[2]
        if wanted not in self._set_ups:
            raise not_found("Instance not found")
        return self._set_ups[wanted]

    def flow(self, params: dict[str, Any]) -> SavedFlow:
        """The flow that a request names; ApiError ResourceNotFoundException."""
        wanted = str(params["ContactFlowId"]).rpartition("/")[2]
        with self.lock:
            found = self.find(params).flows.get(wanted)
        if found is None:
            raise not_found("Contact flow not found")
        return found

    def origin(self, params: dict[str, Any]) -> Origin:
        """What a call of this request is made with; ApiError for what there is not."""
        set_up = self.find(params)
        is_local = set_up.instance.id == INSTANCE_ID
        if is_local and params["ContactFlowId"] == CONTACT_FLOW_ID:
            return self._local
        saved = self.flow(params)
        if saved.type != "CONTACT_FLOW" or saved.state != "ACTIVE":
            raise not_found("Contact flow not found")
        with self.lock:
            line = BotLine.of_aliases(self._lex, bot_aliases(saved.flow), tuple(set_up.bots))
            _, config = set_up.storage.get(CALL_RECORDINGS, ("", {}))
        return Origin(set_up.instance, saved.flow, line.listen, _storage(config))


def _storage(config: dict[str, Any]) -> Storage | None:
    place = config.get("S3Config")
    return Storage(place["BucketName"], place["BucketPrefix"].rstrip("/")) if place else None


def not_found(message: str) -> ApiError:
    return ApiError("ResourceNotFoundException", message, 404)
