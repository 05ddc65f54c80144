"""The services of one environment before real tables: moto's DynamoDB, made from the template.

Everything that is not a table is the recording fake of `tests.fakes`. Use it as a fixture:

    @pytest.fixture
    def world() -> Iterator[LeadWorld]:
        with lead_world() as world:
            yield world
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import replace as replaced
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends

from chalicelib.lead import Lead, session_hash
from chalicelib.services import Services
from sandbox import stack
from sandbox.aws_api import ACCOUNT, REGION
from sandbox.moto_services import dynamodb_writes
from tests.fakes import FakeContext, World

ROOT = Path(__file__).resolve().parent.parent
INTERACTION = "ab" * 16
PHONE = "+14155550132"
SESSION_ID = "6c1e8a54-0d0f-4b0e-8d8a-5c6a3f0a9b11"
"""The session of `tests.fakes.lex_event`."""


class Wire:
    """A DynamoDB client whose next calls can be made to fail, before or after they take effect.

    `faults` maps an operation to error codes, used up in order; a code that begins with "lost:"
    is raised after the call was carried out, as when the answer goes missing.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self.faults: dict[str, list[str]] = {}
        self.calls: list[str] = []

    def __getattr__(self, operation: str) -> Any:
        real = getattr(self._client, operation)

        def call(**request: Any) -> Any:
            self.calls.append(operation)
            code = faults.pop(0) if (faults := self.faults.get(operation)) else ""
            if code and not code.startswith("lost:"):
                raise failure(code, operation)
            answer = real(**request)
            if code:
                raise failure(code.removeprefix("lost:"), operation)
            return answer

        return call


def failure(code: str, operation: str = "operation") -> ClientError:
    """An error as botocore raises it; codes of servers come with status 500."""
    status = 500 if code.startswith("Internal") else 400
    metadata = {"HTTPStatusCode": status}
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": metadata}, operation)  # type: ignore[typeddict-item]


@dataclass
class LeadWorld(World):
    """A `World` whose tables are there; `wire` breaks their client."""

    wire: Wire = None  # type: ignore[assignment]

    def offered(self, **changes: Any) -> Lead:
        """An offered lead, written; the visitor was asked a moment ago."""
        lead = self.a_lead(**changes)
        assert self.services.leads.offer(lead)
        return lead

    def consented(self, **changes: Any) -> Lead:
        """A lead whose visitor said yes, as the table holds it now; `changes` are written too."""
        self.offered()
        lead = self.services.leads.update(
            INTERACTION,
            {"status": "consented", "consented_at": self.clock(), "expires_at": 0.0} | changes,
        )
        assert lead is not None
        return lead

    def a_lead(self, **changes: Any) -> Lead:
        lead = Lead(
            interaction_id=INTERACTION,
            status="offered",
            name="Maria Lopez",
            phone=PHONE,
            phone_hash=self.services.phone_hash(PHONE),
            locale="en_US",
            session=session_hash(SESSION_ID),
            asked=("what technology do you use",),
            consent_words="May our AI assistant call you?",
            consent_version="v1",
            offered_at=self.clock(),
        )
        return replaced(lead, **changes)

    def lead(self) -> Lead:
        """The interaction's lead as it stands; fails when there is none."""
        lead = self.services.leads.get(INTERACTION)
        assert lead is not None
        return lead

    def with_services(self, **changes: Any) -> Services:
        """The same services with other adapters; they become the world's own."""
        self.services = replaced(self.services, **changes)
        return self.services


class FunctionContext(FakeContext):
    """Lambda's context with an ARN, from which account and region are learned."""

    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:atlas-local-step:live"


@contextlib.contextmanager
def lead_world() -> Iterator[LeadWorld]:
    """A world of its own, with empty tables."""
    dynamodb_writes.install()
    with mock_aws():
        dynamodb_backends[ACCOUNT][REGION].tables = copy.deepcopy(_empty_tables())
        wire = Wire(_client())
        yield LeadWorld(dynamodb=lambda: wire, wire=wire)


@cache
def _empty_tables() -> Any:
    """The template's tables, made once: making them takes longer than most tests."""
    stack.create(ROOT / "infra" / "tables.yaml", "local", lambda service: _client())
    return copy.deepcopy(dynamodb_backends[ACCOUNT][REGION].tables)


@cache
def _client() -> Any:
    return botocore.session.get_session().create_client(
        "dynamodb",
        region_name=REGION,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(retries={"total_max_attempts": 1}),
    )
