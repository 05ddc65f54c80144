"""What a sandbox needs besides Atlas before the columns can run side by side in it.

Columns of Atlas share no answers: each has a table of its own and its own copy of the deployed
`generate_answer`, of the same zip, so that what it does in the background is its own as well.
"""

from __future__ import annotations

import base64
import hashlib
import json
from contextlib import suppress
from typing import Any

from bench.site import Site
from bench.turns.predecessor_package import HANDLER, package
from bench.turns.sequential import Habits
from ops.environment import environment
from ops.stages import MODEL_TABLE, STAGE_SIZES
from sandbox.aws_api import ACCOUNT
from sandbox.conversation.child import ROOT
from sandbox.local_environment import aws_variables

STAGE = "local"
SCENARIO_TABLE = "atlas-local-scenario-cache"
RESPONSE_TABLE = "atlas-local-response-cache"
KEPT_ANSWERS = "bench-kept-answers"
SECRET = "atlas/local/salesforce"  # noqa: S105 - a secret's name
RESERVED = STAGE_SIZES["prod"].reserved_generate_answer
CALLER = "AWS_SDK_UA_APP_ID"
SCALED = {
    **{"TURN_DEADLINE_MS": 100, "PHONE_DEADLINE_MS": 100, "CONSENT_DEADLINE_MS": 1500},
    **{"HEDGE_AFTER_MS": 10, "STALL_MS": 10},
}
"""Each with the least that the settings take: below it `--scale` scales no further."""
_PACES = ("first_ms", "hundred_characters_ms")
_WORKFLOW = {"StartAt": "Done", "States": {"Done": {"Type": "Pass", "End": True}}}


class TurnSite:
    """The sandbox as the columns use it."""

    def __init__(self, site: Site, scale: float) -> None:
        self.site, self._scale = site, scale
        self._package: bytes = b""
        self.state_machine_arn = ""

    def prepare(self) -> None:
        """What every column shares: calls that end at once, a workflow, a table."""
        self.site.post("phone/line", {"mode": "busy"})
        made = self.site.client("stepfunctions").create_state_machine(
            name="bench-predecessor",
            definition=json.dumps(_WORKFLOW),
            roleArn=f"arn:aws:iam::{ACCOUNT}:role/bench",
        )
        self.state_machine_arn = made["stateMachineArn"]
        self.new_table(KEPT_ANSWERS)

    def places(self) -> dict[str, str]:
        """Where the sequential design reads and writes."""
        return {
            "scenario_table": SCENARIO_TABLE,
            "answer_table": KEPT_ANSWERS,
            "secret": SECRET,
            "state_machine_arn": self.state_machine_arn,
        }

    def variables(self, column: str) -> dict[str, str]:
        """A column's environment: real clients, its own table, deadlines as the scale says."""
        as_deployed = environment(STAGE)
        deadlines = {
            name: str(max(least, round(float(as_deployed[name]) * self._scale)))
            for name, least in SCALED.items()
        }
        own = {
            CALLER: caller(column),
            # With it, X-Ray's SDK takes its segments from Lambda.
            "LAMBDA_TASK_ROOT": str(ROOT / "atlas"),
            "RESPONSE_CACHE_TABLE": f"bench-{column}",
            "GENERATE_ANSWER_FUNCTION": f"{function(column)}:live",
        }
        endpoint = self.site.address.endpoint
        models = {"MODEL_TABLE": json.dumps(self._models())}
        return {**as_deployed, **deadlines, **models, **own, **aws_variables(endpoint)}

    def _models(self) -> dict[str, dict[str, Any]]:
        """What the router is told of the models' pace, as the scale says."""
        return {
            model: facts | {name: [ms * self._scale for ms in facts[name]] for name in _PACES}
            for model, facts in MODEL_TABLE.items()
        }

    def new_table(self, name: str) -> None:
        """An empty table of that name; of an answer cache's form, or keyed by `key`."""
        dynamodb = self.site.client("dynamodb")
        with suppress(dynamodb.exceptions.ResourceNotFoundException):
            dynamodb.delete_table(TableName=name)
        schema = [{"AttributeName": "key", "KeyType": "HASH"}]
        attributes = [{"AttributeName": "key", "AttributeType": "S"}]
        if name != KEPT_ANSWERS:
            like = dynamodb.describe_table(TableName=RESPONSE_TABLE)["Table"]
            schema, attributes = like["KeySchema"], like["AttributeDefinitions"]
        dynamodb.create_table(
            TableName=name,
            KeySchema=schema,
            AttributeDefinitions=attributes,
            BillingMode="PAY_PER_REQUEST",
        )

    def copy_generate_answer(self, column: str) -> None:
        """The deployed function once more under the column's name, with the column's variables."""
        client = self.site.client("lambda")
        like = client.get_function_configuration(FunctionName="atlas-local-generate_answer")
        known = like["Environment"]["Variables"]
        own = self.variables(column)
        changed = {name: own[name] for name in own if name in known or name == CALLER}
        self._create(
            function(column),
            like["Handler"],
            _zip_of(like["CodeSha256"]),
            known | changed,
            like["Timeout"],
            Layers=[layer["Arn"] for layer in like.get("Layers", [])],
        )
        version = client.publish_version(FunctionName=function(column))["Version"]
        client.create_alias(FunctionName=function(column), Name="live", FunctionVersion=version)
        client.put_function_concurrency(
            FunctionName=function(column), ReservedConcurrentExecutions=RESERVED
        )

    def deploy_predecessor(self, name: str, column: str, habits: dict[str, Any]) -> None:
        """The predecessor as a function of its own."""
        self._package = self._package or package()
        variables = {
            "HABITS": json.dumps(habits),
            "PLACES": json.dumps(self.places()),
            CALLER: caller(column),
        }
        Habits(**habits)
        self._create(name, HANDLER, self._package, variables, 30)

    def _create(
        self,
        name: str,
        handler: str,
        code: bytes,
        variables: dict[str, str],
        timeout: int,
        **more: Any,
    ) -> None:
        client = self.site.client("lambda")
        like = client.get_function_configuration(FunctionName="atlas-local-generate_answer")
        client.create_function(
            FunctionName=name,
            Runtime=like["Runtime"],
            Role=like["Role"],
            Handler=handler,
            Code={"ZipFile": code},
            Timeout=timeout,
            MemorySize=512,
            Environment={"Variables": variables},
            **more,
        )


def caller(column: str) -> str:
    """The application id by which the sandbox tells the column's calls."""
    return f"bench-{column}"


def function(column: str) -> str:
    """The column's copy; its last part is the function's name, which it reads from there."""
    return f"bench-{column}-generate_answer"


def _zip_of(digest: str) -> bytes:
    """The kept package that was deployed, by the digest that Lambda tells of it."""
    for path in (ROOT / ".sandbox" / "packages").rglob("*.zip"):
        content = path.read_bytes()
        if base64.b64encode(hashlib.sha256(content).digest()).decode() == digest:
            return content
    raise SystemExit("the deployed package is not among those kept under .sandbox/packages")
