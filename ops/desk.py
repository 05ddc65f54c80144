"""What the team's verbs work on: Atlas's own table adapters and its functions behind `live`.

The app's modules are the only ones that know how its items look, so they are used, not repeated.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.call_limits import CallLimits
from chalicelib.deletions import DeletionTable
from chalicelib.lead_table import LeadTable
from chalicelib.pending_work import PendingWork
from chalicelib.phone_hash import PhoneHasher
from chalicelib.secret_store import SecretStore
from ops.aws import client
from ops.errors import RefusedError, UnavailableError
from ops.stages import LIVE, function_name, secret, table

if TYPE_CHECKING:
    from chalicelib.deadline import Clock


@dataclass(frozen=True, slots=True)
class Desk:
    """One stage's tables and functions."""

    stage: str
    leads: LeadTable
    pending: PendingWork
    deletions: DeletionTable
    call_limits: CallLimits
    phone_hash: PhoneHasher
    lambda_: Any
    clock: Clock = time.time

    def run(self, function: str, payload: dict[str, str]) -> str:
        """The outcome of the function's `live`, waited for.

        RefusedError when the step failed, by its error's name: a message may quote a person.
        """
        answer = self.lambda_.invoke(
            FunctionName=function_name(self.stage, function),
            Qualifier=LIVE,
            Payload=json.dumps(payload).encode(),
        )
        result = json.loads(answer["Payload"].read())
        if answer.get("FunctionError"):
            name = result.get("errorType", "error") if isinstance(result, dict) else "error"
            raise RefusedError(f"{function} failed with {name}")
        return str(result["outcome"])

    def leave(self, function: str, payload: dict[str, str]) -> None:
        """Queue the event for the function's `live`; a pending row stands behind it."""
        self.lambda_.invoke(
            FunctionName=function_name(self.stage, function),
            Qualifier=LIVE,
            InvocationType="Event",
            Payload=json.dumps(payload).encode(),
        )

    def contact(self, interaction_id: str) -> dict[str, str]:
        """Name and number, for who asked to see them; empty when the lead is gone."""
        lead = self.leads.get(interaction_id)
        return {"name": lead.name, "phone": lead.phone} if lead is not None else {}


def desk(stage: str) -> Desk:
    """The stage's desk; clients as `ops.aws` makes them."""
    dynamodb, secrets = client(stage, "dynamodb"), client(stage, "secretsmanager")
    store = SecretStore(lambda: secrets)
    return Desk(
        stage=stage,
        leads=LeadTable(lambda: dynamodb, table(stage, "leads")),
        pending=PendingWork(lambda: dynamodb, table(stage, "pending-work")),
        deletions=DeletionTable(lambda: dynamodb, table(stage, "deletions")),
        call_limits=CallLimits(lambda: dynamodb, table(stage, "call-limits")),
        phone_hash=PhoneHasher(lambda: store.get(secret(stage, "phone-hash"))),
        lambda_=client(stage, "lambda"),
    )


def unavailable(stage: str, exc: Exception) -> UnavailableError:
    """A dependency's error as the verb ends with it."""
    return UnavailableError(f"{exc}" + ("; is the sandbox up (`make run`)?" * (stage == "local")))


def moment(seconds: float) -> str:
    """A time in UTC, to the second."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds)) if seconds else "-"
