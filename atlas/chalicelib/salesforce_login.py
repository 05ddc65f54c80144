"""Salesforce's JWT bearer login: a signed assertion for an access token, no password anywhere.

Salesforce's help, "OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration": RS256, `iss` the
client id, `sub` the username, `aud` the login host, `exp` a few minutes ahead at most.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import requests
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from chalicelib.deadline import Clock, Deadline
from chalicelib.errors import RejectedByDependencyError, RetryableDependencyError, ThrottledError
from chalicelib.salesforce_http import DEPENDENCY, HttpSession, Note
from chalicelib.secret_store import SecretStore

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_SECONDS = 180
PRODUCTION, SANDBOX = "https://login.salesforce.com", "https://test.salesforce.com"

_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?", re.IGNORECASE)
_INSTANCE = re.compile(rf"https://{_HOST.pattern}/?", re.IGNORECASE)
_ERROR_CODE = re.compile(r"[A-Za-z_]{3,60}")


@dataclass(frozen=True, slots=True)
class Credentials:
    """The secret's fields, the key parsed; `repr` shows none of them."""

    username: str
    client_id: str
    host: str
    key: rsa.RSAPrivateKey
    ca_certificate: str = ""

    def __repr__(self) -> str:
        return "Credentials()"

    @property
    def audience(self) -> str:
        """The authorization server: Salesforce's own for every host of Salesforce."""
        host = self.host.partition(":")[0].lower()
        if host == "test.salesforce.com" or host.endswith(".sandbox.my.salesforce.com"):
            return SANDBOX
        return PRODUCTION if host.endswith(".salesforce.com") else f"https://{self.host}"


@dataclass(frozen=True, slots=True)
class Access:
    """An open session: the token, where it is good, and the connections to that place."""

    token: str
    instance_url: str
    http: HttpSession

    def __repr__(self) -> str:
        return "Access()"


class Login:
    """Logs in with what the secret store says now; the key is parsed once per secret value."""

    def __init__(
        self,
        secrets: SecretStore,
        name: str,
        transport: Callable[[], Any] | None = None,
        clock: Clock = time.time,
        note: Note | None = None,
    ) -> None:
        self._secrets, self._name = secrets, name
        self._transport, self._clock, self._note = transport, clock, note
        self._secret: Mapping[str, Any] = {}
        self._credentials: Credentials | None = None
        self._http: HttpSession | None = None
        self._trusted = ""
        self.deadline: Deadline | None = None

    def credentials(self) -> Credentials:
        """From the secret; DependencyError when it cannot be read or used."""
        secret = self._secrets.get(self._name)
        if self._credentials is None or secret != self._secret:
            self._credentials, self._secret = credentials_of(secret), secret
        return self._credentials

    def open(self) -> Access:
        """A new session.

        A login that is refused is tried once more with the secret as it is now, since it may have
        been rotated; then RejectedByDependencyError. RetryableDependencyError for an outage.
        """
        try:
            return self._opened()
        except RejectedByDependencyError:
            self._secrets.forget(self._name)
            return self._opened()

    def close(self) -> None:
        """Let go of the connections."""
        if self._http is not None:
            self._http.close()

    def _trusting(self, ca_certificate: str) -> HttpSession:
        if self._http is None or ca_certificate != self._trusted:
            self.close()
            transport = self._transport() if self._transport else None
            self._http = HttpSession(ca_certificate, transport, lambda: self.deadline, self._note)
            self._trusted = ca_certificate
        return self._http

    def _opened(self) -> Access:
        credentials = self.credentials()
        http = self._trusting(credentials.ca_certificate)
        answer = _posted(http, credentials, assertion(credentials, self._clock()))
        token, instance_url = answer.get("access_token"), answer.get("instance_url")
        if not (isinstance(token, str) and token and isinstance(instance_url, str)):
            raise RetryableDependencyError(DEPENDENCY, "unexpected_login_answer")
        if not _INSTANCE.fullmatch(instance_url):
            raise RetryableDependencyError(DEPENDENCY, "unexpected_login_answer")
        return Access(token, instance_url, http)


def credentials_of(secret: Mapping[str, Any]) -> Credentials:
    """Checked; RejectedByDependencyError names the fields that cannot be used, no value."""
    names = ("username", "client_id", "private_key", "host")
    bad = [name for name in names if not isinstance(secret.get(name), str) or not secret[name]]
    ca_certificate = secret.get("ca_certificate") or ""
    key = None if bad else _key(secret["private_key"])
    if not bad and not _HOST.fullmatch(secret["host"]):
        bad.append("host")
    if not bad and key is None:
        bad.append("private_key")
    if not isinstance(ca_certificate, str):
        bad.append("ca_certificate")
    if bad or key is None:
        raise RejectedByDependencyError(DEPENDENCY, f"secret without good {', '.join(bad)}")
    return Credentials(secret["username"], secret["client_id"], secret["host"], key, ca_certificate)


def assertion(credentials: Credentials, now: float) -> str:
    """The signed JWT, good for ASSERTION_SECONDS after `now` (seconds since the epoch)."""
    claims = {
        "iss": credentials.client_id,
        "sub": credentials.username,
        "aud": credentials.audience,
        "exp": int(now) + ASSERTION_SECONDS,
    }
    signed = b".".join(_encoded(json.dumps(part).encode()) for part in ({"alg": "RS256"}, claims))
    signature = credentials.key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    return b".".join((signed, _encoded(signature))).decode()


def _posted(http: HttpSession, credentials: Credentials, signed: str) -> dict[str, Any]:
    form = {"grant_type": GRANT_TYPE, "assertion": signed}
    try:
        response = http.post(f"https://{credentials.host}/services/oauth2/token", data=form)
        answer = response.json()
    except requests.RequestException as exc:
        raise RetryableDependencyError(DEPENDENCY, type(exc).__name__) from exc
    if response.status_code == requests.codes.too_many_requests:
        raise ThrottledError(DEPENDENCY, "login_rate")
    if response.status_code >= 500 or not isinstance(answer, dict):
        raise RetryableDependencyError(DEPENDENCY, f"login_{response.status_code}")
    if response.status_code != requests.codes.ok:
        raise RejectedByDependencyError(DEPENDENCY, _code(answer))
    return answer


def _code(answer: Mapping[str, Any]) -> str:
    code = answer.get("error")
    return code if isinstance(code, str) and _ERROR_CODE.fullmatch(code) else "login_refused"


def _key(pem: str) -> rsa.RSAPrivateKey | None:
    try:
        key = serialization.load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, rsa.RSAPrivateKey) else None


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
