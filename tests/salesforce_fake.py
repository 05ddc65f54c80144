"""Salesforce in memory, as a transport of requests: records, the calls that Atlas makes, faults.

It is held to the sandbox's stand-in by tests/contract/test_salesforce_against_stand_in.py.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from requests.adapters import BaseAdapter

from chalicelib.salesforce import Salesforce
from chalicelib.secret_store import SecretStore
from tests.fakes import SETTINGS, FakeClock, FakeSecretsManager

EXTERNAL_ID = "Atlas_Interaction_Id__c"
INSTANCE = "https://acme.my.salesforce.com"
PREFIX = {"Lead": "00Q", "Task": "00T"}
Outcome = tuple[int, Any]
Record = dict[str, Any]

HTML = "<html><body><h1>Down for maintenance</h1></body></html>"
LOST = "lost"
"""A fault that carries the request out and loses the answer."""


@cache
def private_key(name: str = "first") -> str:
    """A PEM key of its own for each name; made once, because making is slow."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(pem, pkcs8, serialization.NoEncryption()).decode()


def a_secret(**changes: str) -> dict[str, str]:
    secret = {
        "username": "atlas@acme.example",
        "client_id": "3MVG9.client",
        "private_key": private_key(),
        "host": "login.salesforce.com",
    }
    return secret | changes


def problem(
    code: str, status: int = 400, message: str = "about Maria Lopez +14155550132"
) -> Outcome:
    """An error answer as Salesforce gives it; its message quotes the person."""
    return status, [{"message": message, "errorCode": code, "fields": []}]


