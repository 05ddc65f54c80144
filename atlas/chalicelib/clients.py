"""Pooled AWS clients, each built once from one botocore session, each with time-outs.

botocore's time-outs belong to a client, so what a visitor waits for and what may take its time
use different clients. One attempt only on a turn's path: a retry would outlive the deadline.
"""

from __future__ import annotations

import threading
from functools import cached_property
from typing import Any

import botocore.session
from botocore.client import BaseClient
from botocore.config import Config

from chalicelib.observability.aws_calls import AwsCalls

CONNECTIONS = 10
BACKGROUND_ATTEMPTS = 4
CONSENT_READ_SECONDS = 0.6


class AwsClients:
    """Each client is created when it is first asked for, and then kept.

    `in_background`: nobody waits for this function's answer, so its calls may be tried again.
    """

    def __init__(self, *, in_background: bool = False) -> None:
        self._session = botocore.session.get_session()
        self._user_agent = _user_agent(self._session)
        AwsCalls(self._session)
        self._lock = threading.Lock()
        self._attempts = BACKGROUND_ATTEMPTS if in_background else 1

    @cached_property
    def dynamodb(self) -> Any:
        return self._client("dynamodb", connect=0.5, read=1.0, attempts=self._attempts)

    @cached_property
    def dynamodb_writing(self) -> Any:
        """For the consent turn: short enough that several attempts fit its deadline."""
        return self._client("dynamodb", connect=0.3, read=CONSENT_READ_SECONDS)

    @cached_property
    def stepfunctions(self) -> Any:
        return self._client("stepfunctions", connect=0.3, read=0.6, attempts=self._attempts)

    @cached_property
    def connect(self) -> Any:
        return self._client("connect", connect=1.0, read=4.0)

    @cached_property
    def s3(self) -> Any:
        return self._client("s3", connect=1.0, read=10.0, attempts=self._attempts)

    @cached_property
    def transcribe(self) -> Any:
        return self._client("transcribe", connect=1.0, read=5.0, attempts=self._attempts)

    @cached_property
    def sns(self) -> Any:
        """Short: a visitor's request for deletion tells the team within its turn."""
        return self._client("sns", connect=0.5, read=1.0, attempts=self._attempts)

    @cached_property
    def sts(self) -> Any:
        return self._client("sts", connect=0.5, read=1.0, attempts=2)

    @cached_property
    def bedrock_in_turn(self) -> Any:
        return self._client("bedrock-runtime", connect=0.5, read=1.0)

    @cached_property
    def bedrock_in_background(self) -> Any:
        return self._client("bedrock-runtime", connect=1.0, read=10.0)

    @cached_property
    def lambda_(self) -> Any:
        return self._client("lambda", connect=0.3, read=0.5)

    @cached_property
    def secretsmanager(self) -> Any:
        return self._client("secretsmanager", connect=0.5, read=2.0, attempts=2)

    def connections(self) -> dict[str, dict[str, int]]:
        """Requests sent, and connections opened for them, by service, of the clients built so far.

        A connection that AWS closed while it was idle counts anew.
        """
        counts: dict[str, dict[str, int]] = {}
        for client in list(vars(self).values()):
            if isinstance(client, BaseClient):
                used = counts.setdefault(client.meta.service_model.service_name, dict(_UNUSED))
                for pool in _pools(client):
                    used["opened"] += pool.num_connections
                    used["requests"] += pool.num_requests
        return counts

    def _client(self, service: str, connect: float, read: float, attempts: int = 1) -> Any:
        config = Config(
            connect_timeout=connect,
            read_timeout=read,
            retries={"total_max_attempts": attempts, "mode": "standard"},
            max_pool_connections=CONNECTIONS,
            tcp_keepalive=True,
            user_agent=self._user_agent,
        )
        # A session's loaders are shared state; clients themselves are safe between threads.
        with self._lock:
            return self._session.create_client(service, config=config)


_UNUSED = {"opened": 0, "requests": 0}


def _pools(client: Any) -> list[Any]:
    """urllib3's pools behind a client, one for each host it talks to."""
    pools = client._endpoint.http_session._manager.pools
    return [pools[key] for key in pools.keys()]  # noqa: SIM118 - it cannot be iterated


def _user_agent(session: Any) -> str:
    """botocore's own words with the application's id, put together once.

    botocore assembles it twice in every call otherwise, letter by letter: an eighth of the CPU of
    a DynamoDB call (`bench.cpu_per_turn`).
    """
    app_id = session.get_config_variable("user_agent_appid")
    return f"{session.user_agent()} app/{app_id}" if app_id else str(session.user_agent())
