"""What a conversation set in motion: its lead item, its workflow, its records and its summary.

Read with boto3 and the sandbox's own API, as a person with a console would look it up.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

from sandbox.aws_api import ACCOUNT
from sandbox.conversation.child import Address
from sandbox.conversation.talk import Control, runtime_client
from sandbox.timeline import StateRun, state_runs

LEADS_TABLE = "atlas-local-leads"
LEAD_WORKFLOW = "atlas-local-lead-workflow"
EXTERNAL_ID = "Atlas_Interaction_Id__c"
LOOK_SECONDS = 0.03

Record = dict[str, Any]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Execution:
    """One run of the lead workflow as its history tells it; `status` as AWS names it."""

    name: str
    status: str
    runs: tuple[StateRun, ...]

    @property
    def is_closed(self) -> bool:
        return self.status != "RUNNING"

    def has_left(self, *states: str) -> bool:
        """Whether each of these states was entered and left."""
        left = {run.state for run in self.runs if run.seconds is not None}
        return left.issuperset(states)


class Backstage:
    """Reads; `own_calls` counts by service and operation what it asked of AWS's APIs itself."""

    def __init__(
        self,
        address: Address,
        control: Control,
        client_of: Callable[[Address, str], Any] = runtime_client,
    ) -> None:
        self._region, self._control = address.region, control
        self.own_calls: dict[str, Counter[str]] = {}
        self._dynamodb = self._counted("dynamodb", client_of(address, "dynamodb"))
        self._workflows = self._counted("stepfunctions", client_of(address, "stepfunctions"))

    def lead(self, interaction_id: str) -> Record | None:
        """The item of the leads table."""
        answer = self._dynamodb.get_item(
            TableName=LEADS_TABLE,
            Key={"interaction_id": {"S": interaction_id}},
            ConsistentRead=True,
        )
        item: Mapping[str, Any] | None = answer.get("Item")
        if item is None:
            return None
        read = TypeDeserializer().deserialize
        return {name: read(value) for name, value in item.items()}

    def execution(self, interaction_id: str) -> Execution | None:
        """The interaction's first execution, None while there is none."""
        # The name that makes a second start of the same interaction impossible.
        name = f"{hashlib.sha256(interaction_id.encode()).hexdigest()[:32]}-0"
        arn = f"arn:aws:states:{self._region}:{ACCOUNT}:execution:{LEAD_WORKFLOW}:{name}"
        try:
            status = self._workflows.describe_execution(executionArn=arn)["status"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
                return None
            raise
        pages = self._workflows.get_paginator("get_execution_history").paginate(executionArn=arn)
        events = [event for page in pages for event in page["events"]]
        return Execution(name, status, tuple(state_runs(events)))

    def lead_records(self, interaction_id: str) -> list[Record]:
        """The Salesforce leads of the interaction: one, if all is well."""
        return [r for r in self.records("Lead") if r.get(EXTERNAL_ID) == interaction_id]

    def tasks_of(self, lead_id: str) -> list[Record]:
        """The activities of a Salesforce lead, oldest first."""
        return [record for record in self.records("Task") if record.get("WhoId") == lead_id]

    def records(self, name: str) -> list[Record]:
        """Every Salesforce record of an object, oldest first."""
        records: list[Record] = self._control.get(f"salesforce/{name}")
        return records

    def notifications(self, interaction_id: str) -> list[Record]:
        """What the team was told about the interaction."""
        told: list[Record] = self._control.get("notifications")
        return [each for each in told if interaction_id in each["message"]]

    def transcription(self, interaction_id: str) -> Record | None:
        """The newest transcription job of the interaction's call."""
        jobs: list[Record] = self._control.get("transcribe")["jobs"]
        return next((job for job in jobs if interaction_id in job["TranscriptionJobName"]), None)

    def _counted(self, service: str, client: Any) -> Any:
        made = self.own_calls.setdefault(service, Counter())

        def count(operation_name: str, **_: Any) -> None:
            made[operation_name] += 1

        client.meta.events.register("request-created", count)
        return client


def wait_for(
    look: Callable[[], _T | None],
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> _T | None:
    """What `look` finds, None if it found nothing for so long."""
    end = clock() + seconds
    while (found := look()) is None and clock() < end:
        sleep(LOOK_SECONDS)
    return found