class FakeSalesforce(BaseAdapter):
    """`faults` are used up in order by the calls that they name, such as "POST Lead" or "token".

    A fault is an answer (status, body), an exception, or LOST. `before` runs once before a call.
    """

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.clock = clock
        self.records: dict[str, list[Record]] = {"Lead": [], "Task": []}
        self.faults: list[tuple[str, Any]] = []
        self.before: dict[str, Callable[[], object]] = {}
        self.calls: list[str] = []
        self.timeouts: list[Any] = []
        self.assertions: list[str] = []
        self.verified: list[Any] = []
        self.known_users = {"atlas@acme.example"}
        self.token_number = 0
        self.answers_upsert_with_204 = False

    def send(self, request: Any, timeout: Any = None, **options: Any) -> requests.Response:  # type: ignore[override]
        self.timeouts.append(timeout)
        self.verified.append(options.get("verify"))
        name = self._name(request)
        self.calls.append(name)
        if hook := self.before.pop(name, None):
            hook()
        fault = self._fault(name)
        if isinstance(fault, Exception):
            raise fault
        if fault is not None and fault != LOST:
            return _response(request, *fault)
        answer = self._answer(name, request)
        if fault == LOST:
            raise requests.ConnectionError("the answer was lost")
        return _response(request, *answer)

    def close(self) -> None:
        pass

    def expire_session(self) -> None:
        self.token_number += 1

    def only(self, name: str) -> Record:
        (record,) = self.records[name]
        return record

    def person_writes(self, name: str, **fields: Any) -> None:
        """Somebody changes the only record of that object at this moment."""
        self.only(name).update(fields)
        self.only(name)["SystemModstamp"] = self._now()

    def _name(self, request: Any) -> str:
        path = urlsplit(request.url).path
        if path == "/services/oauth2/token":
            return "token"
        tail = path.removeprefix(f"/services/data/v{SETTINGS.salesforce_api_version}/")
        assert tail != path, path
        return f"{request.method} {'query' if tail == 'query/' else tail.split('/')[1]}"

    def _fault(self, name: str) -> Any:
        for at, (wanted, fault) in enumerate(self.faults):
            if wanted == name:
                del self.faults[at]
                return fault
        return None

    def _answer(self, name: str, request: Any) -> Outcome:
        if name == "token":
            return self._log_in(parse_qs(_text(request.body)))
        if request.headers["Authorization"] != f"Bearer token-{self.token_number}":
            return problem("INVALID_SESSION_ID", 401)
        url = urlsplit(request.url)
        parameters = parse_qs(url.query)
        if name == "GET query":
            return self._query(parameters["q"][0])
        parts = [unquote(part) for part in url.path.split("/")[5:] if part]
        body = json.loads(request.body) if request.body else {}
        return self._row(request, parts, body, parameters)

    def _log_in(self, form: dict[str, list[str]]) -> Outcome:
        self.assertions.append(form["assertion"][0])
        if claims(form["assertion"][0])["sub"] not in self.known_users:
            return 400, {"error": "invalid_grant", "error_description": "atlas@acme.example no"}
        self.token_number += 1
        return 200, {"access_token": f"token-{self.token_number}", "instance_url": INSTANCE}

    def _query(self, soql: str) -> Outcome:
        found = re.fullmatch(
            r"SELECT (.+?) FROM (\w+) WHERE (.+?)(?: ORDER BY .+?)? LIMIT \d+", soql
        )
        assert found, soql
        fields, name, conditions = found[1].split(", "), found[2], found[3]
        wanted = {
            key: re.sub(r"\\(.)", r"\1", value)
            for key, value in re.findall(r"(\w+) = '((?:[^'\\]|\\.)*)'", conditions)
        }
        records = [r for r in self.records[name] if all(r.get(k) == v for k, v in wanted.items())]
        return 200, {"records": [{field: r.get(field) for field in fields} for r in records]}

    def _row(self, request: Any, parts: list[str], body: Record, parameters: Any) -> Outcome:
        name, target = parts[0], parts[1:]
        if request.method == "POST":
            return 201, {"id": self._insert(name, body)["Id"], "success": True, "errors": []}
        if len(target) == 2:
            return self._upsert(name, target[0], target[1], body)
        record = next((r for r in self.records[name] if r["Id"] == target[0]), None)
        if record is None:
            return problem("NOT_FOUND", 404)
        if request.method == "GET":
            return 200, {n: record.get(n) for n in parameters["fields"][0].split(",")}
        if request.method == "DELETE":
            return self._delete(name, record)
        since = request.headers.get("If-Unmodified-Since")
        changed = datetime.fromisoformat(record["SystemModstamp"]).replace(microsecond=0)
        if since and changed > parsedate_to_datetime(since):
            return 412, [{"message": "changed", "errorCode": "PRECONDITION"}]
        record.update(body, SystemModstamp=self._now())
        return 204, None

    def _upsert(self, name: str, field: str, value: str, body: Record) -> Outcome:
        found = [r for r in self.records[name] if r.get(field) == value]
        if len(found) > 1:
            return 300, [f"/services/data/v62.0/sobjects/{name}/{r['Id']}" for r in found]
        record = found[0] if found else self._insert(name, {field: value})
        record.update(body)
        if found and self.answers_upsert_with_204:
            return 204, None
        answer = {"id": record["Id"], "success": True, "errors": [], "created": not found}
        return 200 if found else 201, answer

    def _delete(self, name: str, record: Record) -> Outcome:
        self.records[name].remove(record)
        self.records["Task"] = [t for t in self.records["Task"] if t.get("WhoId") != record["Id"]]
        return 204, None

    def _insert(self, name: str, body: Record) -> Record:
        number = sum(len(records) for records in self.records.values()) + 1
        record = {"Id": f"{PREFIX[name]}{number:015}", "SystemModstamp": self._now(), **body}
        self.records[name].append(record)
        return record

    def _now(self) -> str:
        return f"{datetime.fromtimestamp(self.clock(), UTC):%Y-%m-%dT%H:%M:%S.000+0000}"


def claims(assertion: str) -> dict[str, Any]:
    """What an assertion says; its signature is the stand-in's to check."""
    part = assertion.split(".")[1]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return decoded


def a_salesforce(
    fake: FakeSalesforce,
    manager: FakeSecretsManager | None = None,
    external_id_field: str = EXTERNAL_ID,
) -> Salesforce:
    """The real adapter before the fake."""
    manager = manager or FakeSecretsManager(**{SETTINGS.salesforce_secret: a_secret()})
    return Salesforce(
        SecretStore(lambda: manager, fake.clock),
        SETTINGS.salesforce_secret,
        SETTINGS.salesforce_api_version,
        external_id_field,
        clock=fake.clock,
        sleep=fake.clock.sleep,
        transport=lambda: fake,
    )


def _text(body: Any) -> str:
    return body if isinstance(body, str) else body.decode()


def _response(request: Any, status: int, body: Any) -> requests.Response:
    response = requests.Response()
    response.status_code, response.url, response.request = status, request.url, request
    text = body if isinstance(body, str) else "" if body is None else json.dumps(body)
    response._content = text.encode()
    return response
