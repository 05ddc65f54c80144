"""The whole sandbox behind a port, without its schedules, and functions to run on it."""

from __future__ import annotations

import contextlib
import io
import json
import time
import urllib.error
import urllib.request
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config

from sandbox.assembly import Conditions, assemble
from sandbox.control import Health
from sandbox.counters import CallCounters
from sandbox.faults import Faults
from sandbox.http_server import HttpServer
from sandbox.latency import Latency
from sandbox.serve import ROOT

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/any"

# Fails as often as it is told to, and hands out what it was called with.
SOURCE = """
import json, os, time

class RetryableDependencyError(Exception):
    pass

def handler(event, context):
    print("EVENT " + json.dumps(event))
    event = event if isinstance(event, dict) else {}
    if "record" in event:
        with open(event["record"], "a") as lines:
            lines.write(event.get("token", "called") + chr(10))
        if len(open(event["record"]).readlines()) <= event.get("failures", 0):
            raise RetryableDependencyError("not yet")
    if "until" in event:
        while not os.path.exists(event["until"]):
            time.sleep(0.005)
    return {"version": context.function_version, "arn": context.invoked_function_arn,
            "event": event, "at": time.time()}
"""


class Platform:
    """`endpoint`, real clients for it, and the control API; `close` ends everything."""

    def __init__(self, work_dir: Path) -> None:
        self._stack = contextlib.ExitStack()
        server = HttpServer(None, 0, threads=16)
        self.endpoint = f"http://127.0.0.1:{server.bind()}"
        self._stack.callback(server.close)
        conditions = Conditions(Latency(), Faults(), CallCounters())
        self.parts = assemble(
            *(self.endpoint, ROOT, work_dir, conditions, Health()),
            schedules=False,
            stack=self._stack,
        )
        server.serve(self.parts.app)
        self._clients: dict[str, Any] = {}
        self.client("iam").create_role(RoleName="any", AssumeRolePolicyDocument="{}")

    def client(self, service: str) -> Any:
        if service not in self._clients:
            client = botocore.session.get_session().create_client(
                service,
                region_name="us-east-1",
                endpoint_url=self.endpoint,
                aws_access_key_id="sandbox",
                aws_secret_access_key="sandbox",
                config=Config(retries={"total_max_attempts": 1}),
            )
            self._clients[service] = client
            self._stack.callback(client.close)
        return self._clients[service]

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

    def function(self, name: str, live: bool = True) -> str:
        """The ARN of `name:live`, on version 1 of a function made anew."""
        lambda_ = self.client("lambda")
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("app.py", SOURCE)
        arn = lambda_.create_function(
            FunctionName=name,
            Role=ROLE,
            Runtime="python3.11",
            Handler="app.handler",
            Timeout=10,
            Code={"ZipFile": buffer.getvalue()},
        )["FunctionArn"]
        if live:
            lambda_.publish_version(FunctionName=name)
            lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
        return f"{arn}:live"

    def allow_rules(self, arn: str, rule: str = "*") -> None:
        source = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/{rule}"
        self.client("lambda").add_permission(
            FunctionName=arn,
            StatementId=f"rules-{abs(hash(rule))}",
            Action="lambda:InvokeFunction",
            Principal="events.amazonaws.com",
            SourceArn=source,
        )

    def invocations(self, function: str, count: int = 1) -> list[dict[str, Any]]:
        """The function's invocations once there are so many."""
        return wait_until(lambda: _at_least(count, self.control("GET", "invocations")[1], function))

    def close(self) -> None:
        self._stack.close()


def _at_least(count: int, records: list[dict[str, Any]], function: str) -> list[dict[str, Any]]:
    own = [record for record in records if record["function"] == function]
    return own if len(own) >= count else []


def wait_until(holds: Callable[[], Any], seconds: float = 10.0) -> Any:
    """The first true answer; fails the test when there is none within the time."""
    deadline = time.monotonic() + seconds
    while not (answer := holds()):
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.005)
    return answer


class Machines:
    """State machines by definition, and executions to their end."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self.client = platform.client("stepfunctions")

    def create(self, definition: dict[str, Any]) -> str:
        made = self.client.create_state_machine(
            name=f"machine-{uuid.uuid4()}",
            definition=json.dumps(definition),
            roleArn=ROLE,
        )
        return made["stateMachineArn"]

    def start(self, machine: str, name: str = "one", **inputs: Any) -> str:
        return self.client.start_execution(
            stateMachineArn=machine, name=name, input=json.dumps(inputs)
        )["executionArn"]

    def describe(self, execution: str) -> dict[str, Any]:
        return self.client.describe_execution(executionArn=execution)

    def result(self, execution: str) -> dict[str, Any]:
        """What DescribeExecution says at the end, its output as data."""

        def ended() -> dict[str, Any] | None:
            described = self.describe(execution)
            return None if described["status"] == "RUNNING" else described

        described = wait_until(ended)
        return {**described, "output": json.loads(described.get("output", "null"))}

    def history(self, execution: str, **params: Any) -> list[dict[str, Any]]:
        return self.client.get_execution_history(executionArn=execution, **params)["events"]


def lambda_task(arn: str, payload: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A Task state that invokes a function."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": arn, "Payload": payload or {}},
        "TimeoutSeconds": 10,
        **fields,
    }


def token_task(arn: str, record: Path, **fields: Any) -> dict[str, Any]:
    """A Task state that waits for the token which its function writes into `record`."""
    payload = {"record": str(record), "token.$": "$$.Task.Token"}
    waiting = {"Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken"}
    return {**lambda_task(arn, payload), **waiting, **fields}


def one_state(state: dict[str, Any], **others: dict[str, Any]) -> dict[str, Any]:
    """A definition that begins with `Work`."""
    return {"StartAt": "Work", "States": {"Work": {**state, "End": True}, **others}}


CATCH_ALL = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
CAUGHT = {"Type": "Pass", "End": True}
