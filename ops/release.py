"""The order in which a deploy becomes live; docs/decisions/0040-release-order.md says why so.

How traffic moves in steps, and back, is docs/decisions/0073-weighted-release.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ops.chain import Chain, verify
from ops.commit import commit
from ops.lambda_aliases import limit_asynchronous, move_aliases
from ops.lambda_versions import check_health, check_one_zip, find_functions, publish_versions
from ops.lease import Lease, leased
from ops.lex_release import Bot, allow_lex, bind_alias, bound_version, find_bot, publish_bot
from ops.pace import PACES, Pace
from ops.provisioned import free_older, provision
from ops.pruning import prune
from ops.rollback import RolledBackError, free_tried, point_back, take_back, unfinished
from ops.route import Route, Versions
from ops.scaling import scale, stop_scaling
from ops.shift import back, standing
from ops.stages import FULFILLMENT
from ops.steps import Context, Done, Steps
from ops.stepwise import FaultyVersionError, Stepwise
from ops.tables import find_tables
from ops.warming import warm
from ops.watch.baseline import note_baseline
from ops.workflow import allow_rules, find_workflow

Configurations = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Care:
    """How a release treats its visitors; without a pace everything moves at once, unjudged."""

    pace: Pace | None
    is_warmed: bool
    is_rehearsed: bool


def release(
    ctx: Context,
    steps: Steps,
    *,
    is_warmed: bool = True,
    at_once: bool | None = None,
    pace: Pace | None = None,
    is_rehearsed: bool = True,
) -> Chain | None:
    """Make the deployed code live, in an order in which traffic never meets a cold version.

    `is_warmed`: the shared answers are made before the first environment is provisioned.
    `at_once`: everything moves in one step, unjudged; unless said, on stage `local` alone. A
    first release always does. `pace`: the stage's own unless given. `is_rehearsed`: turns are
    made at the new version before a visitor may meet it.

    Every step looks before it changes, so a second run changes nothing and an interrupted one is
    completed by the next. Returns the verified chain, or None for a dry run. Raises OpsError;
    RolledBackError when the new version was worse than is allowed and the former is live again.
    """
    is_at_once = ctx.stage == "local" if at_once is None else at_once
    care = _Care(None if is_at_once else pace or PACES[ctx.stage], is_warmed, is_rehearsed)
    functions = steps.run("find the functions", lambda: find_functions(ctx))
    steps.run("find the tables", lambda: find_tables(ctx, functions))
    steps.run("find the workflow", lambda: find_workflow(ctx, functions))
    bot = steps.run("find the bot", lambda: find_bot(ctx))
    with leased(ctx, "release") as (held, lease):
        return _Release(held, steps, lease, care, functions, bot).run()


@dataclass(slots=True)
class _Release:
    """One release, once its lease is held."""

    ctx: Context
    steps: Steps
    lease: Lease
    care: _Care
    functions: Configurations
    bot: Bot

    def run(self) -> Chain | None:
        ctx, steps, functions = self.ctx, self.steps, self.functions
        steps.run("look for an unfinished one", self._complete_roll_back)
        versions = steps.run("publish versions", lambda: publish_versions(ctx, functions))
        steps.run("invoke each new version", lambda: check_health(ctx, versions))
        steps.run("compare the zips", lambda: check_one_zip(ctx, functions))
        if self.care.is_warmed:
            steps.run("warm the answers", lambda: warm(ctx, versions))
        route = steps.run("find what is live", lambda: self._route(versions))
        stepwise = self._stepwise(route)
        self._note_baseline(route)
        self._provision(route)
        try:
            self._move(route, stepwise)
            chain = self._bind(route, stepwise)
        except FaultyVersionError as fault:
            if stepwise is None:
                raise
            raise self._rolled_back(route, stepwise, fault) from fault
        self._finish(route, stepwise)
        return None if ctx.dry_run or chain is None else steps.run("verify the chain", chain)

    def _complete_roll_back(self) -> Done[None]:
        """What was being taken back is taken back first."""
        record = unfinished(self.ctx)
        if record is None or record["outcome"] != "rolling_back" or self.ctx.dry_run:
            return Done(None, "none" if record is None else f"{record['outcome']} {record['at']}")
        route = Route.of(record)
        take_back(self.ctx, self.steps, route)
        free_tried(self.ctx, self.steps, route)
        route.note(self.ctx, "rolled_back", reason="completed")
        return Done(None, f"completed the roll-back of {record['at']}", True)

    def _route(self, versions: Versions) -> Done[Route]:
        """From what is live; a half-done shift to other versions than these is taken back first."""
        now, record = standing(self.ctx), unfinished(self.ctx)
        is_same = record is not None and record["versions"] == versions
        before: Versions = record["former"] if record is not None else {}
        detail, is_changed = "", False
        if not is_same and (record is not None or now.is_divided):
            back(self.ctx, {name: before.get(name, main) for name, main in now.main.items()})
            if record is not None:
                point_back(self.ctx, Route.of(record))
            detail, is_changed = "a half-done release was taken back; ", True
            now = standing(self.ctx) if not self.ctx.dry_run else now
        former = {
            name: main if main != versions.get(name) else before.get(name, main)
            for name, main in now.main.items()
        }
        route = Route(former, versions, facts=self._facts())
        if is_same and record is not None:
            route.former_bot_version = record["former_bot_version"]
        live = former.get(FULFILLMENT, "none")
        return Done(route, f"{detail}version {live} of {FULFILLMENT}", is_changed)

    def _facts(self) -> dict[str, Any]:
        return {"code_sha256": self.functions[FULFILLMENT]["CodeSha256"], "commit": commit()}

    def _stepwise(self, route: Route) -> Stepwise | None:
        if self.care.pace is None or route.is_first or not route.is_new:
            return None
        return Stepwise.of(self.ctx, self.lease, route, self.care.pace)

    def _note_baseline(self, route: Route) -> None:
        """Nobody watches a sandbox, and before a first release nothing was usual."""
        if self.ctx.stage != "local" and route.is_new and not route.is_first:
            self.steps.run("keep what was usual", lambda: note_baseline(self.ctx, route))

    def _provision(self, route: Route) -> None:
        ctx, live = self.ctx, route.versions[FULFILLMENT]
        former = "" if route.is_first else route.former[FULFILLMENT]
        self.steps.run("provision fulfilment", lambda: provision(ctx, live, former))
        self.steps.run("scale fulfilment", lambda: scale(ctx, live))

    def _move(self, route: Route, stepwise: Stepwise | None) -> None:
        ctx, steps = self.ctx, self.steps
        if route.is_new:
            route.note(ctx, "begun")
        if stepwise:
            stepwise.run(steps, is_rehearsed=self.care.is_rehearsed)
        self._own()
        steps.run("move the Lambda aliases", lambda: move_aliases(ctx, route.versions))
        if stepwise:
            steps.run("judge it at 100%", lambda: stepwise.judge("100%"))
        steps.run("let event rules invoke", lambda: allow_rules(ctx, self.functions))

    def _own(self) -> None:
        """RefusedError when a roll-back has taken the lease: what it did must stand."""
        if not self.ctx.dry_run:
            self.lease.check()

    def _bind(self, route: Route, stepwise: Stepwise | None) -> Any:
        """Give Lex the new code and the new bot; what reads the chain back."""
        ctx, steps, bot = self.ctx, self.steps, self.bot
        arn = self.functions[FULFILLMENT]["FunctionArn"].removesuffix(":$LATEST")
        alias_id = steps.run("let Lex invoke", lambda: allow_lex(ctx, bot, arn))
        route.bot_id, route.lex_alias_id = bot.bot_id, alias_id
        # An interrupted run may have moved the alias; then the record knows where it stood.
        route.former_bot_version = route.former_bot_version or bound_version(
            ctx, bot.bot_id, alias_id
        )
        version = steps.run("publish the bot", lambda: publish_bot(ctx, bot))
        route.bot_version = version
        self._own()
        if route.is_new or version != route.former_bot_version:
            route.note(ctx, "begun")
        steps.run("bind the Lex alias", lambda: bind_alias(ctx, bot, alias_id, version, arn))
        if stepwise and version != route.former_bot_version:
            steps.run("judge it with the bot", lambda: stepwise.judge(f"bot {version}"))
        return lambda: verify(ctx, bot, alias_id, arn)

    def _finish(self, route: Route, stepwise: Stepwise | None) -> None:
        """Free, limit and prune; and write down what was released, and what it took."""
        ctx, steps, live = self.ctx, self.steps, route.versions[FULFILLMENT]
        self._own()
        steps.run("scale the live version alone", lambda: stop_scaling(ctx, live))
        steps.run("free older versions", lambda: free_older(ctx, live))
        steps.run("limit asynchronous invokes", lambda: limit_asynchronous(ctx))
        if route.is_new or route.bot_version != route.former_bot_version:
            facts = self._judged(stepwise)
            self.steps.facts |= {"release": {**route.to_json(), **facts}}
            route.note(ctx, "released", **facts)
        steps.run("prune old versions", lambda: prune(ctx, self.bot, *_kept(route)))

    def _judged(self, stepwise: Stepwise | None) -> dict[str, Any]:
        if stepwise is None:
            return {"judged": []}
        met = {} if self.ctx.dry_run else stepwise.noticed().to_json()
        return {"judged": stepwise.judged, "noticed": met}

    def _rolled_back(
        self, route: Route, stepwise: Stepwise, fault: FaultyVersionError
    ) -> RolledBackError:
        """Take everything back, then count who noticed, once the last of their lines are in."""
        ctx, tried = self.ctx, route.versions[FULFILLMENT]
        route.note(ctx, "rolling_back", reason=str(fault))
        take_back(ctx, self.steps, route)
        free_tried(ctx, self.steps, route)
        met = stepwise.noticed()
        facts = {"judged": stepwise.judged, "noticed": met.to_json(), "reason": str(fault)}
        self.steps.facts |= {"release": {**route.to_json(), **facts, "outcome": "rolled_back"}}
        route.note(ctx, "rolled_back", **facts)
        return RolledBackError(
            f"rolled back to version {route.former[FULFILLMENT]}, because version {tried} had "
            f"{fault}; {met.text()}"
        )


def _kept(route: Route) -> tuple[dict[str, set[str]], set[str]]:
    """What pruning has to leave: this release's versions, and those to go back to."""
    both = (route.former, route.versions)
    keep = {name: {one[name] for one in both if name in one} for name in route.versions}
    return keep, {route.bot_version, route.former_bot_version}
