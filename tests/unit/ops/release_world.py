"""A stage whose versions answer turns: what a release by shares is judged by, without a sandbox."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from ops_fakes import FakeClient, FakeLambda, World, client_error

from ops.aws import Clients
from ops.stages import FULFILLMENT, function_name
from ops.steps import Context

GROUP = "/aws/lambda/atlas-local-lex_fulfillment"
LIVE = function_name("local", FULFILLMENT)


def turn_line(version: str, session: str, **changes: Any) -> str:
    """A turn's line as the app writes it; milliseconds as TurnLatency."""
    line = {
        "message": "turn",
        "version": version,
        "session": session,
        "TurnLatency": 3.0,
        "Failed": 0.0,
        "start": "provisioned",
        "source": "memory",
    }
    return json.dumps(line | changes)


class FakeLogs(FakeClient):
    """One log group with its events; pages of 25, patterns left to the reader."""

    service = "logs"

    def __init__(self, timeline: list[tuple[str, dict[str, Any]]]) -> None:
        super().__init__(timeline)
        self.events: list[dict[str, Any]] = []
        self.is_there = True

    def write(self, at: float, version: str, message: str) -> None:
        """One event at `at`, epoch seconds."""
        self.events.append(
            {
                "eventId": str(len(self.events)),
                "timestamp": int(at * 1000),
                "logStreamName": f"2026/11/24/[{version}]abc",
                "message": message,
            }
        )

    def on_filter_log_events(
        self, logGroupName: str, startTime: int, nextToken: str = "0", **_: Any
    ) -> dict[str, Any]:
        if not self.is_there:
            raise client_error("ResourceNotFoundException", "FilterLogEvents")
        assert logGroupName == GROUP
        found = [event for event in self.events if event["timestamp"] >= startTime]
        at = int(nextToken)
        page: dict[str, Any] = {"events": found[at : at + 25]}
        return page | ({"nextToken": str(at + 25)} if at + 25 < len(found) else {})


class TurnLambda(FakeLambda):
    """Versions that answer synthetic turns as `answer_turn` says."""

    answer_turn: Callable[[str, dict[str, Any]], dict[str, Any]]

    def on_invoke(self, FunctionName: str, Qualifier: str, Payload: bytes) -> dict[str, Any]:
        event = json.loads(Payload)
        if "sessionId" not in event:
            return super().on_invoke(FunctionName, Qualifier, Payload)
        return self.answer_turn(Qualifier, event)

    def on_update_alias(
        self, FunctionName: str, RevisionId: str = "", **changes: Any
    ) -> dict[str, Any]:
        alias = self.aliases[FunctionName]
        if RevisionId and RevisionId != alias.get("RevisionId"):
            raise client_error("PreconditionFailedException", "UpdateAlias")
        number = int(alias.get("RevisionId", "r0")[1:]) + 1
        return super().on_update_alias(FunctionName, **changes, RevisionId=f"r{number}")

    def on_list_aliases(self, FunctionName: str) -> dict[str, Any]:
        return {"Aliases": [self.aliases[FunctionName]] if FunctionName in self.aliases else []}

    def on_delete_function(self, FunctionName: str, Qualifier: str) -> dict[str, Any]:
        kept = [v for v in self.versions[FunctionName] if v["Version"] != Qualifier]
        self.versions[FunctionName] = kept
        return {}


@dataclass
class Faults:
    """What a version's turns show, by version: changes of its line, or a crash."""

    lines: dict[str, dict[str, Any]] = field(default_factory=dict)
    crashing: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    for_visitors_alone: bool = False


class ReleaseWorld(World):
    """A world in which each look at the logs is preceded by visitors' turns, as the aliases say."""

    def __init__(self) -> None:
        super().__init__()
        lambda_ = TurnLambda(self.timeline)
        lambda_.__dict__ |= {k: v for k, v in self.lambda_.__dict__.items() if k != "fail_next"}
        self.lambda_ = lambda_
        self.lex._lambda = lambda_
        lambda_.answer_turn = self._synthetic
        self.logs = FakeLogs(self.timeline)
        self.faults = Faults()
        self.visitors_per_second = 0.0
        self.visitors = 0
        self.shares: list[tuple[str, dict[str, float]]] = []

    def context(self, dry_run: bool = False) -> Context:
        made = super().context(dry_run)
        other = {"logs": self.logs}
        clients = Clients(
            self.lambda_, self.lex, self.dynamodb, self.stepfunctions, other.__getitem__
        )
        waiter = replace(made.waiter, sleep=self._passing)
        return replace(made, clients=clients, waiter=waiter)

    def _passing(self, seconds: float) -> None:
        """Time passes, and visitors come."""
        self._sleep(seconds)
        for _ in range(round(self.visitors_per_second * seconds)):
            self.visitors += 1
            version = self._drawn(self.visitors)
            self._say(version, f"visitor-{self.visitors}", is_visitor=True)

    def _drawn(self, number: int) -> str:
        """The version that the alias gives the turn of that number: spread evenly."""
        alias = self.lambda_.aliases[LIVE]
        beside = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
        for version, weight in beside.items():
            if int(number * weight) > int((number - 1) * weight):
                return str(version)
        return str(alias["FunctionVersion"])

    def _say(self, version: str, session: str, *, is_visitor: bool) -> bool:
        """Whether the turn was answered; its line is in the logs then."""
        is_faulty = is_visitor or not self.faults.for_visitors_alone
        at = self._time().timestamp()
        if is_faulty and version in self.faults.crashing:
            self.logs.write(at, version, "[ERROR] RuntimeError: no\nTraceback ...")
            return False
        if version not in self.faults.silent:
            changes = self.faults.lines.get(version, {}) if is_faulty else {}
            self.logs.write(at, version, turn_line(version, session, **changes))
        return True

    def _synthetic(self, version: str, event: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = {"StatusCode": 200, "Payload": io.BytesIO(b"{}")}
        is_answered = self._say(version, event["sessionId"], is_visitor=False)
        return answer if is_answered else answer | {"FunctionError": "Unhandled"}

    def weights(self) -> list[tuple[str, str, dict[str, float]]]:
        """Every move of an alias so far: function, main version, weights beside it."""
        return [
            (
                p["FunctionName"],
                p["FunctionVersion"],
                p["RoutingConfig"]["AdditionalVersionWeights"],
            )
            for name, p in self.timeline
            if name == "update_alias"
        ]
