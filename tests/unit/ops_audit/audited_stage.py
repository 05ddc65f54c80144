"""A stage as `ops` leaves it, on a sandbox of its own, and the audit of it.

Functions are a few lines instead of the app, so that each can be changed and published in no time;
whatever the audit looks at is made by AWS's own calls.
"""

from __future__ import annotations

import contextlib
import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config

from infra.state_machine import LOCAL_PARAMETERS, load, template_substitutions
from ops.alarms import alarm_names
from ops.audit.facts import Facts
from ops.audit.limits import LEAST_TURNS
from ops.audit.verb import Finding, audit
from ops.aws import Clients
from ops.environment import environment
from ops.stages import (
    FULFILLMENT,
    FUNCTIONS,
    GENERATE_ANSWER,
    LIVE,
    STAGE_SIZES,
    bot_name,
    function_name,
    lead_workflow,
    rule_name,
    table,
    team_topic,
)
from ops.steps import Context
from ops.waiting import Waiter
from sandbox.assembly import Conditions, assemble
from sandbox.control import Health
from sandbox.counters import CallCounters
from sandbox.faults import Faults
from sandbox.http_server import HttpServer
from sandbox.latency import Latency
from sandbox.serve import ROOT

STAGE = "dev"
ACCOUNT, REGION = "123456789012", "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/any"
SCALED = {
    "ServiceNamespace": "lambda",
    "ScalableDimension": "lambda:function:ProvisionedConcurrency",
}
ABOUT = {
    "seconds": 900.0,
    "secret_cache_seconds": 300,
    "secrets": {"reads": 40, "fetches": 1},
    "connections": {"dynamodb": {"opened": 2, "requests": 90}},
    "history_bytes": 2048,
}
# Says of itself what a file says, and logs what it is told to.
SOURCE = """
import json, os, time

if os.environ.get("FAILS"):
    raise RuntimeError("no start")

def handler(event, context):
    print(event.get("log") or json.dumps({"level": "INFO", "message": "turn"}))
    if event.get("until"):
        open(event["until"] + ".begun", "w").close()
        while not os.path.exists(event["until"]):
            time.sleep(0.005)
    with open(os.environ["ABOUT_FILE"]) as about:
        return {"ok": True, "about": json.load(about)}
"""


