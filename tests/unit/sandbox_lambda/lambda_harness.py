"""Tiny functions in moto, a service over them, and answers checked against botocore's shapes."""

from __future__ import annotations

import functools
import io
import time
import zipfile
from collections.abc import Callable
from typing import Any

import boto3
import botocore.session
from botocore.validate import ParamValidator
from moto.iam.models import iam_backends

from sandbox.aws_api import ACCOUNT
from sandbox.lambda_service import LambdaService

REGION = "us-east-1"
MODEL = botocore.session.get_session().get_service_model("lambda")

ECHO = """
import os, time

STARTED = time.monotonic()
CALLS = 0

def handler(event, context):
    global CALLS
    CALLS += 1
    if "until" in event:
        while not os.path.exists(event["until"]):
            time.sleep(0.002)
    if "say" in event:
        print(event["say"])
    if "raise" in event:
        raise ValueError(event["raise"])
    return {
        "event": event,
        "calls": CALLS,
        "pid": os.getpid(),
        "version": context.function_version,
        "arn": context.invoked_function_arn,
        "mark": os.environ.get("MARK"),
        "type": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"],
    }
"""


def zipped(files: dict[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@functools.cache
def client(service: str) -> Any:
    """One client for all tests: making one costs more than most of them; moto catches its calls."""
    return boto3.client(
        service, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
    )


class Account:
    """Creates functions through boto3, as a deployment does."""

    def __init__(self) -> None:
        iam = iam_backends[ACCOUNT]["aws"]
        self.role = iam.create_role("role", "{}", "/", "", "", [], 3600).arn
        self.client = client("lambda")

    def create(
        self, source: str | bytes = ECHO, name: str = "f", **settings: Any
    ) -> dict[str, Any]:
        code = source if isinstance(source, bytes) else zipped({"app.py": source})
        defaults = {"Runtime": "python3.11", "Handler": "app.handler", "Timeout": 5}
        defaults["MemorySize"] = 256
        return self.client.create_function(
            FunctionName=name, Role=self.role, Code={"ZipFile": code}, **{**defaults, **settings}
        )

    def set_mark(self, mark: str, name: str = "f") -> None:
        self.client.update_function_configuration(
            FunctionName=name, Environment={"Variables": {"MARK": mark}}
        )

    def publish(self, mark: str, name: str = "f") -> str:
        self.set_mark(mark, name)
        return self.client.publish_version(FunctionName=name)["Version"]


def call(service: LambdaService, operation: str, **params: Any) -> dict[str, Any]:
    """One operation, its input and output checked against botocore's model."""
    model = MODEL.operation_model(operation)
    _assert_shape(params, model.input_shape)
    result = service.operations[operation](params)
    if model.output_shape is not None:
        _assert_shape(result, model.output_shape)
    return result


def _assert_shape(members: dict[str, Any], shape: Any) -> None:
    unknown = set(members) - set(shape.members)
    assert not unknown, f"{shape.name} has no {sorted(unknown)}"
    errors = ParamValidator().validate(members, shape)
    assert not errors.has_errors(), errors.generate_report()


def wait_until(holds: Callable[[], Any], seconds: float = 8.0) -> Any:
    """The first true answer; fails the test when there is none within the time."""
    deadline = time.monotonic() + seconds
    while not (answer := holds()):
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.005)
    return answer


def provision(
    service: LambdaService, count: int, qualifier: str, name: str = "f"
) -> dict[str, Any]:
    """Put provisioned concurrency and wait until it is decided."""
    key = {"FunctionName": name, "Qualifier": qualifier}
    call(service, "PutProvisionedConcurrencyConfig", ProvisionedConcurrentExecutions=count, **key)

    def decided() -> dict[str, Any] | None:
        state = call(service, "GetProvisionedConcurrencyConfig", **key)
        return state if state["Status"] != "IN_PROGRESS" else None

    state: dict[str, Any] = wait_until(decided)
    return state
