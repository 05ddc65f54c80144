"""Lambda and Lex as the release sees them, in memory; every call is checked against botocore."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from ops.aws import Clients
from ops.environment import environment
from ops.stages import FUNCTIONS, function_name, lead_workflow
from ops.steps import Context, Steps
from ops.waiting import Waiter

_SESSION = botocore.session.get_session()
READ_PREFIXES = ("get_", "list_", "describe_")
_ITEMS = ("put_item", "update_item", "delete_item", "get_item", "query")
ARN = "arn:aws:lambda:us-east-1:123456789012:function:"


class FakeClient:
    """A boto3 client whose calls go to `_<operation>` methods, validated and put on a timeline."""

    service = ""

    def __init__(self, timeline: list[tuple[str, dict[str, Any]]]) -> None:
        model = _SESSION.get_service_model(self.service)
        self._shapes = {
            xform_name(name): model.operation_model(name).input_shape
            for name in model.operation_names
        }
        self.timeline = timeline
        self.fail_next: dict[str, ClientError | KeyboardInterrupt] = {}

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        if operation not in self.__dict__["_shapes"]:
            raise AttributeError(operation)
        handler = object.__getattribute__(self, "on_" + operation)

        def call(**params: Any) -> Any:
            report = ParamValidator().validate(params, self._shapes[operation])
            assert not report.has_errors(), report.generate_report()
            if operation not in _ITEMS:
                self.timeline.append((operation, params))
            if error := self.fail_next.pop(operation, None):
                raise error
            return handler(**params)

        return call


def client_error(code: str, operation: str = "Any", message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class FakeLambda(FakeClient):
    """Functions, versions, aliases, policies, provisioned concurrency; READY after some looks."""

    service = "lambda"

    def __init__(self, timeline: list[tuple[str, dict[str, Any]]]) -> None:
        super().__init__(timeline)
        self.functions: dict[str, dict[str, Any]] = {}
        self.versions: dict[str, list[dict[str, Any]]] = {}
        self.aliases: dict[str, dict[str, Any]] = {}
        self.policies: dict[str, list[dict[str, Any]]] = {}
        self.provisioned: dict[tuple[str, str], dict[str, Any]] = {}
        self.event_configs: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, tuple[str | None, bytes]] = {}
        self.warming: tuple[str | None, bytes] = (
            None,
            b'{"made": 88, "fresh": 0, "failed": 0, "left": 0}',
        )
        self.looks_until_ready = 2
        self.provisioning_fails = False

    def deploy(self, stage: str, code: str) -> None:
        """What `chalice deploy` leaves: $LATEST of every function with this code."""
        for function in FUNCTIONS:
            name = function_name(stage, function.name)
            self.functions[name] = {
                "FunctionName": name,
                "FunctionArn": ARN + name,
                "CodeSha256": code,
                "Version": "$LATEST",
                "Environment": {"Variables": environment(stage)},
                "State": "Active",
                "LastUpdateStatus": "Successful",
                "RevisionId": f"latest-{code}",
            }
            self.versions.setdefault(name, [])

    def on_get_function_configuration(self, FunctionName: str, Qualifier: str) -> dict[str, Any]:
        if FunctionName not in self.functions:
            raise client_error("ResourceNotFoundException", "GetFunctionConfiguration")
        known = [self.functions[FunctionName], *self.versions[FunctionName]]
        found = [dict(each) for each in known if each["Version"] == Qualifier]
        if not found:
            raise client_error("ResourceNotFoundException", "GetFunctionConfiguration")
        return found[0]

    def on_list_versions_by_function(self, FunctionName: str, Marker: str = "0") -> dict[str, Any]:
        everything = [self.functions[FunctionName], *self.versions[FunctionName]]
        at = int(Marker)
        page: dict[str, Any] = {"Versions": everything[at : at + 1]}
        return page | ({"NextMarker": str(at + 1)} if at + 1 < len(everything) else {})

    def on_publish_version(self, FunctionName: str, CodeSha256: str) -> dict[str, Any]:
        latest = self.functions[FunctionName]
        if latest["CodeSha256"] != CodeSha256:
            raise client_error("InvalidParameterValueException", "PublishVersion")
        # Lambda never gives a deleted version's number again.
        former = [int(version["Version"]) for version in self.versions[FunctionName]]
        number = str(max(former, default=0) + 1)
        version = latest | {
            "Version": number,
            "FunctionArn": f"{latest['FunctionArn']}:{number}",
            "RevisionId": number,
        }
        self.versions[FunctionName].append(version)
        return dict(version)

    def on_invoke(self, FunctionName: str, Qualifier: str, Payload: bytes) -> dict[str, Any]:
        if json.loads(Payload) == {}:
            return self._on_warming(FunctionName)
        assert json.loads(Payload) == {"atlas": "health"}
        error, payload = self.answers.get(FunctionName, (None, b'{"ok": true, "version": "1"}'))
        answer: dict[str, Any] = {"StatusCode": 200, "Payload": io.BytesIO(payload)}
        return answer | ({"FunctionError": error} if error else {})

    def _on_warming(self, function: str) -> dict[str, Any]:
        assert function.endswith("-keep_warm"), "every other function acts when it is invoked"
        error, payload = self.warming
        answer: dict[str, Any] = {"StatusCode": 200, "Payload": io.BytesIO(payload)}
        return answer | ({"FunctionError": error} if error else {})

    def on_get_alias(self, FunctionName: str, Name: str) -> dict[str, Any]:
        if FunctionName not in self.aliases:
            raise client_error("ResourceNotFoundException", "GetAlias")
        return dict(self.aliases[FunctionName])

    def on_create_alias(self, FunctionName: str, Name: str, FunctionVersion: str) -> dict[str, Any]:
        self.aliases[FunctionName] = {"Name": Name, "FunctionVersion": FunctionVersion}
        return self.aliases[FunctionName]

    def on_update_alias(self, FunctionName: str, **changes: Any) -> dict[str, Any]:
        self.aliases[FunctionName] |= changes
        return self.aliases[FunctionName]

    def on_put_provisioned_concurrency_config(
        self, FunctionName: str, Qualifier: str, ProvisionedConcurrentExecutions: int
    ) -> dict[str, Any]:
        self.provisioned[FunctionName, Qualifier] = {
            "RequestedProvisionedConcurrentExecutions": ProvisionedConcurrentExecutions,
            "AvailableProvisionedConcurrentExecutions": 0,
            "Status": "IN_PROGRESS",
            "looks": self.looks_until_ready,
        }
        return {"Status": "IN_PROGRESS"}

    def on_get_provisioned_concurrency_config(
        self, FunctionName: str, Qualifier: str
    ) -> dict[str, Any]:
        config = self.provisioned.get((FunctionName, Qualifier))
        if config is None:
            raise client_error("ProvisionedConcurrencyConfigNotFoundException")
        config["looks"] -= 1
        if config["looks"] < 0:
            wanted = config["RequestedProvisionedConcurrentExecutions"]
            failed = {"Status": "FAILED", "StatusReason": "FUNCTION_ERROR_INIT_FAILURE."}
            ready = {"Status": "READY", "AvailableProvisionedConcurrentExecutions": wanted}
            config |= failed if self.provisioning_fails else ready
        return {key: value for key, value in config.items() if key != "looks"}

    def on_delete_provisioned_concurrency_config(
        self, FunctionName: str, Qualifier: str
    ) -> dict[str, Any]:
        del self.provisioned[FunctionName, Qualifier]
        return {}

    def on_list_provisioned_concurrency_configs(self, FunctionName: str) -> dict[str, Any]:
        names = [f"{ARN}{name}:{q}" for name, q in self.provisioned if name == FunctionName]
        return {"ProvisionedConcurrencyConfigs": [{"FunctionArn": arn} for arn in names]}

    def on_get_policy(self, FunctionName: str, Qualifier: str) -> dict[str, Any]:
        if FunctionName not in self.policies:
            raise client_error("ResourceNotFoundException", "GetPolicy")
        return {"Policy": json.dumps({"Statement": self.policies[FunctionName]})}

    def on_add_permission(self, FunctionName: str, Qualifier: str, **statement: Any) -> Any:
        assert FunctionName in self.aliases, "AWS refuses a qualifier that does not exist"
        statement["Sid"] = statement.pop("StatementId")
        self.policies.setdefault(FunctionName, []).append(statement | {"Qualifier": Qualifier})
        return {}

    def on_get_function_event_invoke_config(
        self, FunctionName: str, Qualifier: str
    ) -> dict[str, Any]:
        if FunctionName not in self.event_configs:
            raise client_error("ResourceNotFoundException", "GetFunctionEventInvokeConfig")
        return self.event_configs[FunctionName]

    def on_put_function_event_invoke_config(
        self, FunctionName: str, Qualifier: str, **config: Any
    ) -> dict[str, Any]:
        self.event_configs[FunctionName] = config
        return config


class FakeLex(FakeClient):
    """One bot with its DRAFT, versions and aliases; a binding needs the permission, as on AWS."""

    service = "lexv2-models"

    def __init__(self, timeline: list[tuple[str, dict[str, Any]]], lambda_: FakeLambda) -> None:
        super().__init__(timeline)
        self._lambda = lambda_
        self.bots: dict[str, str] = {}
        self.locales = {"en_US": "Built"}
        self.built_at = datetime(2026, 1, 1, tzinfo=UTC)
        self.bot_versions: list[dict[str, Any]] = []
        self.aliases: dict[str, dict[str, Any]] = {}

    def on_list_bots(self, nextToken: str = "") -> dict[str, Any]:
        # Two pages, so that a release that reads the first page alone finds nothing.
        if not nextToken:
            return {"botSummaries": [{"botId": "OTHERBOT00", "botName": "x"}], "nextToken": "2"}
        return {"botSummaries": [{"botId": i, "botName": n} for i, n in self.bots.items()]}

    def on_describe_bot(self, botId: str) -> dict[str, Any]:
        return {"botId": botId, "idleSessionTTLInSeconds": 1800, "botStatus": "Available"}

    def on_list_bot_locales(self, botId: str, botVersion: str) -> dict[str, Any]:
        return {"botLocaleSummaries": [{"localeId": locale} for locale in self.locales]}

    def on_describe_bot_locale(self, botId: str, botVersion: str, localeId: str) -> dict[str, Any]:
        status = self.locales[localeId]
        return {"botLocaleStatus": status, "lastBuildSubmittedDateTime": self.built_at}

    def on_list_bot_versions(self, botId: str) -> dict[str, Any]:
        return {"botVersionSummaries": [{"botVersion": "DRAFT"}, *self.bot_versions]}

    def on_create_bot_version(self, botId: str, description: str, **_: Any) -> dict[str, Any]:
        number = str(len(self.bot_versions) + 1)
        made = {"botVersion": number, "description": description, "botStatus": "Creating"}
        self.bot_versions.append(made)
        return dict(made)

    def on_describe_bot_version(self, botId: str, botVersion: str) -> dict[str, Any]:
        version = next(v for v in self.bot_versions if v["botVersion"] == botVersion)
        now = dict(version)
        version["botStatus"] = "Available"
        return now

    def on_list_bot_aliases(self, botId: str) -> dict[str, Any]:
        return {"botAliasSummaries": list(self.aliases.values())}

    def on_create_bot_alias(self, botId: str, botAliasName: str, **members: Any) -> dict[str, Any]:
        alias_id = f"ALIAS{len(self.aliases) + 1:05}"
        made = {"botAliasId": alias_id, "botAliasName": botAliasName, "botAliasStatus": "Available"}
        self.aliases[alias_id] = made | members
        return dict(made)

    def on_describe_bot_alias(self, botId: str, botAliasId: str) -> dict[str, Any]:
        return dict(self.aliases[botAliasId])

    def on_update_bot_alias(self, botId: str, botAliasId: str, **members: Any) -> dict[str, Any]:
        sources = [s["SourceArn"] for each in self._lambda.policies.values() for s in each]
        wanted = f"arn:aws:lex:us-east-1:123456789012:bot-alias/{botId}/{botAliasId}"
        assert wanted in sources, "bound before Lex may invoke"
        kept = {"botAliasId", "botAliasStatus"}
        alias = {key: value for key, value in self.aliases[botAliasId].items() if key in kept}
        self.aliases[botAliasId] = alias | members
        return {}


class FakeDynamo(FakeClient):
    """Tables by their names; the items of operations, and no line of theirs on the timeline."""

    service = "dynamodb"

    def __init__(self, timeline: list[tuple[str, dict[str, Any]]]) -> None:
        super().__init__(timeline)
        self.tables: set[str] = set()
        self.items: dict[tuple[str, str], dict[str, Any]] = {}

    def on_describe_table(self, TableName: str) -> dict[str, Any]:
        if TableName not in self.tables:
            raise client_error("ResourceNotFoundException", "DescribeTable")
        return {"Table": {"TableName": TableName, "TableStatus": "ACTIVE"}}

    def on_put_item(self, TableName: str, Item: Any, **condition: Any) -> dict[str, Any]:
        key = self._key(TableName, Item)
        self._check(self.items.get(key), **condition)
        self.items[key] = Item
        return {}

    def on_update_item(
        self, TableName: str, Key: Any, UpdateExpression: str, **condition: Any
    ) -> dict[str, Any]:
        assert UpdateExpression == "SET expires_at = :until"
        key = self._key(TableName, Key)
        self._check(self.items.get(key), **condition)
        until = condition["ExpressionAttributeValues"][":until"]
        self.items[key] = self.items[key] | {"expires_at": until}
        return {}

    def on_delete_item(self, TableName: str, Key: Any, **condition: Any) -> dict[str, Any]:
        key = self._key(TableName, Key)
        self._check(self.items.get(key), **condition)
        del self.items[key]
        return {}

    def on_get_item(self, TableName: str, Key: Any, ConsistentRead: bool) -> dict[str, Any]:
        item = self.items.get(self._key(TableName, Key))
        return {"Item": item} if item else {}

    def on_query(self, TableName: str, **request: Any) -> dict[str, Any]:
        # Pages of one, so that whoever reads the first page alone finds too little.
        kind = request["ExpressionAttributeValues"][":kind"]["S"]
        self._key(TableName, {"kind": {"S": kind}, "at": {"S": ""}})
        moments = sorted((at for of, at in self.items if of == kind), reverse=True)
        if start := request.get("ExclusiveStartKey"):
            moments = [at for at in moments if at < start["at"]["S"]]
        page = {"Items": [self.items[kind, at] for at in moments[:1]]}
        last = {"kind": {"S": kind}, "at": {"S": moments[0]}} if len(moments) > 1 else None
        return {**page, "LastEvaluatedKey": last} if last else page

    def _key(self, table: str, item: Any) -> tuple[str, str]:
        if table not in self.tables:
            raise client_error("ResourceNotFoundException", "Any")
        return item["kind"]["S"], item["at"]["S"]

    def _check(
        self,
        item: dict[str, Any] | None,
        ConditionExpression: str = "",
        ExpressionAttributeValues: Any = None,
    ) -> None:
        """The three conditions that ops uses; real ones are the sandbox's to test."""
        values = ExpressionAttributeValues or {}
        holds = {
            "": lambda: True,
            "attribute_not_exists(kind)": lambda: item is None,
            "attribute_not_exists(kind) OR expires_at < :now": lambda: (
                item is None or int(item["expires_at"]["N"]) < int(values[":now"]["N"])
            ),
            "holder = :holder": lambda: item is not None and item["holder"] == values[":holder"],
        }
        if not holds[ConditionExpression]():
            raise client_error("ConditionalCheckFailedException")


