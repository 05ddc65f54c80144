"""The whole sandbox behind a port, without schedules and functions, with real clients for it."""

from __future__ import annotations

import contextlib
import json
import urllib.request
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config

from infra import rendering
from sandbox.assembly import Conditions, assemble
from sandbox.control import Health
from sandbox.counters import CallCounters
from sandbox.faults import Faults
from sandbox.http_server import HttpServer
from sandbox.latency import Latency
from sandbox.serve import ROOT


class Endpoint:
    """`url` and clients of it; `close` ends everything."""

    def __init__(self, work_dir: Path) -> None:
        self._stack = contextlib.ExitStack()
        server = HttpServer(None, 0, threads=16)
        self.url = f"http://127.0.0.1:{server.bind()}"
        self._stack.callback(server.close)
        conditions = Conditions(Latency(), Faults(), CallCounters())
        parts = assemble(
            *(self.url, ROOT, work_dir, conditions, Health()), schedules=False, stack=self._stack
        )
        server.serve(parts.app)
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            client = botocore.session.get_session().create_client(
                service,
                region_name="us-east-1",
                endpoint_url=self.url,
                aws_access_key_id="sandbox",
                aws_secret_access_key="sandbox",
                config=Config(retries={"total_max_attempts": 1}),
            )
            self._clients[service] = client
            self._stack.callback(client.close)
        return self._clients[service]

    def faults(self, *faults: dict[str, Any]) -> None:
        request = urllib.request.Request(
            f"{self.url}/_sandbox/faults", method="POST", data=json.dumps(faults).encode()
        )
        with urllib.request.urlopen(request, timeout=10):
            pass

    def deploy(self, name: str, template: str, **parameters: str) -> dict[str, Any]:
        """A stack from a template of `infra/`, as it is described afterwards."""
        text = rendering.rendered(rendering.template_path(template))
        return self.create(name, text, **parameters)

    def create(self, name: str, text: str, **parameters: str) -> dict[str, Any]:
        cloudformation = self.client("cloudformation")
        pairs = parameters.items()
        cloudformation.create_stack(
            StackName=name,
            TemplateBody=text,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in pairs],
            Capabilities=["CAPABILITY_IAM"],
        )
        return self.stack(name)

    def stack(self, name: str) -> dict[str, Any]:
        (found,) = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        return dict(found)

    def outputs(self, name: str) -> dict[str, str]:
        return {o["OutputKey"]: o["OutputValue"] for o in self.stack(name).get("Outputs", [])}

    def close(self) -> None:
        self._stack.close()
