"""A Salesforce stand-in on a free port, and real clients for it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import jwt
import requests
from simple_salesforce import Salesforce

from sandbox.control import Control, Health
from sandbox.counters import CallCounters
from sandbox.faults import Faults
from sandbox.http_message import HttpRequest
from sandbox.latency import Latency
from sandbox.salesforce import SalesforceServer

TIMEOUT = 10
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
KEY_FIELD = "Atlas_Interaction_Id__c"


class RunningSalesforce:
    """Everything behind one TLS port; `close` gives the port and all sessions back."""

    def __init__(self, work_dir: Path) -> None:
        self.latency, self.faults, self.counters = Latency(), Faults(), CallCounters()
        self.server = SalesforceServer(work_dir, self.latency, self.faults, self.counters)
        self.secret = self.server.secret()
        self._control = Control(
            *(self.latency, self.faults, self.counters, Health()),
            extra_handlers=self.server.handlers,
        )
        self._sessions: list[requests.Session] = []
        self.http = self.session()
        self.server.start()

    def session(self) -> requests.Session:
        session = requests.Session()
        session.verify = self.server.ca_file
        session.trust_env = False
        self._sessions.append(session)
        return session

    def claims(self, **changes: Any) -> dict[str, Any]:
        claims = {
            "iss": self.secret["client_id"],
            "sub": self.secret["username"],
            "aud": self.server.url,
            "exp": int(time.time()) + 180,
        }
        return {name: value for name, value in (claims | changes).items() if value is not None}

    def assertion(self, **changes: Any) -> str:
        return jwt.encode(self.claims(**changes), self.secret["private_key"], algorithm="RS256")

    def ask_token(self, assertion: str, grant: str = GRANT) -> requests.Response:
        form = {"grant_type": grant, "assertion": assertion}
        url = f"{self.server.url}/services/oauth2/token"
        return self.http.post(url, form, timeout=TIMEOUT)

    def token(self) -> str:
        return str(self.ask_token(self.assertion()).json()["access_token"])

    def client(self, version: str = "62.0", token: str | None = None) -> Salesforce:
        """The library as the app uses it, logged in, on a pooled session of its own."""
        return Salesforce(
            instance_url=self.server.url,
            session_id=token or self.token(),
            session=self.session(),
            version=version,
        )

    def control(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        data = b"" if body is None else json.dumps(body).encode()
        response = self._control(HttpRequest(method, f"/_sandbox/{path}", body=data))
        assert isinstance(response.body, bytes)
        return response.status, json.loads(response.body)

    def close(self) -> None:
        self.faults.close()
        for session in self._sessions:
            session.close()
        self.server.close()


def error(response_or_exc: Any) -> tuple[int, str]:
    """Status and code of an error, from a response or from the library's exception."""
    if isinstance(response_or_exc, requests.Response):
        return response_or_exc.status_code, response_or_exc.json()[0]["errorCode"]
    return response_or_exc.status, response_or_exc.content[0]["errorCode"]
