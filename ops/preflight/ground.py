"""What a release to a stage rests on, read once: its code, stage dev, its load, who is at work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from ops import records
from ops.alarms import dashboard_name
from ops.answering_code import AnsweringCode, deployed_code
from ops.audit.facts import Facts
from ops.audit.lambda_facts import served_versions
from ops.audit.reading import Unobserved, fact
from ops.aws import found, is_error, pages
from ops.errors import OpsError, RefusedError
from ops.lambda_aliases import live_alias
from ops.lease import held
from ops.provisioned import provisioned
from ops.rollback import unfinished
from ops.shift import require_versions, standing
from ops.stages import FULFILLMENT, function_name
from ops.steps import Context
from ops.team import Team, team

T = TypeVar("T")
Record = dict[str, Any]
LOAD_MINUTES = 15
_LOOKED_THROUGH = 100


@dataclass(frozen=True, slots=True)
class OnDev:
    """What answers on stage dev: the versions that `live` leads to, and the first one's code."""

    versions: list[str]
    code: AnsweringCode
    release: Record | None


@dataclass(frozen=True, slots=True)
class Load:
    """Of the last minutes: turns in work at the same time in the busiest one; warm environments."""

    busiest: float
    provisioned: int


class Ground(Facts):
    """Facts of a release to the stage; `dev` is the context of the stage that has to prove it."""

    def __init__(self, ctx: Context, dev: Context) -> None:
        super().__init__(ctx, now=ctx.now())
        self._dev = dev

    @fact
    def deployed(self) -> AnsweringCode | None:
        """What a release would make live, None where nothing is deployed."""
        return _code(self._ctx, "$LATEST")

    @fact
    def on_dev(self) -> OnDev | None:
        """What is live on dev; None where there is nothing that these credentials see."""
        alias = live_alias(self._dev, FULFILLMENT)
        if alias is None:
            return None
        versions = served_versions(alias)
        code = _code(self._dev, versions[0])
        if code is None:
            return None
        return OnDev(versions, code, self._release_on_dev(versions[0]))

    def _release_on_dev(self, version: str) -> Record | None:
        listed = _seen(lambda: records.newest(self._dev, "release", _LOOKED_THROUGH))
        for record in listed:
            if record["versions"].get(FULFILLMENT) == version:
                return record if record["outcome"] == "released" else None
        return None

    @fact
    def evaluations(self) -> list[Record]:
        """The newest evaluations of stage dev, the newest first."""
        return _seen(lambda: records.newest(self._dev, "evaluation", _LOOKED_THROUGH))

    @fact
    def live_version(self) -> str:
        """Fulfilment's version to go back to; "" where none is live, or $LATEST, which is none."""
        alias = live_alias(self._ctx, FULFILLMENT)
        version = str(alias["FunctionVersion"]) if alias else ""
        return version if version.isdigit() else ""

    @fact
    def missing_versions(self) -> str:
        """Which of the versions that would be gone back to are not there, "" where all are."""
        try:
            require_versions(self._ctx, standing(self._ctx).main)
        except RefusedError as error:
            return str(error)
        return ""

    @fact
    def has_dashboard(self) -> bool:
        """Whether the stage's dashboard is there."""
        try:
            self._ctx.clients.of("cloudwatch").get_dashboard(
                DashboardName=dashboard_name(self.stage)
            )
        except ClientError as error:
            if is_error(error, "ResourceNotFound", "DashboardNotFoundError"):
                return False
            raise
        return True

    @fact
    def load(self) -> Load:
        """By Lambda's own measure, which is there whenever a turn was; fulfilment's alone."""
        query = {
            "Namespace": "AWS/Lambda",
            "MetricName": "Duration",
            "Dimensions": [
                {"Name": "FunctionName", "Value": function_name(self.stage, FULFILLMENT)}
            ],
        }
        results = pages(
            self._ctx.clients.of("cloudwatch").get_metric_data,
            "MetricDataResults",
            MetricDataQueries=[
                {"Id": "busy", "MetricStat": {"Metric": query, "Period": 60, "Stat": "Sum"}}
            ],
            StartTime=self.now - timedelta(minutes=LOAD_MINUTES),
            EndTime=self._end,
        )
        milliseconds = [value for result in results for value in result["Values"]]
        warm = provisioned(self._ctx, self.live_version) or {}
        count = int(warm.get("AvailableProvisionedConcurrentExecutions", 0))
        return Load(max(milliseconds, default=0.0) / 60_000, count)

    @fact
    def team(self) -> Team:
        """The stage's table of the team's file."""
        return team(self.stage)

    @fact
    def lease(self) -> str:
        """Who is at work on the stage, as a sentence; "" when nobody is."""
        return _seen(lambda: held(self._ctx))

    @fact
    def unfinished(self) -> Record | None:
        """The record of a release that neither ended nor was taken back."""
        return _seen(lambda: unfinished(self._ctx))

    @fact
    def caller(self) -> str:
        """Who asks, as STS tells it."""
        return str(self._ctx.clients.of("sts").get_caller_identity()["Arn"])


def _seen(read: Callable[[], T]) -> T:
    """What cannot be read of the records is not observed, whatever the reason."""
    try:
        return read()
    except OpsError as error:
        raise Unobserved(str(error)) from error


def _code(ctx: Context, qualifier: str) -> AnsweringCode | None:
    configuration = found(
        ctx.clients.lambda_.get_function_configuration,
        FunctionName=function_name(ctx.stage, FULFILLMENT),
        Qualifier=qualifier,
    )
    return deployed_code(configuration) if configuration else None
