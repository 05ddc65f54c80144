"""botocore clients of the sandbox's own endpoint, as any other client of it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import botocore.session
from botocore.config import Config

from sandbox.aws_api import REGION
from sandbox.local_environment import ACCESS_KEY, SECRET_KEY

ClientOf = Callable[[str], Any]

_CONNECTIONS = 20


class Clients:
    """A `ClientOf`: each client is made on first use and lives until `close`."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._lock = threading.Lock()
        # One for all: each session reads botocore's data anew.
        self._session = botocore.session.get_session()
        self._clients: dict[str, Any] = {}

    def __call__(self, service: str) -> Any:
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._make(service)
            return self._clients[service]

    def close(self) -> None:
        with self._lock, contextlib.ExitStack() as stack:
            for client in self._clients.values():
                stack.callback(client.close)
            self._clients = {}

    def _make(self, service: str) -> Any:
        return self._session.create_client(
            service,
            region_name=REGION,
            endpoint_url=self._endpoint,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(
                connect_timeout=2,
                read_timeout=10,
                retries={"total_max_attempts": 1},
                max_pool_connections=_CONNECTIONS,
            ),
        )
