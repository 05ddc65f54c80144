"""A fresh AWS account per test, and services that are closed whatever happens."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from lambda_harness import Account, call
from moto import mock_aws

from sandbox.lambda_service import LambdaService, Tunables


@pytest.fixture
def account() -> Iterator[Account]:
    with mock_aws():
        yield Account()


@pytest.fixture
def make_service(account: Account, tmp_path: Any) -> Iterator[Callable[..., LambdaService]]:
    services: list[LambdaService] = []
    numbers = itertools.count()

    def make(choose: Callable[[], float] | None = None, **tunables: Any) -> LambdaService:
        tunables = {"event_workers": 2, "upkeep_seconds": 0.05, **tunables}
        extra = {"choose": choose} if choose else {}
        service = LambdaService(
            "http://127.0.0.1:9",
            work_dir=tmp_path / f"lambda-{next(numbers)}",
            tunables=Tunables(**tunables),
            **extra,
        )
        services.append(service)
        return service

    yield make
    for service in services:
        service.close()


@pytest.fixture
def service(make_service: Callable[..., LambdaService]) -> LambdaService:
    return make_service()


@pytest.fixture
def released(account: Account, service: LambdaService) -> Account:
    """`f` with versions 1 and 2, and alias `live` on 1."""
    account.create()
    account.publish("one")
    account.publish("two")
    call(service, "CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
    return account
