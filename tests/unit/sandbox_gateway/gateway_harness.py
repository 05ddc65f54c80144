"""A gateway on a free port with services given by a test, and real clients for it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from sandbox.aws_api import Operation
from sandbox.bedrock import BedrockRuntime
from sandbox.control import Control, Health
from sandbox.counters import CallCounters
from sandbox.faults import Faults
from sandbox.gateway import Gateway
from sandbox.http_server import HttpServer
from sandbox.latency import Latency, TokenTiming


@dataclass
class FakeService:
    """An AwsService that records what it was called with."""

    service_name: str
    answers: Mapping[str, Any]
    seen: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def operations(self) -> dict[str, Operation]:
        return {name: self._operation(name) for name in self.answers}

    def _operation(self, name: str) -> Operation:
        def call(params: dict[str, Any]) -> dict[str, Any]:
            self.seen.append((name, params))
            answer = self.answers[name]
            if isinstance(answer, Exception):
                raise answer
            return answer(params) if callable(answer) else answer

        return call


class FakeInvocations:
    """The Lambda service's records, as far as the control API reads them."""

    def __init__(self) -> None:
        self.kept = [{"function": "f", "start": "cold"}]

    def records(self) -> list[dict[str, Any]]:
        return self.kept

    def reset(self) -> None:
        self.kept = []


class RunningGateway:
    """Everything behind one port; `close` gives the port back."""

    def __init__(self, *services: Any) -> None:
        self.latency, self.faults, self.counters = Latency(), Faults(), CallCounters()
        self.health, self.invocations = Health(), FakeInvocations()
        self.models = BedrockRuntime(TokenTiming(self.latency), hold=self.faults.hold)
        self.server = HttpServer(None, 0, threads=8)
        self.port = self.server.bind()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        control = Control(
            self.latency,
            self.faults,
            self.counters,
            self.health,
            self.invocations,
            self.models,
            lambda function: [f"a line of {function}"],
        )
        moto = DomainDispatcherApplication(create_backend_app)
        self.gateway = Gateway(
            [self.models, *services], moto, control, self.latency, self.faults, self.counters
        )
        self.server.serve(self.gateway)

    def client(self, service: str, **config: Any) -> Any:
        config = {"retries": {"total_max_attempts": 1}, **config}
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="sandbox",
            aws_secret_access_key="sandbox",
            config=Config(**config),
        )

    def control(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        url = f"{self.endpoint}/_sandbox/{path}"
        request = urllib.request.Request(url, method=method, data=data)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def close(self) -> None:
        self.faults.close()
        self.server.close()
