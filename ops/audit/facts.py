"""Everything that the audit's rows look at: each fact read from AWS once, when first asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from ops.audit import (
    lambda_facts,
    lex_facts,
    limits,
    log_facts,
    metric_facts,
    watch_facts,
    workflow_facts,
)
from ops.audit.reading import Reader, Unobserved, fact
from ops.aws import is_error
from ops.stages import (
    FULFILLMENT,
    FUNCTIONS,
    LIVE,
    function_name,
    lead_workflow,
    table,
    team_topic,
)
from ops.steps import Context
from ops.together import each

Description = dict[str, Any]
ABOUT_EVENT = b'{"atlas": "about"}'


@dataclass(frozen=True, slots=True)
class Place:
    """The account and region that the stage is in."""

    partition: str
    region: str
    account: str

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource of the stage."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


@dataclass(frozen=True, slots=True)
class Cache:
    """The table of shared answers: its status and the attribute that its items expire by."""

    status: str
    expires_by: str


class Facts(Reader):
    """The stage as AWS has it now, and its last `hours`. Changes nothing.

    A fact raises Unobserved, or botocore's error where AWS refuses to tell.
    """

    def __init__(
        self, ctx: Context, hours: int = limits.HOURS, now: datetime | None = None
    ) -> None:
        super().__init__()
        self._ctx = ctx
        self.stage, self.hours = ctx.stage, hours
        self.now = now or datetime.now(UTC)
        # CloudWatch leaves out the second that EndTime names, and takes one that is yet to come.
        self._end = self.now + timedelta(minutes=1)

    @fact
    def place(self) -> Place:
        """Where the stage is, as STS and the client's own region say."""
        caller = self._ctx.clients.of("sts").get_caller_identity()
        region = self._ctx.clients.lambda_.meta.region_name
        return Place(caller["Arn"].split(":")[1], region, caller["Account"])

    @fact
    def aliases(self) -> dict[str, Description | None]:
        """Every function's alias `live`, None where there is none."""
        names = [function.name for function in FUNCTIONS]
        read = each(partial(lambda_facts.read_alias, self._ctx), names)
        return dict(zip(names, read, strict=True))

    @fact
    def served(self) -> list[lambda_facts.Served]:
        """Every version of every function that its callers meet."""
        read = each(lambda item: lambda_facts.read_served(self._ctx, *item), self.aliases.items())
        return [served for versions in read for served in versions]

    @property
    def functions(self) -> list[lambda_facts.Served]:
        """The same, for rows that need at least one."""
        if not self.served:
            raise Unobserved("no function is deployed")
        return self.served

    def of(self, function: str) -> list[lambda_facts.Served]:
        """The versions of one function that are met; Unobserved where it is not deployed."""
        if found := [served for served in self.served if served.function == function]:
            return found
        raise Unobserved(f"{function} is not deployed")

    @fact
    def provisioned(self) -> dict[str, Description]:
        """Fulfilment's provisioned concurrency by qualifier."""
        self.of(FULFILLMENT)
        return lambda_facts.read_provisioned(self._ctx)

    @fact
    def statements(self) -> dict[tuple[str, str], list[Description]]:
        """Who may invoke: policy statements by function and qualifier, `live` or "" for none."""
        deployed = dict.fromkeys(served.function for served in self.functions)
        keys = [(name, LIVE) for name in deployed if self.aliases[name]]
        keys.append((FULFILLMENT, ""))
        read = each(lambda key: lambda_facts.read_statements(self._ctx, *key), keys)
        return dict(zip(keys, read, strict=True))

    @fact
    def lex(self) -> lex_facts.LexAlias | None:
        """The Lex alias `live`."""
        return lex_facts.read_alias(self._ctx)

    @fact
    def workflow(self) -> workflow_facts.Machine | None:
        """The lead workflow's state machine; None where it is missing."""
        arn = self.place.arn("states", f"stateMachine:{lead_workflow(self.stage)}")
        return workflow_facts.read_machine(self._ctx, arn)

    @property
    def machine(self) -> workflow_facts.Machine:
        """The same, for rows that need it."""
        if self.workflow is None:
            raise Unobserved(f"there is no state machine {lead_workflow(self.stage)}")
        return self.workflow

    @fact
    def tasks(self) -> list[workflow_facts.Task]:
        """The workflow's states that invoke functions."""
        return workflow_facts.tasks(self.machine.definition)

    @fact
    def rules(self) -> dict[str, workflow_facts.Rule | None]:
        """Each function's event rule, None where it is missing, by the function's name."""
        ruled = {function.name: function.rule for function in FUNCTIONS if function.rule}
        read = each(partial(workflow_facts.read_rule, self._ctx), ruled.values())
        return dict(zip(ruled, read, strict=True))

    @fact
    def stray_rules(self) -> dict[str, list[str]]:
        """Rules of anybody's that invoke a function without a qualifier, by the function's name."""
        names = [function.name for function in FUNCTIONS]
        arns = [self.function_arn(name) for name in names]
        read = each(partial(workflow_facts.read_rules_of, self._ctx), arns)
        return {name: rules for name, rules in zip(names, read, strict=True) if rules}

    def function_arn(self, name: str, qualifier: str = "") -> str:
        """The ARN of a function of the stage, whether it is there or not."""
        resource = f"function:{function_name(self.stage, name)}"
        return self.place.arn("lambda", f"{resource}:{qualifier}" if qualifier else resource)

    @fact
    def turns(self) -> dict[tuple[str, str], float]:
        """The app's own sums of the last hours by metric and channel."""
        return metric_facts.read_atlas(self._ctx, self._end, self.hours)

    @fact
    def warmth(self) -> metric_facts.Warmth:
        """How full fulfilment's provisioned concurrency was."""
        version = self.of(FULFILLMENT)[0].version
        return metric_facts.read_warmth(self._ctx, version, self._end, self.hours)

    @fact
    def scaling(self) -> dict[str, watch_facts.Scaled]:
        """What scales fulfilment's provisioned concurrency, by qualifier."""
        return watch_facts.read_scaling(self._ctx)

    @fact
    def alarms(self) -> dict[str, Description]:
        """The stage's alarms by name."""
        return watch_facts.read_alarms(self._ctx)

    @property
    def topic(self) -> str:
        """The ARN of the topic that alarms have to publish to."""
        return self.place.arn("sns", team_topic(self.stage))

    @fact
    def subscriptions(self) -> list[Description] | None:
        """Who hears of the topic; None where it is missing."""
        return watch_facts.read_subscriptions(self._ctx, self.topic)

    @fact
    def cache(self) -> Cache | None:
        """The table of shared answers; None where it is missing."""
        name, dynamodb = table(self.stage, "response-cache"), self._ctx.clients.dynamodb
        try:
            status = dynamodb.describe_table(TableName=name)["Table"]["TableStatus"]
        except ClientError as error:
            if is_error(error, "ResourceNotFoundException"):
                return None
            raise
        expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        is_enabled = expiry.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")
        return Cache(status, expiry.get("AttributeName", "") if is_enabled else "")

    @fact
    def about(self) -> Description:
        """What a running environment of fulfilment says of itself; Unobserved without an answer."""
        served = self.of(FULFILLMENT)[0]
        answer = self._ctx.clients.lambda_.invoke(
            FunctionName=function_name(self.stage, FULFILLMENT),
            Qualifier=served.qualifier,
            Payload=ABOUT_EVENT,
        )
        return _about(answer["Payload"].read(), bool(answer.get("FunctionError")))

    @fact
    def lines(self) -> list[log_facts.Line]:
        """The sample of log lines."""
        names = [function.name for function in FUNCTIONS]
        read = each(lambda name: log_facts.read_lines(self._ctx, name, self.now, self.hours), names)
        return [line for lines in read for line in lines]


def _about(payload: bytes, is_error: bool) -> Description:
    try:
        answer = json.loads(payload)
    except ValueError:
        answer = None
    if is_error or not isinstance(answer, dict) or not isinstance(answer.get("about"), dict):
        raise Unobserved(f"{FULFILLMENT} does not say anything about itself")
    about: Description = answer["about"]
    return about
