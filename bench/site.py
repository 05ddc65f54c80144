"""A sandbox of one's own as a measurement sees it: real clients, and the sandbox's control API."""

from __future__ import annotations

import contextlib
import json
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import boto3
from botocore.config import Config

from sandbox.aws_api import ACCOUNT
from sandbox.conversation.child import Address, own_sandbox

PENDING_KINDS = ("start", "summary", "callback", "update", "erase")
# Schedules would start what a measurement holds back on purpose; it runs them itself.
_SERVE = (sys.executable, "-m", "sandbox", "serve", "--no-schedules")
_boto3: Any = boto3
_POLL_SECONDS = 0.05
_CONTROL_SECONDS = 60

_Found = TypeVar("_Found")


class NotInTimeError(Exception):
    """Something did not happen within its bound; `str()` says what."""


class Site:
    """Clients are made once and asked once: a retry would hide a wait from who measures."""

    def __init__(self, address: Address, stage: str = "local") -> None:
        self.address, self.stage = address, stage
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.new_client(service)
        return self._clients[service]

    def new_client(self, service: str) -> Any:
        """One more client, with connections of its own."""
        return _boto3.client(
            service,
            endpoint_url=self.address.endpoint,
            region_name=self.address.region,
            aws_access_key_id="sandbox",
            aws_secret_access_key="sandbox",  # noqa: S106
            config=Config(
                retries={"total_max_attempts": 1},
                read_timeout=60,
                connect_timeout=5,
                max_pool_connections=32,
            ),
        )

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def get(self, name: str, **query: str) -> Any:
        """The JSON of `GET /_sandbox/<name>`."""
        asked = f"?{urllib.parse.urlencode(query)}" if query else ""
        return self._control(f"{name}{asked}", None)

    def post(self, name: str, body: Any) -> Any:
        """The JSON of `POST /_sandbox/<name>`."""
        return self._control(name, json.dumps(body).encode())

    def faults(self, *faults: Mapping[str, Any]) -> None:
        """These faults and no others."""
        self.post("faults", list(faults))

    def run_schedule(self, rule: str) -> None:
        self.post("schedules/run", {"rule": f"atlas-{self.stage}-{rule}"})

    def calls_to(self, number: str) -> list[dict[str, Any]]:
        """Every call to a number, oldest first."""
        calls: list[dict[str, Any]] = self.get("phone", number=number)
        return calls

    def salesforce(self, name: str) -> list[dict[str, Any]]:
        """Every record of an object, oldest first."""
        records: list[dict[str, Any]] = self.get(f"salesforce/{name}")
        return records

    def item(self, table: str, interaction_id: str) -> dict[str, Any]:
        """The interaction's item as DynamoDB holds it, {} where there is none."""
        key = {"interaction_id": {"S": interaction_id}}
        answer = self.client("dynamodb").get_item(
            TableName=f"atlas-{self.stage}-{table}", Key=key, ConsistentRead=True
        )
        found: dict[str, Any] = answer.get("Item", {})
        return found

    def pending(self, *kinds: str) -> dict[str, list[dict[str, Any]]]:
        """The rows of pending-work by kind, kinds without rows left out."""
        rows = {kind: self._rows(kind) for kind in kinds or PENDING_KINDS}
        return {kind: found for kind, found in rows.items() if found}

    def _rows(self, kind: str) -> list[dict[str, Any]]:
        answer = self.client("dynamodb").query(
            TableName=f"atlas-{self.stage}-pending-work",
            KeyConditionExpression="kind = :kind",
            ExpressionAttributeValues={":kind": {"S": kind}},
            ConsistentRead=True,
        )
        rows: list[dict[str, Any]] = answer["Items"]
        return rows

    @property
    def workflow_arn(self) -> str:
        name = f"stateMachine:atlas-{self.stage}-lead-workflow"
        return f"arn:aws:states:{self.address.region}:{ACCOUNT}:{name}"

    def executions(self, status: str) -> list[dict[str, Any]]:
        """The workflow's executions of a status."""
        pages = self.client("stepfunctions").get_paginator("list_executions")
        found = pages.paginate(stateMachineArn=self.workflow_arn, statusFilter=status)
        return [execution for page in found for execution in page["executions"]]

    def wait(self, what: str, condition: Callable[[], _Found], seconds: float) -> _Found:
        """The condition's first true value; NotInTimeError names `what` did not come."""
        end = time.monotonic() + seconds
        while not (found := condition()):
            if time.monotonic() > end:
                raise NotInTimeError(f"{what}: not within {seconds:g} s")
            time.sleep(_POLL_SECONDS)
        return found

    def _control(self, path: str, body: bytes | None) -> Any:
        url = f"{self.address.endpoint}/_sandbox/{path}"
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=_CONTROL_SECONDS) as response:  # noqa: S310
            return json.load(response)


def progress(line: str) -> None:
    """Tell on stderr what is going on, so that stdout holds the result alone."""
    print(line, file=sys.stderr, flush=True)


@contextlib.contextmanager
def own_site(profile: str, scale: float = 1.0) -> Iterator[Site]:
    """A sandbox that ends with the `with`, without schedules."""
    with (
        own_sandbox(progress, profile, scale, _SERVE) as address,
        contextlib.closing(Site(address)) as site,
    ):
        yield site
