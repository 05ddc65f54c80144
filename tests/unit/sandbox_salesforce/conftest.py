"""One organisation per test; its keys are the slowest part and are made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from salesforce_harness import RunningSalesforce
from simple_salesforce import Salesforce

from sandbox.salesforce import certificates


@pytest.fixture(scope="session")
def signing_key() -> rsa.RSAPrivateKey:
    return certificates.make_signing_key()


@pytest.fixture
def org(
    tmp_path: Path, signing_key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RunningSalesforce]:
    monkeypatch.setattr(certificates, "make_signing_key", lambda: signing_key)
    running = RunningSalesforce(tmp_path / "salesforce")
    yield running
    running.close()


@pytest.fixture
def salesforce(org: RunningSalesforce) -> Salesforce:
    return org.client()
