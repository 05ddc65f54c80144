"""A running sandbox as its users see it: clients, control, and direct invokes."""

from __future__ import annotations

import json
import secrets
import urllib.request
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

from sandbox.conversation.child import Address
from sandbox.conversation.talk import Conversation

FULFILLMENT = "atlas-local-lex_fulfillment"


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox as its users see it; its clients are kept, and closed with it."""

    address: Address
    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = boto3.client(
                service,
                endpoint_url=self.address.endpoint,
                region_name=self.address.region,
                aws_access_key_id="sandbox",
                aws_secret_access_key="sandbox",
                config=Config(retries={"total_max_attempts": 1}),
            )
        return self.clients[service]

    def close(self) -> None:
        for client in self.clients.values():
            client.close()

    def conversation(self) -> Conversation:
        return Conversation(self.address, self.client("lexv2-runtime"))

    def get(self, name: str) -> Any:
        with urllib.request.urlopen(f"{self.address.endpoint}/_sandbox/{name}", timeout=10) as r:
            return json.load(r)

    def post(self, name: str, body: Any) -> Any:
        request = urllib.request.Request(
            f"{self.address.endpoint}/_sandbox/{name}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    def count(self, service: str) -> int:
        """How often the service was called since the last reset."""
        return sum(self.get("calls").get(service, {}).values())

    def in_new_environment(self, event: Any) -> dict[str, Any]:
        """The response of an environment that starts for this event and so remembers nothing.

        A changed variable makes Lambda retire the environments of $LATEST; taking it back leaves
        nothing for a later release to publish.
        """
        functions = self.client("lambda")
        before = functions.get_function_configuration(FunctionName=FULFILLMENT)["Environment"]
        changed = {"Variables": before["Variables"] | {"UNUSED": secrets.token_hex(4)}}
        functions.update_function_configuration(FunctionName=FULFILLMENT, Environment=changed)
        try:
            return self.invoke(event, "$LATEST")
        finally:
            functions.update_function_configuration(FunctionName=FULFILLMENT, Environment=before)

    def invoke(self, event: Any, qualifier: str = "live") -> dict[str, Any]:
        """The function's own response to an event of any shape."""
        answer = self.client("lambda").invoke(
            FunctionName=FULFILLMENT, Qualifier=qualifier, Payload=json.dumps(event).encode()
        )
        assert "FunctionError" not in answer, answer["Payload"].read()
        reply: dict[str, Any] = json.loads(answer["Payload"].read())
        return reply
