"""The token endpoint's JWT bearer flow, and the sessions that it opens.

Salesforce's help ("OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration"): RS256, `iss` the
client id, `sub` the username, `aud` the login host, `exp` within minutes.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.http_message import HttpRequest
from sandbox.salesforce import ids
from sandbox.salesforce.errors import OAuthError, of_code
from sandbox.salesforce.rows import USER_ID
from sandbox.salesforce.settings import LiveSettings

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ORGANISATION_ID = ids.make("00D", 1)
LOGIN_HOSTS = ("https://login.salesforce.com", "https://test.salesforce.com")
_MOST_SECONDS_AHEAD = 300
_MOST_SESSIONS = 1000


class Sessions:
    """Access tokens and when each was issued; the oldest goes when there are a thousand."""

    def __init__(self, settings: LiveSettings, clock: Callable[[], float] = time.time) -> None:
        self._settings, self._clock = settings, clock
        self._lock = threading.Lock()
        self._issued_at: dict[str, float] = {}

    def open(self) -> str:
        token = f"{ORGANISATION_ID[:15]}!{secrets.token_urlsafe(48)}"
        with self._lock:
            while len(self._issued_at) >= _MOST_SESSIONS:
                del self._issued_at[next(iter(self._issued_at))]
            self._issued_at[token] = self._clock()
        return token

    def check(self, request: HttpRequest) -> None:
        """SalesforceError INVALID_SESSION_ID (401) unless the request carries a live session."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        with self._lock:
            issued_at = self._issued_at.get(token.strip())
        is_known = scheme.lower() in ("bearer", "oauth") and issued_at is not None
        age = self._clock() - (issued_at or 0.0)
        if not is_known or age >= self._settings.now.session_seconds:
            raise of_code("INVALID_SESSION_ID")

    def expire(self) -> None:
        """End every session that is open."""
        with self._lock:
            self._issued_at.clear()


class TokenEndpoint:
    """Checks assertions against the one registered key, client id and username."""

    def __init__(
        self,
        sessions: Sessions,
        public_key: rsa.RSAPublicKey,
        client_id: str,
        username: str,
        own_urls: Callable[[], tuple[str, ...]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sessions, self._public_key = sessions, public_key
        self._client_id, self._username = client_id, username
        self._own_urls, self._clock = own_urls, clock

    def answer(self, request: HttpRequest) -> dict[str, Any]:
        """The token answer; OAuthError in Salesforce's words otherwise."""
        form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        grant_type = form.get("grant_type", "")
        if grant_type != GRANT_TYPE:
            raise OAuthError("unsupported_grant_type", "grant type not supported")
        self._check(self._claims(form.get("assertion", "")))
        url = self._own_urls()[0]
        return {
            "access_token": self._sessions.open(),
            "scope": "api",
            "instance_url": url,
            "id": f"{url}/id/{ORGANISATION_ID}/{USER_ID}",
            "token_type": "Bearer",
        }

    def _claims(self, assertion: str) -> Mapping[str, Any]:
        """What a rightly signed assertion claims."""
        try:
            head, body, signature = assertion.encode("ascii").split(b".")
            header, claims = json.loads(_decode(head)), json.loads(_decode(body))
            if header["alg"] != "RS256" or not isinstance(claims, dict):
                raise ValueError("not an RS256 assertion")
            signed = b".".join((head, body))
            self._public_key.verify(_decode(signature), signed, padding.PKCS1v15(), hashes.SHA256())
        except (ValueError, KeyError, TypeError, InvalidSignature) as exc:
            raise OAuthError("invalid_grant", "invalid assertion") from exc
        return claims

    def _check(self, claims: Mapping[str, Any]) -> None:
        if claims.get("iss") != self._client_id:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        audiences = claims.get("aud")
        named = audiences if isinstance(audiences, list) else [audiences]
        if not {str(name).rstrip("/") for name in named} & {*self._own_urls(), *LOGIN_HOSTS}:
            raise OAuthError("invalid_grant", "audience is invalid")
        if claims.get("sub") != self._username:
            raise OAuthError("invalid_grant", "user hasn't approved this consumer")
        self._check_expiry(claims.get("exp"))

    def _check_expiry(self, claim: Any) -> None:
        # simple-salesforce sends the number as a text, and Salesforce takes it.
        try:
            expires_at = float(claim)
        except (TypeError, ValueError) as exc:
            raise OAuthError("invalid_grant", "invalid assertion") from exc
        if not expires_at > self._clock():
            raise OAuthError("invalid_grant", "expired authorization code")
        if expires_at > self._clock() + _MOST_SECONDS_AHEAD:
            raise OAuthError("invalid_grant", "invalid assertion")


def _decode(part: bytes) -> bytes:
    return base64.b64decode(part + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)