class AuditedStage:
    """The running sandbox with the stage on it; `close` ends both."""

    def __init__(self, folder: Path) -> None:
        self._stack = contextlib.ExitStack()
        server = HttpServer(None, 0, threads=16)
        self.endpoint = f"http://127.0.0.1:{server.bind()}"
        self._stack.callback(server.close)
        conditions = Conditions(Latency(), Faults(), CallCounters())
        work_dir = folder / "work"
        work_dir.mkdir()
        self.parts = assemble(
            *(self.endpoint, ROOT, work_dir, conditions, Health()),
            schedules=False,
            stack=self._stack,
        )
        server.serve(self.parts.app)
        self.of = cache(self._client)
        self.about_file = folder / "about.json"
        self.say(ABOUT)

    def _client(self, service: str) -> Any:
        client = botocore.session.get_session().create_client(
            service,
            region_name=REGION,
            endpoint_url=self.endpoint,
            aws_access_key_id="sandbox",
            aws_secret_access_key="sandbox",
            config=Config(retries={"total_max_attempts": 1}),
        )
        self._stack.callback(client.close)
        return client

    def close(self) -> None:
        self._stack.close()

    @property
    def facts(self) -> Facts:
        """Everything read anew."""
        clients = Clients(
            self.of("lambda"),
            self.of("lexv2-models"),
            self.of("dynamodb"),
            self.of("stepfunctions"),
            self.of,
        )
        return Facts(Context(STAGE, clients, Waiter(lambda line: None), dry_run=True))

    def findings(self) -> dict[str, Finding]:
        return {finding.row.name: finding for finding in audit(self.facts)}

    def failing(self) -> dict[str, str]:
        """What each failing row found."""
        found = self.findings().values()
        return {f.row.name: f.verdict.found for f in found if f.verdict.status == "fail"}

    def say(self, about: dict[str, Any]) -> None:
        self.about_file.write_text(json.dumps(about), encoding="utf-8")

    # Made in the order of a deploy and a release.

    def make(self) -> None:
        self.of("iam").create_role(RoleName="any", AssumeRolePolicyDocument="{}")
        self.cache_table()
        self.topic = self._topic()
        self._workflow()
        self.parts.deploy_bot(ROOT / "infra" / "lex_bot.yaml", STAGE)
        for function in FUNCTIONS:
            self._function(function.name)
        self.release_fulfillment()
        self._rules()
        self._lex()
        self._alarms()
        self.turns()
        for _ in range(LEAST_TURNS):
            self.invoke({})

    def cache_table(self) -> None:
        name = table(STAGE, "response-cache")
        self.of("dynamodb").create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
        )
        self.expiry(True)

    def expiry(self, is_enabled: bool) -> None:
        self.of("dynamodb").update_time_to_live(
            TableName=table(STAGE, "response-cache"),
            TimeToLiveSpecification={"Enabled": is_enabled, "AttributeName": "expires_at"},
        )

    def _topic(self) -> str:
        sns = self.of("sns")
        topic: str = sns.create_topic(Name=team_topic(STAGE))["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="team@example.com")
        return topic

    def _workflow(self) -> None:
        substitutions = template_substitutions(STAGE, ACCOUNT, REGION, LOCAL_PARAMETERS)
        self.definition = load(substitutions)
        made = self.of("stepfunctions").create_state_machine(
            name=lead_workflow(STAGE),
            roleArn=ROLE,
            definition=json.dumps(self.definition),
            tracingConfiguration={"enabled": True},
        )
        self.machine: str = made["stateMachineArn"]

    def _function(self, name: str) -> None:
        function = next(f for f in FUNCTIONS if f.name == name)
        variables = environment(STAGE) | {"ABOUT_FILE": str(self.about_file)}
        self.of("lambda").create_function(
            FunctionName=function_name(STAGE, name),
            Role=ROLE,
            Runtime="python3.11",
            Handler="app.handler",
            Timeout=function.timeout_seconds,
            MemorySize=function.memory_mb,
            TracingConfig={"Mode": "Active"},
            Environment={"Variables": variables},
            Code={"ZipFile": package()},
        )
        version = self.publish(name)
        self.of("lambda").create_alias(
            FunctionName=function_name(STAGE, name), Name=LIVE, FunctionVersion=version
        )

    def publish(self, name: str) -> str:
        made = self.of("lambda").publish_version(FunctionName=function_name(STAGE, name))
        return str(made["Version"])

    def release_fulfillment(self) -> None:
        """Its newest version warm and scaled, then live; what stood before is freed."""
        version = self.publish(FULFILLMENT)
        self.provision(version)
        self.move(FULFILLMENT, version)
        self.scale(version)

    def provision(self, version: str, status: str = "READY", count: int = 0) -> None:
        target = {"FunctionName": function_name(STAGE, FULFILLMENT), "Qualifier": version}
        lambda_, count = self.of("lambda"), count or STAGE_SIZES[STAGE].provisioned_fulfillment
        lambda_.put_provisioned_concurrency_config(**target, ProvisionedConcurrentExecutions=count)
        get = lambda_.get_provisioned_concurrency_config
        until(lambda: get(**target)["Status"] == status)

    def free(self, version: str) -> None:
        self.of("lambda").delete_provisioned_concurrency_config(
            FunctionName=function_name(STAGE, FULFILLMENT), Qualifier=version
        )

    def move(self, name: str, version: str, **weights: float) -> None:
        self.of("lambda").update_alias(
            FunctionName=function_name(STAGE, name),
            Name=LIVE,
            FunctionVersion=version,
            RoutingConfig={"AdditionalVersionWeights": weights},
        )

    def live(self, name: str) -> str:
        alias = self.of("lambda").get_alias(FunctionName=function_name(STAGE, name), Name=LIVE)
        return str(alias["FunctionVersion"])

    def scale(self, version: str, count: int = 1) -> None:
        """Scaled, and yet always so many: nothing moves by itself while a test looks."""
        scaling, target = self.of("application-autoscaling"), self._scaled(version)
        scaling.register_scalable_target(**target, MinCapacity=count, MaxCapacity=count)
        metric = {"PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization"}
        scaling.put_scaling_policy(
            **target,
            PolicyName="utilisation",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": 0.7,
                "PredefinedMetricSpecification": metric,
            },
        )

    def unscale(self, version: str) -> None:
        scaling, target = self.of("application-autoscaling"), self._scaled(version)
        scaling.delete_scaling_policy(**target, PolicyName="utilisation")
        scaling.deregister_scalable_target(**target)

    def _scaled(self, version: str) -> dict[str, str]:
        return {**SCALED, "ResourceId": f"function:{function_name(STAGE, FULFILLMENT)}:{version}"}

    def _rules(self) -> None:
        for function in FUNCTIONS:
            if function.rule:
                self.rule(function.name, LIVE)
                self.allow_rule(function.name)

    def rule(self, function: str, qualifier: str, name: str = "") -> str:
        """A rule, by the function's own name unless said, with that one target."""
        own = next(f.rule for f in FUNCTIONS if f.name == function)
        events, rule = self.of("events"), name or rule_name(STAGE, own)
        events.put_rule(Name=rule, EventPattern='{"source": ["nobody"]}', State="ENABLED")
        target = {"Id": "only", "Arn": self.arn(function, qualifier)}
        events.put_targets(Rule=rule, Targets=[target])
        return rule

    def arn(self, function: str, qualifier: str = "") -> str:
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function_name(STAGE, function)}"
        return f"{arn}:{qualifier}" if qualifier else arn

    def allow_rule(self, function: str) -> None:
        rule = rule_name(STAGE, next(f.rule for f in FUNCTIONS if f.name == function))
        self.of("lambda").add_permission(
            FunctionName=function_name(STAGE, function),
            Qualifier=LIVE,
            StatementId=f"rule-{rule}",
            Action="lambda:InvokeFunction",
            Principal="events.amazonaws.com",
            SourceArn=f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule}",
        )

    def _lex(self) -> None:
        lex = self.of("lexv2-models")
        bots = lex.list_bots()["botSummaries"]
        self.bot = next(b["botId"] for b in bots if b["botName"] == bot_name(STAGE))
        made = lex.create_bot_alias(botId=self.bot, botAliasName=LIVE)
        self.lex_alias: str = made["botAliasId"]
        self.allow_lex()
        made = lex.create_bot_version(
            botId=self.bot, botVersionLocaleSpecification={"en_US": {"sourceBotVersion": "DRAFT"}}
        )
        self.bot_version: str = made["botVersion"]
        describe = lex.describe_bot_version
        until(
            lambda: (
                describe(botId=self.bot, botVersion=self.bot_version)["botStatus"] == "Available"
            )
        )
        self.bind(self.bot_version, self.arn(FULFILLMENT, LIVE))

    def allow_lex(self, statement: str = "lex", **scope: str) -> None:
        """By default as a release scopes it; `scope` replaces that."""
        source = f"arn:aws:lex:{REGION}:{ACCOUNT}:bot-alias/{self.bot}/{self.lex_alias}"
        given = scope or {"Qualifier": LIVE, "SourceArn": source, "SourceAccount": ACCOUNT}
        self.of("lambda").add_permission(
            FunctionName=function_name(STAGE, FULFILLMENT),
            StatementId=statement,
            Action="lambda:InvokeFunction",
            Principal="lexv2.amazonaws.com",
            **given,
        )

    def forbid(self, function: str, statement: str, qualifier: str = LIVE) -> None:
        named = {"Qualifier": qualifier} if qualifier else {}
        self.of("lambda").remove_permission(
            FunctionName=function_name(STAGE, function), StatementId=statement, **named
        )

    def bind(self, bot_version: str, arn: str) -> None:
        hook = {"lambdaARN": arn, "codeHookInterfaceVersion": "1.0"}
        setting = {"enabled": True, "codeHookSpecification": {"lambdaCodeHook": hook}}
        self.of("lexv2-models").update_bot_alias(
            botId=self.bot,
            botAliasId=self.lex_alias,
            botAliasName=LIVE,
            botVersion=bot_version,
            botAliasLocaleSettings={"en_US": setting},
        )

    def _alarms(self) -> None:
        for name in alarm_names(STAGE):
            self.alarm(name)

    def alarm(self, name: str, **changes: Any) -> None:
        self.of("cloudwatch").put_metric_alarm(
            **{
                "AlarmName": name,
                "Namespace": "Atlas",
                "MetricName": "TurnLatency",
                "Statistic": "Average",
                "Period": 60,
                "EvaluationPeriods": 1,
                "Threshold": 1000.0,
                "ComparisonOperator": "GreaterThanThreshold",
                "AlarmActions": [self.topic],
                **changes,
            }
        )

    def turns(self) -> None:
        """What some conversations leave in the metrics."""
        self.measure("chat", {"Turns": 50.0, "AnswerSource.memory": 40.0, "AnswerSource.model": 5})
        self.measure("phone", {"Turns": 40.0, "PhoneScenario.made": 8.0})

    def measure(self, channel: str, values: dict[str, float]) -> None:
        dimensions = [{"Name": "Stage", "Value": STAGE}, {"Name": "Channel", "Value": channel}]
        data = [
            {
                "MetricName": name,
                "Dimensions": dimensions,
                "Value": value,
                "Unit": "Count",
                "Timestamp": datetime.now(UTC),
            }
            for name, value in values.items()
        ]
        self.of("cloudwatch").put_metric_data(Namespace="Atlas", MetricData=data)

    @contextlib.contextmanager
    def changed(self, name: str, **settings: Any) -> Iterator[str]:
        """The function with other settings, published and live as a release would have it."""
        lambda_, function = self.of("lambda"), {"FunctionName": function_name(STAGE, name)}
        before = lambda_.get_function_configuration(**function)
        kept = {key: before[key] for key in settings}
        if variables := settings.get("Environment"):
            settings["Environment"] = {"Variables": before["Environment"]["Variables"] | variables}
        former = self.live(name)
        lambda_.update_function_configuration(**function, **settings)
        version = self.publish(name)
        self._replace(name, former, version)
        yield version
        lambda_.update_function_configuration(**function, **kept)
        self._replace(name, version, former)

    def _replace(self, name: str, former: str, version: str) -> None:
        if name == FULFILLMENT:
            self.provision(version)
            self.scale(version)
        self.move(name, version)
        if name == FULFILLMENT:
            self.unscale(former)
            self.free(former)

    def invoke(self, event: dict[str, Any], function: str = FULFILLMENT) -> None:
        self.of("lambda").invoke(
            FunctionName=function_name(STAGE, function),
            Qualifier=LIVE,
            Payload=json.dumps(event).encode(),
        )

    @contextlib.contextmanager
    def one_busy(self) -> Iterator[None]:
        """An invocation of fulfilment that lasts as long as the `with`."""
        end = self.about_file.with_name(f"end-{time.monotonic_ns()}")
        begun = end.with_name(f"{end.name}.begun")
        with ThreadPoolExecutor(1) as pool:
            invoked = pool.submit(self.invoke, {"until": str(end)})
            try:
                until(begun.exists)
                yield
            finally:
                end.touch()
            invoked.result()

    def log(self, text: str) -> None:
        """One line in a function's log."""
        self.invoke({"log": text}, GENERATE_ANSWER)


def package(ballast: bytes = b"") -> bytes:
    """A zip with the handler, and so many bytes more as `ballast` has."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", SOURCE)
        if ballast:
            archive.writestr("ballast", ballast)
    return buffer.getvalue()


def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Polls; fails when it does not come true in time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)