class FakeStepFunctions(FakeClient):
    """State machines by their ARNs."""

    service = "stepfunctions"

    def __init__(self, timeline: list[tuple[str, dict[str, Any]]]) -> None:
        super().__init__(timeline)
        self.machines: set[str] = set()

    def on_describe_state_machine(self, stateMachineArn: str) -> dict[str, Any]:
        if stateMachineArn not in self.machines:
            raise client_error("StateMachineDoesNotExist", "DescribeStateMachine")
        return {"stateMachineArn": stateMachineArn, "status": "ACTIVE"}


class World:
    """All services, one timeline, a clock that only sleeping moves, and the release's context."""

    def __init__(self, stage: str = "local") -> None:
        self.stage = stage
        self.timeline: list[tuple[str, dict[str, Any]]] = []
        self.lambda_ = FakeLambda(self.timeline)
        self.lex = FakeLex(self.timeline, self.lambda_)
        self.dynamodb = FakeDynamo(self.timeline)
        variables = environment(stage).items()
        named = {name: value for name, value in variables if name.endswith("_TABLE")}
        # That one is JSON.
        named.pop("MODEL_TABLE", None)
        self.dynamodb.tables |= {*named.values(), f"atlas-{stage}-operations"}
        self.stepfunctions = FakeStepFunctions(self.timeline)
        machine = f"arn:aws:states:us-east-1:123456789012:stateMachine:{lead_workflow(stage)}"
        self.stepfunctions.machines.add(machine)
        self.lex.bots["BOT0000001"] = f"atlas-{stage}"
        self.lambda_.deploy(stage, "code-1")
        self.now = 0.0
        self.progress: list[str] = []
        self.printed = io.StringIO()

    def context(self, dry_run: bool = False) -> Context:
        waiter = Waiter(self.progress.append, clock=lambda: self.now, sleep=self._sleep)
        clients = Clients(self.lambda_, self.lex, self.dynamodb, self.stepfunctions)
        return Context(self.stage, clients, waiter, dry_run, now=self._time)

    def _time(self) -> datetime:
        return datetime(2026, 11, 24, 4, tzinfo=UTC) + timedelta(seconds=self.now)

    def steps(self) -> Steps:
        return Steps(stream=self.printed, clock=lambda: self.now)

    def changes(self) -> list[str]:
        """The calls so far that change something, in order."""
        return [name for name, _ in self.timeline if not name.startswith(READ_PREFIXES)]

    def _sleep(self, seconds: float) -> None:
        self.now += seconds
