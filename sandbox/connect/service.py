"""The operations of `connect` that Atlas uses: place a call, stop it, read what became of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from sandbox.aws_api import ApiError, Operation, Params
from sandbox.connect import flow, requests
from sandbox.connect.administration import Administration
from sandbox.connect.aftermath import Aftermath
from sandbox.connect.bot_address import BotLine, SpokenLex
from sandbox.connect.call import Call
from sandbox.connect.calls import Calls, Exchange
from sandbox.connect.clients import ClientOf, Clients
from sandbox.connect.contact_record import contact_record
from sandbox.connect.delivery import Delivery, Ways
from sandbox.connect.instances import Instances
from sandbox.connect.names import INSTANCE, instance_alias, recordings_bucket
from sandbox.connect.origin import Origin, Storage
from sandbox.connect.timers import Scheduler, Timers
from sandbox.latency import Latency

# Turns, events and recordings wait for other services, and so may as many at a time.
_WORKERS = 16


class ConnectService:
    """An AwsService; `calls` is the telephone network behind it."""

    service_name = "connect"

    def __init__(
        self,
        endpoint: str,
        lex_runtime: SpokenLex,
        flow_file: Path,
        stage: str,
        latency: Latency | None = None,
        *,
        clock: Callable[[], float] = time.time,
        client_of: ClientOf | None = None,
        line: Scheduler | None = None,
        work: Scheduler | None = None,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self._latency = latency
        self._clients = Clients(endpoint)
        self._line, self._work = line or Timers("phone-line", 1), work or Timers("phone", _WORKERS)
        clients = client_of or self._clients
        ways = Ways()
        self._delivery = Delivery(clients, self._work, ways, wait)
        self.quota = requests.Quota(clock)
        self.calls = Calls(
            Exchange(
                aftermath=Aftermath(self._delivery, self._work, clock),
                line=self._line,
                work=self._work,
                ways=ways,
                clock=clock,
            )
        )
        self._placing = threading.Lock()
        prefix = f"connect/{instance_alias(stage)}/CallRecordings"
        local = Origin(
            instance=INSTANCE,
            flow=flow.load(flow_file),
            listen=BotLine.of_stage(lex_runtime, clients, stage).listen,
            storage=Storage(recordings_bucket(stage), prefix),
        )
        self._instances = Instances(local, lex_runtime)
        self._administration = Administration(self._instances, clients)

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            **self._administration.operations,
            "StartOutboundVoiceContact": self._start,
            "StopContact": self._stop,
            "DescribeContact": self._describe,
        }

    def close(self) -> None:
        """End every thread; calls that are under way stay as they are."""
        self._delivery.close()
        self._line.close()
        self._work.close()
        self._clients.close()

    def _start(self, params: Params) -> Params:
        origin = self._instances.origin(params)
        requests.check(params, origin.instance)
        token = params.get("ClientToken")
        with self._placing:
            contact_id = self.calls.ledger.by_token(token) if token else None
            if contact_id is None:
                self.quota.take()
                contact_id = self._place(params, origin).id
                if token:
                    self.calls.ledger.remember_token(token, contact_id)
        return {"ContactId": contact_id}

    def _place(self, params: Params, origin: Origin) -> Call:
        return self.calls.place(
            params["DestinationPhoneNumber"],
            dict(params.get("Attributes") or {}),
            requests.ring_timeout(params),
            self._dial_seconds(),
            origin,
        )

    def _dial_seconds(self) -> float:
        # The profile's figure is the time until the call is placed: no phone rings before it.
        if self._latency is None:
            return 0.0
        return self._latency.seconds("connect", "StartOutboundVoiceContact", False)

    def _stop(self, params: Params) -> Params:
        if not self.calls.stop(self._call(params)):
            raise ApiError("ContactNotFoundException", "The contact has ended already.", 410)
        return {}

    def _describe(self, params: Params) -> Params:
        return {"Contact": contact_record(self._call(params))}

    def _call(self, params: Params) -> Call:
        instance = self._instances.find(params).instance
        call = self.calls.ledger.find(params["ContactId"])
        if call is None or call.instance != instance:
            raise ApiError("ResourceNotFoundException", "Contact not found", 404)
        return call
