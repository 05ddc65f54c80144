"""The one pooled HTTP session with Salesforce; apart, because requests is imported for it alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from chalicelib.deadline import Clock, Deadline
from chalicelib.errors import RetryableDependencyError
from chalicelib.observability import TRACER

DEPENDENCY = "salesforce"
CONNECT_SECONDS, READ_SECONDS = 2.0, 10.0
CONNECTIONS = 4
IDLE_SECONDS = 50.0
"""A frozen Lambda does not see its connections being closed; older ones are made anew."""


Note = Callable[[str, int, float], None]


class HttpSession(requests.Session):
    """HTTPS only, always verified, with time-outs on every request and no redirects.

    `ca_certificate`: the PEM of a private CA that is trusted beside the public ones. Neither
    proxies nor .netrc nor other bundles are read from the environment. `note` is told of every
    request: what was asked of what ("PATCH Lead"), the status (0 for none) and the seconds.
    """

    def __init__(
        self,
        ca_certificate: str = "",
        transport: Any = None,
        deadline: Callable[[], Deadline | None] = lambda: None,
        note: Note | None = None,
    ) -> None:
        super().__init__()
        self.trust_env = False
        self.adapters.clear()
        self.mount("https://", transport or TimedAdapter(ca_certificate))
        self._deadline, self._note = deadline, note

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """requests.RequestException as always; RetryableDependencyError when time is up."""
        options["timeout"] = self._timeouts()
        started, status, asked = time.perf_counter(), 0, _asked(request)
        try:
            with TRACER.leaf("Salesforce", namespace="remote") as span:
                span.annotate(asked=asked)
                response = super().send(request, **options)
                status = response.status_code
                span.answered(status, "refused" if status >= 400 else "")
            return response
        finally:
            if self._note is not None:
                self._note(asked, status, time.perf_counter() - started)

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Salesforce's REST API does not redirect; a maintenance page does, and would be a GET."""
        return

    def _timeouts(self) -> tuple[float, float]:
        if (deadline := self._deadline()) is None:
            return CONNECT_SECONDS, READ_SECONDS
        if deadline.is_over():
            raise RetryableDependencyError(DEPENDENCY, "out_of_time")
        return deadline.sooner_of(CONNECT_SECONDS), deadline.sooner_of(READ_SECONDS)


def _asked(request: requests.PreparedRequest) -> str:
    """The method and the object or resource; paths and queries hold ids, names and numbers."""
    path = [part for part in request.path_url.partition("?")[0].split("/") if part]
    resource = path[path.index("sobjects") + 1 :] if "sobjects" in path else path[-1:]
    return " ".join([str(request.method), *resource[:1]])


class TimedAdapter(HTTPAdapter):
    """Keeps connections as long as they are likely to live; never repeats a request itself."""

    def __init__(self, ca_certificate: str = "", clock: Clock = time.monotonic) -> None:
        # urllib3 takes this beside the bundle of public CAs that requests brings.
        self._tls = {"ca_cert_data": ca_certificate} if ca_certificate else {}
        self._clock = clock
        self._used_at = clock()
        super().__init__(pool_connections=CONNECTIONS, pool_maxsize=CONNECTIONS, max_retries=0)

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **options: Any
    ) -> None:
        super().init_poolmanager(connections, maxsize, block, **{**options, **self._tls})

    def send(self, *args: Any, **options: Any) -> requests.Response:
        now = self._clock()
        if now - self._used_at > IDLE_SECONDS:
            self.poolmanager.clear()
        self._used_at = now
        return super().send(*args, **options)
