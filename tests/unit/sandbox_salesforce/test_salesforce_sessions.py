"""The token endpoint: signatures and claims are really checked, sessions really end."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest
import requests
from salesforce_harness import TIMEOUT, RunningSalesforce, error
from simple_salesforce.login import SalesforceLogin

from sandbox.salesforce import certificates


def refusal(response: requests.Response) -> tuple[int, str, str]:
    body = response.json()
    return response.status_code, body["error"], body["error_description"]


def test_a_signed_assertion_opens_a_session(org: RunningSalesforce) -> None:
    response = org.ask_token(org.assertion())
    body = response.json()
    assert response.status_code == 200
    assert (body["instance_url"], body["token_type"]) == (org.server.url, "Bearer")
    assert response.headers["Cache-Control"] == "no-store"
    resources = org.client(token=body["access_token"]).restful("")
    assert resources["query"] == "/services/data/v62.0/query"


GOOD: list[dict[str, Any]] = [
    {"aud": "https://login.salesforce.com"},
    {"aud": ["https://other.example", "https://test.salesforce.com"]},
]


@pytest.mark.parametrize("changes", GOOD)
def test_what_salesforce_takes_is_taken(org: RunningSalesforce, changes: dict[str, Any]) -> None:
    assert org.ask_token(org.assertion(**changes)).status_code == 200


def test_a_time_as_a_text_is_taken(org: RunningSalesforce) -> None:
    # Made here: what a module makes when it is collected is long over when it runs.
    exp = str(int(time.time()) + 200)
    assert org.ask_token(org.assertion(exp=exp)).status_code == 200


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"iss": "another"}, "invalid_client_id", "client identifier invalid"),
    ({"iss": None}, "invalid_client_id", "client identifier invalid"),
    ({"sub": "nobody@example.com"}, "invalid_grant", "user hasn't approved this consumer"),
    ({"aud": "https://evil.example"}, "invalid_grant", "audience is invalid"),
    ({"aud": None}, "invalid_grant", "audience is invalid"),
    ({"exp": 1}, "invalid_grant", "expired authorization code"),
    ({"exp": None}, "invalid_grant", "invalid assertion"),
    ({"exp": "soon"}, "invalid_grant", "invalid assertion"),
    ({"exp": "nan"}, "invalid_grant", "expired authorization code"),
    ({"exp": 4_000_000_000}, "invalid_grant", "invalid assertion"),
]


@pytest.mark.parametrize(("changes", "code", "words"), BAD)
def test_a_wrong_claim_is_refused(
    org: RunningSalesforce, changes: dict[str, Any], code: str, words: str
) -> None:
    # PyJWT refuses to sign an expiry that is no number, so this one is signed by its parts.
    assertion = jwt.api_jws.encode(
        json.dumps(org.claims(**changes)).encode(), org.secret["private_key"], algorithm="RS256"
    )
    assert refusal(org.ask_token(assertion)) == (400, code, words)


def test_another_key_s_signature_is_refused(org: RunningSalesforce) -> None:
    other = certificates.private_pem(
        certificates.rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )
    forged = jwt.encode(org.claims(), other, algorithm="RS256")
    assert refusal(org.ask_token(forged)) == (400, "invalid_grant", "invalid assertion")


def test_a_changed_claim_breaks_the_signature(org: RunningSalesforce) -> None:
    head, body, signature = org.assertion().split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    changed = json.dumps(claims | {"exp": claims["exp"] + 1}).encode()
    body = base64.urlsafe_b64encode(changed).decode().rstrip("=")
    assert refusal(org.ask_token(f"{head}.{body}.{signature}"))[1] == "invalid_grant"


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS512"])
def test_only_rs256_counts(org: RunningSalesforce, algorithm: str) -> None:
    keys = {"none": None, "HS256": "x" * 32, "RS512": org.secret["private_key"]}
    assertion = jwt.encode(org.claims(), keys[algorithm], algorithm=algorithm)
    assert refusal(org.ask_token(assertion)) == (400, "invalid_grant", "invalid assertion")


@pytest.mark.parametrize("assertion", ["", "a.b", "a.b.c", "é.é.é", "e30.e30.", "W10.W10.W10"])
def test_what_is_no_assertion_is_refused(org: RunningSalesforce, assertion: str) -> None:
    assert refusal(org.ask_token(assertion)) == (400, "invalid_grant", "invalid assertion")


def test_another_grant_type_is_refused(org: RunningSalesforce) -> None:
    found = refusal(org.ask_token(org.assertion(), grant="password"))
    assert found == (400, "unsupported_grant_type", "grant type not supported")


def test_the_library_s_own_login_works_once_it_knows_the_host(org: RunningSalesforce) -> None:
    """Its URL is fixed to salesforce.com, so the session sends that host's request here."""

    class Redirecting(requests.Session):
        def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:
            here = url.replace("https://login.salesforce.com", org.server.url)
            return super().request(method, here, *args, timeout=TIMEOUT, **kwargs)

    with Redirecting() as session:
        session.verify, session.trust_env = org.server.ca_file, False
        session_id, instance = SalesforceLogin(
            session=session,
            username=org.secret["username"],
            consumer_key=org.secret["client_id"],
            privatekey=org.secret["private_key"],
        )
    assert instance == org.secret["host"]
    assert org.client(token=session_id).Lead.describe()["name"] == "Lead"


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer wrong", "Basic {token}", "{token}"])
def test_a_request_needs_a_live_session(org: RunningSalesforce, header: str | None) -> None:
    headers = {"Authorization": header.format(token=org.token())} if header else {}
    url = f"{org.server.url}/services/data/v62.0/limits"
    found = error(org.http.get(url, headers=headers, timeout=TIMEOUT))
    assert found == (401, "INVALID_SESSION_ID")


def test_a_session_lasts_as_long_as_is_set(org: RunningSalesforce) -> None:
    client = org.client()
    org.control("POST", "salesforce", {"session_seconds": 0})
    headers = client.headers
    url = f"{org.server.url}/services/data/v62.0/limits"
    assert error(org.http.get(url, headers=headers, timeout=TIMEOUT))[0] == 401
    org.control("POST", "salesforce", {"session_seconds": 3600})
    assert org.http.get(url, headers=headers, timeout=TIMEOUT).status_code == 200
