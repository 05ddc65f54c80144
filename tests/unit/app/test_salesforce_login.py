"""Logging in to Salesforce: what is signed, what is kept, and what a refusal does."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from chalicelib.deadline import Deadline
from chalicelib.errors import (
    RejectedByDependencyError,
    RetryableDependencyError,
    ThrottledError,
)
from chalicelib.salesforce_http import HttpSession, TimedAdapter
from chalicelib.salesforce_login import Login, assertion, credentials_of
from chalicelib.secret_store import SecretStore
from tests.fakes import EPOCH, SETTINGS, FakeClock, FakeSecretsManager
from tests.salesforce_fake import HTML, FakeSalesforce, a_secret, claims, private_key

NAME = SETTINGS.salesforce_secret


@pytest.fixture
def fake() -> FakeSalesforce:
    return FakeSalesforce(FakeClock())


@pytest.fixture
def manager() -> FakeSecretsManager:
    return FakeSecretsManager(**{NAME: a_secret()})


@pytest.fixture
def login(fake: FakeSalesforce, manager: FakeSecretsManager) -> Iterator[Login]:
    login = Login(SecretStore(lambda: manager, fake.clock), NAME, lambda: fake, fake.clock)
    yield login
    login.close()


def test_the_assertion_says_who_for_whom_and_until_when() -> None:
    said = claims(assertion(credentials_of(a_secret()), EPOCH + 0.7))
    assert said == {
        "iss": "3MVG9.client",
        "sub": "atlas@acme.example",
        "aud": "https://login.salesforce.com",
        "exp": int(EPOCH) + 180,
    }


def test_the_assertion_is_signed_by_the_secrets_key() -> None:
    credentials = credentials_of(a_secret())
    signed, _, signature = assertion(credentials, EPOCH).rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    public = credentials.key.public_key()
    public.verify(raw, signed.encode(), padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize(
    ("host", "audience"),
    [
        ("login.salesforce.com", "https://login.salesforce.com"),
        ("acme.my.salesforce.com", "https://login.salesforce.com"),
        ("test.salesforce.com", "https://test.salesforce.com"),
        ("acme--uat.sandbox.my.salesforce.com", "https://test.salesforce.com"),
        ("127.0.0.1:8443", "https://127.0.0.1:8443"),
    ],
)
def test_the_audience_is_the_host_that_authorizes(host: str, audience: str) -> None:
    assert credentials_of(a_secret(host=host)).audience == audience


def test_the_key_is_parsed_once_per_secret_value(
    login: Login,
    manager: FakeSecretsManager,
    fake: FakeSalesforce,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parsed = []
    real = serialization.load_pem_private_key

    def counting(pem: bytes, *rest: Any) -> Any:
        parsed.append(pem)
        return real(pem, *rest)

    monkeypatch.setattr(serialization, "load_pem_private_key", counting)
    login.credentials()
    login.open()
    fake.clock.advance(301)
    login.open()
    assert (len(parsed), manager.reads) == (1, 2)
    manager.secrets[NAME] = a_secret(private_key=private_key("second"))
    fake.clock.advance(301)
    login.open()
    assert len(parsed) == 2


def test_a_session_comes_with_its_token_and_place(login: Login) -> None:
    access = login.open()
    assert (access.token, access.instance_url) == ("token-1", "https://acme.my.salesforce.com")


def test_a_refused_login_reads_the_secret_again_and_tries_once_more(
    login: Login, manager: FakeSecretsManager, fake: FakeSalesforce
) -> None:
    login.credentials()
    manager.secrets[NAME] = a_secret(username="rotated@acme.example")
    fake.known_users = {"rotated@acme.example"}
    assert login.open().token == "token-1"
    subjects = [claims(each)["sub"] for each in fake.assertions]
    assert subjects == ["atlas@acme.example", "rotated@acme.example"]


def test_a_login_that_stays_refused_is_rejected_by_its_code_alone(
    login: Login, manager: FakeSecretsManager, fake: FakeSalesforce
) -> None:
    fake.known_users = set()
    with pytest.raises(RejectedByDependencyError) as caught:
        login.open()
    assert str(caught.value) == "salesforce: invalid_grant"
    assert (fake.calls, manager.reads) == (["token", "token"], 2)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ((503, HTML), RetryableDependencyError),
        ((200, HTML), RetryableDependencyError),
        ((200, ""), RetryableDependencyError),
        ((200, []), RetryableDependencyError),
        ((200, {"access_token": "t"}), RetryableDependencyError),
        ((200, {"access_token": "t", "instance_url": "http://plain"}), RetryableDependencyError),
        ((200, {"access_token": "", "instance_url": "https://a.b"}), RetryableDependencyError),
        ((500, {"error": "server_error"}), RetryableDependencyError),
        ((429, {"error": "slow_down"}), ThrottledError),
        (requests.ReadTimeout("10 s"), RetryableDependencyError),
        (requests.ConnectionError("gone"), RetryableDependencyError),
    ],
)
def test_an_outage_of_the_login_is_worth_another_try(
    login: Login, fake: FakeSalesforce, fault: Any, expected: type[Exception]
) -> None:
    fake.faults = [("token", fault)]
    with pytest.raises(RetryableDependencyError) as caught:
        login.open()
    assert type(caught.value) is expected
    assert fake.calls == ["token"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"host": ""}, "host"),
        ({"host": "evil.example/path"}, "host"),
        ({"username": ""}, "username"),
        ({"client_id": ""}, "client_id"),
        ({"private_key": "-----BEGIN nonsense"}, "private_key"),
    ],
)
def test_a_secret_that_cannot_be_used_is_named_by_field_and_read_again(
    login: Login,
    manager: FakeSecretsManager,
    fake: FakeSalesforce,
    changes: dict[str, str],
    field: str,
) -> None:
    manager.secrets[NAME] = a_secret(**changes)
    with pytest.raises(RejectedByDependencyError) as caught:
        login.open()
    assert str(caught.value) == f"salesforce: secret without good {field}"
    assert (fake.calls, manager.reads) == ([], 2)


def test_neither_credentials_nor_sessions_show_themselves(login: Login) -> None:
    assert repr(login.credentials()) == "Credentials()"
    assert repr(login.open()) == "Access()"


def test_every_request_is_verified_and_has_time_outs(login: Login, fake: FakeSalesforce) -> None:
    login.open()
    assert (fake.verified, fake.timeouts) == ([True], [(2.0, 10.0)])


def test_a_request_ends_with_the_invocation(login: Login, fake: FakeSalesforce) -> None:
    login.deadline = Deadline(fake.clock() + 1.5, fake.clock)
    login.open()
    assert fake.timeouts == [(1.5, 1.5)]
    login.deadline = Deadline(fake.clock(), fake.clock)
    with pytest.raises(RetryableDependencyError, match="out_of_time"):
        login.open()


def test_only_https_is_spoken() -> None:
    with HttpSession() as http, pytest.raises(requests.exceptions.InvalidSchema):
        http.get("http://login.salesforce.com/")


def test_a_private_ca_is_trusted_beside_the_public_ones_and_nothing_is_read_from_outside() -> None:
    with HttpSession("-----BEGIN CERTIFICATE-----") as http:
        adapter = http.get_adapter("https://a.example")
        assert isinstance(adapter, TimedAdapter)
        options = adapter.poolmanager.connection_pool_kw
        assert options["ca_cert_data"] == "-----BEGIN CERTIFICATE-----"
        assert (http.verify, http.trust_env) == (True, False)


def test_connections_that_may_be_dead_are_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, cleared = FakeClock(), []
    adapter = TimedAdapter(clock=clock)
    monkeypatch.setattr(adapter.poolmanager, "clear", lambda: cleared.append(clock()))
    request = requests.Request("GET", "https://127.0.0.1:1/").prepare()
    for seconds in (0, 49, 51):
        clock.advance(seconds)
        with pytest.raises(requests.ConnectionError):
            adapter.send(request, timeout=1)
    assert cleared == [EPOCH + 100]
    adapter.close()
