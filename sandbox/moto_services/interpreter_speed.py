"""Makes moto's ASL interpreter quick: definitions are parsed once, clients and connections kept.

moto 5.2.5 parses the definition at every start (17 ms for a small one), and makes a boto3 client
for every attempt of every task (4 ms, and a new connection). Its syntax tree holds no state of an
execution except under a key that is made lazily, hence racy when trees are shared.
"""

from __future__ import annotations

import functools
import logging
import sys
import threading
from typing import Any

import botocore.session
import moto.stepfunctions.parser.asl.component.state.exec.state_task.service as _services
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from moto.core.models import botocore_stubber
from moto.settings import moto_server_port
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_factory as _factory,
)
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils import boto_client

from sandbox.local_environment import ACCESS_KEY, SECRET_KEY
from sandbox.moto_services.execution_traces import pass_on

DEFINITIONS_KEPT = 32
TASK_SECONDS = 900 + 10
"""A Lambda function's longest time (Lambda quotas) and a margin."""
_CONNECTIONS = 128
_WARMED = ("lambda", "dynamodb")

_original_client_for = boto_client.boto_client_for
_original_parse = AmazonStateLanguageParser.parse
_original_heap_key = EvalComponent.heap_key
_clients: dict[tuple[str, str, str], Any] = {}
_clients_lock = threading.Lock()


def install() -> None:
    """Patch moto; a second time changes nothing."""
    if AmazonStateLanguageParser.parse is _parse:
        return
    AmazonStateLanguageParser.parse = staticmethod(_parse)
    EvalComponent.heap_key = property(_heap_key)
    for module in _modules_with_clients():
        module.boto_client_for = _client_for
    # Every failed task is an error in moto's log; the execution's history has it all.
    logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)


def warm(region: str) -> None:
    """Make the clients that a lead's first task would otherwise wait for, some 60 ms."""
    if botocore_stubber.enabled:
        return
    for service in _WARMED:
        _client_for(region, service)


def close() -> None:
    """Give the connections back."""
    with _clients_lock:
        clients = list(_clients.values())
        _clients.clear()
    for client in clients:
        client.close()


@functools.lru_cache(DEFINITIONS_KEPT)
def _parse(definition: str) -> Any:
    return _original_parse(definition)


def _heap_key(self: Any) -> str:
    return str(id(self))


def _modules_with_clients() -> list[Any]:
    """Each module that imported the function by its name."""
    if not (_factory and _services):
        raise ImportError("moto's task services have to be imported before they are patched")
    known = (_original_client_for, _client_for)
    loaded = [m for name, m in list(sys.modules.items()) if name.startswith("moto.stepfunctions")]
    return [module for module in loaded if getattr(module, "boto_client_for", None) in known]


def _client_for(region: str, service: str, state_credentials: Any = None) -> Any:
    if botocore_stubber.enabled:
        return _original_client_for(region, service, state_credentials)
    endpoint = f"http://127.0.0.1:{moto_server_port()}"
    key = (endpoint, region, service)
    with _clients_lock:
        if key not in _clients:
            _clients[key] = _make(endpoint, region, service)
        return _clients[key]


def _make(endpoint: str, region: str, service: str) -> Any:
    client = botocore.session.get_session().create_client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(
            parameter_validation=False,
            retries={"total_max_attempts": 1},
            connect_timeout=5,
            read_timeout=TASK_SECONDS,
            max_pool_connections=_CONNECTIONS,
        ),
    )
    _name_broken_connections(client)
    client.meta.events.register("before-call", pass_on)
    return client


def _name_broken_connections(client: Any) -> None:
    """Let a call without an answer fail as `<service>.SdkClientException`, as on AWS.

    moto takes what is no ClientError for its own defect, States.Runtime, which nothing retries.
    """
    call = client._make_api_call

    def named(operation: str, parameters: Any) -> Any:
        try:
            return call(operation, parameters)
        except BotoCoreError as exc:
            error = {"Code": "SdkClientException", "Message": type(exc).__name__}
            metadata = {"HTTPStatusCode": 0, "RequestId": ""}
            answer: Any = {"Error": error, "ResponseMetadata": metadata}
            raise ClientError(answer, operation) from exc

    client._make_api_call = named
