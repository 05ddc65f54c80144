"""A stage prod that may be released to: dev has proved the code, all is quiet, somebody listens."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from ops_fakes import FakeDynamo, World
from watching_fakes import TOPIC, DynamoOfStages, FakeCloudWatch, FakeSts, FakeTopics

from ops import records
from ops.alarms import alarm_names, dashboard_name
from ops.answering_code import deployed_code
from ops.aws import Clients
from ops.stages import FULFILLMENT, FUNCTIONS, function_name
from ops.steps import Context

LIVE = function_name("prod", FULFILLMENT)
ON_DEV = function_name("dev", FULFILLMENT)


class PreflightWorld(World):
    """prod has `code-1` live and `code-2` deployed; dev has `code-2` live and evaluated."""

    def __init__(self) -> None:
        super().__init__("prod")
        self.team = SimpleNamespace(change_freezes=(), release_window="any")
        self.prod, self.dev = self.dynamodb, FakeDynamo(self.timeline)
        self.dev.tables.add("atlas-dev-operations")
        self.lambda_.__dict__["meta"] = SimpleNamespace(region_name="us-east-1")
        self.cloudwatch = FakeCloudWatch(self.timeline)
        self.topics = FakeTopics(self.timeline)
        self._others = {
            "cloudwatch": self.cloudwatch,
            "sns": self.topics,
            "sts": FakeSts(self.timeline),
        }
        self._watch_prod()
        self.make_live("prod")
        self.lambda_.deploy("prod", "code-2")
        self.lambda_.deploy("dev", "code-2")
        self.make_live("dev")
        self.prove()

    def _watch_prod(self) -> None:
        self.cloudwatch.dashboards.add(dashboard_name("prod"))
        for name in alarm_names("prod"):
            self.cloudwatch.alarms[name] = {
                "AlarmName": name,
                "StateValue": "OK",
                "ActionsEnabled": True,
                "AlarmActions": [TOPIC],
            }

    def make_live(self, stage: str) -> None:
        """What a release leaves: a version of every function, `live` on it, warm environments."""
        for function in FUNCTIONS:
            name = function_name(stage, function.name)
            code = self.lambda_.functions[name]["CodeSha256"]
            version = self.lambda_.on_publish_version(name, code)["Version"]
            self.lambda_.aliases[name] = {"Name": "live", "FunctionVersion": version}
        fulfillment = function_name(stage, FULFILLMENT)
        version = self.lambda_.aliases[fulfillment]["FunctionVersion"]
        self.lambda_.on_put_provisioned_concurrency_config(fulfillment, version, 4)
        self.lambda_.provisioned[fulfillment, version]["looks"] = 0

    def unrelease(self) -> None:
        """As before the first release of prod."""
        self.lambda_.aliases = {
            name: alias for name, alias in self.lambda_.aliases.items() if "-dev-" in name
        }

    def prove(self, **changes: Any) -> None:
        """Dev's records of a release and an evaluation of what is live there."""
        code = deployed_code(self.lambda_.functions[ON_DEV]).to_json()
        versions = {FULFILLMENT: self.lambda_.aliases[ON_DEV]["FunctionVersion"]}
        facts = {"outcome": "released", "versions": versions, "commit": "abc"}
        records.write(self.on_dev(), "release", **facts)
        self.evaluate(**code, **changes)

    def evaluate(self, **facts: Any) -> None:
        """Dev's record of an evaluation that passed, but for what `facts` say."""
        passed = {"passed": True, "misses": [], "lacking": [], "models": ["a", "b"]}
        records.write(self.on_dev(), "evaluation", **{**passed, **facts})

    def on_dev(self) -> Context:
        return replace(self.context(), stage="dev")

    def context(self, dry_run: bool = False) -> Context:
        made = super().context(dry_run)
        dynamodb = DynamoOfStages(self.prod, self.dev)
        of = self._others.__getitem__
        clients = Clients(self.lambda_, self.lex, dynamodb, self.stepfunctions, of)
        return replace(made, clients=clients)
