"""Secrets live five minutes by the injected clock, or until they are refused."""

from __future__ import annotations

import pytest

from chalicelib.errors import (
    RejectedByDependencyError,
    RetryableDependencyError,
    ThrottledError,
)
from chalicelib.secret_store import CACHE_SECONDS, SecretStore
from tests.fakes import FakeClock, FakeSecretsManager, client_error

NAME = "atlas/dev/salesforce"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(0.0)


@pytest.fixture
def manager() -> FakeSecretsManager:
    return FakeSecretsManager(**{NAME: {"username": "a"}, "other": {"username": "b"}})


@pytest.fixture
def store(manager: FakeSecretsManager, clock: FakeClock) -> SecretStore:
    return SecretStore(lambda: manager, clock)


def test_a_secret_is_read_once_in_five_minutes(
    store: SecretStore, manager: FakeSecretsManager, clock: FakeClock
) -> None:
    assert store.get(NAME) == {"username": "a"}
    clock.advance(CACHE_SECONDS - 1)
    assert store.get(NAME) == {"username": "a"}
    assert manager.reads == 1


def test_after_five_minutes_a_rotation_shows(
    store: SecretStore, manager: FakeSecretsManager, clock: FakeClock
) -> None:
    store.get(NAME)
    manager.secrets[NAME] = {"username": "rotated"}
    clock.advance(CACHE_SECONDS)
    assert store.get(NAME) == {"username": "rotated"}


def test_a_forgotten_secret_is_read_anew_and_others_are_kept(
    store: SecretStore, manager: FakeSecretsManager
) -> None:
    store.get(NAME)
    store.get("other")
    store.forget(NAME)
    store.get(NAME)
    store.get("other")
    assert manager.reads == 3


def test_forgetting_what_was_never_read_is_no_error(store: SecretStore) -> None:
    store.forget("never")


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("ThrottlingException", 400, ThrottledError),
        ("InternalServiceError", 500, RetryableDependencyError),
        ("AccessDeniedException", 400, RejectedByDependencyError),
        ("ResourceNotFoundException", 400, RejectedByDependencyError),
    ],
)
def test_errors_are_translated_by_meaning(
    store: SecretStore,
    manager: FakeSecretsManager,
    code: str,
    status: int,
    expected: type[Exception],
) -> None:
    manager.error = client_error(code, status, "the secret atlas/dev/salesforce of 555-0100")
    with pytest.raises(expected) as caught:
        store.get(NAME)
    assert str(caught.value) == f"secretsmanager: {code}"


def test_a_failure_is_not_remembered(store: SecretStore, manager: FakeSecretsManager) -> None:
    manager.error = client_error("ThrottlingException")
    with pytest.raises(ThrottledError):
        store.get(NAME)
    manager.error = None
    assert store.get(NAME) == {"username": "a"}


@pytest.mark.parametrize("secret", ["not json", "[]", '"text"'])
def test_a_secret_that_is_no_object_is_rejected(
    store: SecretStore, manager: FakeSecretsManager, secret: str
) -> None:
    manager.secrets[NAME] = secret
    with pytest.raises(RejectedByDependencyError, match="not a JSON object"):
        store.get(NAME)
