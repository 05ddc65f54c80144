"""`ops watch`: the figures, what is kept before a release, what is worse, and how a watch ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from ops_fakes import client_error
from preflight_world import LIVE, PreflightWorld

from chalicelib.answer import Source
from ops import records
from ops import release as releasing
from ops.__main__ import main
from ops.errors import RefusedError, UnavailableError
from ops.route import Route
from ops.stages import FULFILLMENT
from ops.steps import Context, Done
from ops.watch import verb, watching
from ops.watch.baseline import baseline_of, note_baseline
from ops.watch.comparing import worse
from ops.watch.figures import SOURCES, ChannelFigures, Figures, figures
from ops.watch.watching import FAILURES, Watch

DEADLINE = 800.0


def channel(turns: float = 1000, **changes: Any) -> ChannelFigures:
    sources = {"memory": 0.7 * turns, "model": 0.29 * turns, "grounded": 0.01 * turns}
    usual = ChannelFigures(turns, 0.0, 0.0, 100.0, 600.0, sources)
    return replace(usual, **changes)


def stage(crashed: float = 0, model_usd: float = 1.0, **chat: Any) -> Figures:
    """1,000 turns of chat with those changes, and nobody on the phone."""
    return Figures({"chat": channel(**chat), "phone": channel(0)}, crashed, model_usd)


USUAL = stage()


@pytest.mark.parametrize(
    ("now", "kinds"),
    [
        (stage(), []),
        (stage(failed=12), []),
        (stage(failed=25), ["turns failed"]),
        (stage(crashed=25), ["turns failed"]),
        (stage(cold=25), []),
        (stage(cold=40), ["turns started cold"]),
        (stage(sources={"grounded": 110}), []),
        (stage(sources={"grounded": 150}), ["turns were without a model's words"]),
        (stage(average_ms=149), []),
        (stage(average_ms=151), ["chat's average is 151 ms (before 100 ms, allowed 150 ms)"]),
        (stage(p99_ms=899), []),
        (stage(p99_ms=901), ["chat's p99 is 901 ms (before 600 ms, allowed 900 ms)"]),
        (stage(model_usd=1.49), []),
        (stage(model_usd=1.51), ["models cost 1.51 USD per 1,000 turns (before 1.00, allowed"]),
    ],
)
def test_each_figure_is_worse_from_its_factor_on(now: Figures, kinds: list[str]) -> None:
    found = worse(now, USUAL, DEADLINE)
    assert len(found) == len(kinds)
    assert all(kind in text for kind, text in zip(kinds, found, strict=True))


def test_what_was_usual_before_is_no_fault_of_the_new_version() -> None:
    bad = stage(failed=100, cold=100, sources={"grounded": 400}, model_usd=9)
    assert worse(bad, bad, DEADLINE) == []


def test_of_few_turns_nothing_is_said() -> None:
    assert worse(stage(turns=19, failed=19), USUAL, DEADLINE) == []
    assert len(worse(stage(turns=20, failed=19), USUAL, DEADLINE)) == 1


def test_few_turns_say_nothing_of_averages_but_of_failures() -> None:
    few = {"turns": 49, "average_ms": 5000, "p99_ms": 5000}
    assert worse(stage(**few, model_usd=50), USUAL, DEADLINE) == []
    assert len(worse(stage(**few, failed=5), USUAL, DEADLINE)) == 1


@pytest.mark.parametrize(("p99_ms", "is_worse"), [(1000, False), (1001, True)])
def test_without_a_time_before_the_deadline_holds(p99_ms: float, is_worse: bool) -> None:
    now = stage(p99_ms=p99_ms, average_ms=5000, model_usd=50)
    assert bool(worse(now, stage(turns=0), DEADLINE)) is is_worse


def test_one_channel_does_not_hide_in_the_other() -> None:
    phone = channel(100, average_ms=400)
    now = Figures({"chat": channel(), "phone": phone}, 0, 1)
    before = Figures({"chat": channel(), "phone": channel(100)}, 0, 1)
    [told] = worse(now, before, DEADLINE)
    assert told.startswith("phone's average is 400 ms")


def test_sources_are_the_apps() -> None:
    assert set(SOURCES) == {str(source) for source in Source}


class WatchWorld(PreflightWorld):
    """Version 1 of prod was released at 4 o'clock, as the baseline of that version tells."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[tuple[str, str], float] = {}
        self.asked: dict[tuple[datetime, datetime], None] = {}
        self.cloudwatch.measured = self._measured
        self.measure(1000)

    def measure(self, turns: float, **changes: float) -> None:
        """What chat's metrics say from now on, whenever they are asked for."""
        usual = {"Turns": turns, "Failed": 0, "ColdStart": 0, "TurnLatency": 100 * turns}
        usual |= {"p99": 600, "AnswerSource.memory": turns, "Errors": 0, "EstimatedCost": 1}
        self.values = {("chat", name): value for name, value in (usual | changes).items()}

    def _measured(
        self, name: str, dimensions: dict[str, str], statistic: str, begin: datetime, end: datetime
    ) -> float | None:
        if name == "Errors":
            assert dimensions == {"FunctionName": LIVE}
            self.asked[begin, end] = None
        else:
            assert dimensions["Stage"] == "prod"
        which = statistic if statistic == "p99" else name
        return self.values.get((dimensions.get("Channel", "chat"), which))

    def release(self) -> None:
        """The records that a release leaves."""
        route = Route({FULFILLMENT: "0"}, {FULFILLMENT: "1"}, "BOT0000001", "ALIAS00001", "1", "2")
        note_baseline(self.context(), route)
        route.note(self.context(), "released")


@pytest.fixture
def world() -> WatchWorld:
    world = WatchWorld()
    world.release()
    return world


def watched(world: WatchWorld, hours: float = 1, every: float = 600) -> tuple[list[str], Watch]:
    watch = Watch.of(world.context(), hours, every)
    return watch.run(lambda text: None), watch


def test_figures_are_read_by_channel_and_by_stage(world: WatchWorld) -> None:
    end = world.context().now()
    world.measure(50, Errors=2, EstimatedCost=0.25, Failed=1)
    found = figures(world.context(), end - timedelta(hours=24), end)
    chat = ChannelFigures(50, 1, 0, 100.0, 600.0, {"memory": 50})
    assert found.channels["chat"] == chat
    assert found.channels["phone"].turns == 0
    assert (found.crashed, found.model_usd, found.turns, found.failed) == (2, 0.25, 52, 3)
    assert Figures.of(json.loads(json.dumps(found.to_json()))) == found


@pytest.mark.parametrize(("seconds", "period"), [(30, 60), (900, 900), (86_400, 3600)])
def test_hours_are_read_by_the_hour_and_less_as_a_whole(
    world: WatchWorld, seconds: float, period: int
) -> None:
    end = world.context().now()
    world.timeline.clear()
    figures(world.context(), end - timedelta(seconds=seconds), end)
    asked = [params for name, params in world.timeline if name == "get_metric_data"]
    assert {q["MetricStat"]["Period"] for one in asked for q in one["MetricDataQueries"]} == {
        period
    }


def test_p99_of_hours_is_weighted_by_their_turns(
    world: WatchWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = world.context().now()
    hours = [end - timedelta(hours=2), end - timedelta(hours=1)]
    by_hour = {"Turns": (300.0, 100.0), "TurnLatency": (0.0, 0.0), "p99": (200.0, 600.0)}

    def result(query: Any, begin: datetime, end: datetime) -> dict[str, Any]:
        stat = query["MetricStat"]
        name = "p99" if stat["Stat"] == "p99" else stat["Metric"]["MetricName"]
        values = by_hour.get(name, ())
        return {"Id": query["Id"], "Timestamps": hours[: len(values)], "Values": values}

    monkeypatch.setattr(world.cloudwatch, "_result", result)
    assert figures(world.context(), hours[0], end).channels["chat"].p99_ms == 300


def test_the_day_before_is_kept_once_for_a_version(world: WatchWorld) -> None:
    kept = baseline_of(world.context(), "1")
    assert kept is not None
    begin, end = (datetime.fromisoformat(kept[name]) for name in ("begin", "end"))
    assert end - begin == timedelta(hours=24)
    assert Figures.of(kept["figures"]).turns == 1000
    world.measure(7)
    route = Route({FULFILLMENT: "0"}, {FULFILLMENT: "1"})
    assert note_baseline(world.context(), route).detail == "kept by the run before"
    assert baseline_of(world.context(), "1") == kept
    assert baseline_of(world.context(), "2") is None


def test_release_keeps_the_day_before_anything_moves(
    world: WatchWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in ("scale", "stop_scaling", "prune"):
        monkeypatch.setattr(releasing, step, lambda *_: Done(None, ""))
    steps = world.steps()
    releasing.release(world.context(), steps, is_warmed=False, at_once=True)
    titles = [record["step"] for record in steps.records]
    assert titles.index("keep what was usual") < titles.index("provision fulfilment")
    kept = baseline_of(world.context(), "2")
    assert kept is not None
    assert (kept["former"], kept["figures"]["channels"]["chat"]["turns"]) == ("1", 1000)


def test_first_release_and_one_of_nothing_new_keep_nothing(
    world: WatchWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in ("scale", "stop_scaling", "prune"):
        monkeypatch.setattr(releasing, step, lambda *_: Done(None, ""))
    world.unrelease()
    world.prod.items.clear()
    for _ in range(2):
        steps = world.steps()
        releasing.release(world.context(), steps, is_warmed=False, at_once=True)
        assert "keep what was usual" not in [record["step"] for record in steps.records]


def test_release_does_not_stop_where_cloudwatch_does_not_tell(world: WatchWorld) -> None:
    world.cloudwatch.fail_next["get_metric_data"] = client_error("AccessDenied", "GetMetricData")
    done = note_baseline(world.context(), Route({FULFILLMENT: "1"}, {FULFILLMENT: "2"}))
    assert "`watch` has nothing to compare with" in done.detail
    assert not done.changed
    assert baseline_of(world.context(), "2") is None


def test_dry_run_keeps_nothing(world: WatchWorld) -> None:
    route = Route({FULFILLMENT: "1"}, {FULFILLMENT: "(new)"})
    assert note_baseline(world.context(dry_run=True), route).changed
    assert baseline_of(world.context(), "(new)") is None


def test_a_good_version_is_looked_at_until_the_time_is_over(world: WatchWorld) -> None:
    found, watch = watched(world)
    assert found == []
    released = watch.released
    minutes = [round((report.at - released).total_seconds() / 60) for report in watch.reports]
    assert minutes == [0, 10, 20, 30, 40, 50, 60]
    assert [end for begin, end in world.asked if begin == released] == [
        report.at for report in watch.reports
    ]


def test_a_worse_version_ends_the_watch_at_once(world: WatchWorld) -> None:
    world.measure(1000, Failed=50)
    found, watch = watched(world)
    assert found == ["50 of 1000 turns failed (5.0%; before 0.0%, allowed 1.0%)"]
    assert len(watch.reports) == 1


def test_what_went_wrong_lately_is_not_hidden_by_the_hours_before(world: WatchWorld) -> None:
    plain = world._measured

    def lately(name: str, *more: Any) -> float | None:
        begin, end = more[2:]
        is_late = (end - begin) <= timedelta(minutes=10) and end.hour * 60 + end.minute >= 270
        is_chats = name == "Failed" and more[0]["Channel"] == "chat"
        return 60.0 if is_chats and is_late else plain(name, *more)

    world.cloudwatch.measured = lately
    found, watch = watched(world)
    assert found == [
        "since 04:20, 60 of 1000 turns failed (6.0%; before 0.0%, allowed 1.0%)",
    ]
    assert watch.reports[-1].at.minute == 30


def test_alarms_that_ring_are_told_and_end_nothing(world: WatchWorld) -> None:
    world.cloudwatch.alarms["atlas-prod-lex-p99"]["StateValue"] = "ALARM"
    found, watch = watched(world)
    assert found == []
    assert watch.reports[0].ringing == ["atlas-prod-lex-p99"]
    assert "rings  atlas-prod-lex-p99" in watch.reports[0].text()


def test_a_later_watch_counts_from_the_release(world: WatchWorld) -> None:
    world.now = 3000
    _, watch = watched(world)
    assert len(watch.reports) == 2
    world.now = 90_000
    _, watch = watched(world)
    assert len(watch.reports) == 1


def test_too_few_turns_are_no_proof(world: WatchWorld) -> None:
    world.measure(19)
    with pytest.raises(RefusedError, match="only 19 turns came since the release"):
        watched(world)


def test_another_version_ends_the_watch(world: WatchWorld) -> None:
    world.lambda_.aliases[LIVE]["FunctionVersion"] = "9"
    with pytest.raises(RefusedError, match="version 1 is watched, and 9 is live: the watch is"):
        watched(world)


def test_a_release_on_its_way_ends_the_watch(world: WatchWorld) -> None:
    weights = {"AdditionalVersionWeights": {"2": 0.5}}
    world.lambda_.aliases[LIVE]["RoutingConfig"] = weights
    with pytest.raises(RefusedError, match="1 is live, and traffic is divided"):
        watched(world)


def test_one_look_that_fails_is_told_and_the_next_one_goes_on(world: WatchWorld) -> None:
    denied = client_error("ThrottlingException", "GetMetricData")
    world.cloudwatch.fail_next["get_metric_data"] = denied
    said: list[str] = []
    watch = Watch.of(world.context(), 1, 600)
    assert watch.run(said.append) == []
    assert "cannot be read: " in said[0]
    assert len(watch.reports) == 6


def test_looks_that_fail_again_and_again_end_the_watch(
    world: WatchWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise client_error("AccessDenied", "GetMetricData")

    monkeypatch.setattr(watching, "figures", refuse)
    with pytest.raises(UnavailableError, match=f"{FAILURES} looks in a row read nothing"):
        watched(world)
    assert world.now == 600 * (FAILURES - 1)


def test_last_look_that_fails_is_no_proof(world: WatchWorld) -> None:
    world.now = 90_000
    denied = client_error("ThrottlingException", "GetMetricData")
    world.cloudwatch.fail_next["get_metric_data"] = denied
    with pytest.raises(UnavailableError, match="its last look read nothing"):
        watched(world)


@pytest.mark.parametrize("outcome", ["begun", "rolling_back", "rolled_back"])
def test_without_a_release_there_is_nothing_to_watch(world: WatchWorld, outcome: str) -> None:
    records.write(world.context(), "release", outcome=outcome)
    with pytest.raises(RefusedError, match=f"the last one was {outcome.replace('_', ' ')}"):
        watched(world)


def test_a_first_release_has_nothing_to_be_compared_with(world: WatchWorld) -> None:
    world.prod.items = {key: i for key, i in world.prod.items.items() if key[0] != "baseline"}
    with pytest.raises(RefusedError, match="nothing was kept of the time before version 1"):
        watched(world)
    world.prod.items.clear()
    with pytest.raises(RefusedError, match="the last one was never begun"):
        watched(world)


@pytest.fixture
def typed(world: WatchWorld, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """`ops watch --stage prod` on the world, typed at its own time."""
    monkeypatch.setattr(verb, "clients", lambda stage: world.context().clients)
    monkeypatch.setattr(verb, "Context", lambda *given: world.context(dry_run=given[3]))
    return lambda *words: main(["watch", "--stage", "prod", *words])


@pytest.fixture
def taken_back(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The reasons for which the version was rolled back."""
    reasons: list[str] = []

    def roll_back(ctx: Context, steps: Any, *, reason: str) -> Route:
        if not ctx.dry_run:
            reasons.append(reason)
        return Route({FULFILLMENT: "0"}, {FULFILLMENT: "1"})

    monkeypatch.setattr(watching, "roll_back", roll_back)
    return reasons


def test_good_is_exit_code_0(
    typed: Callable[..., int], taken_back: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("--hours", "1", "--roll-back") == 0
    out = capsys.readouterr().out
    assert out.startswith("before: 1000 turns, 0 failed, 0 cold; chat 100 ms, p99 600 ms")
    assert out.endswith("Version 1 is no worse than before.\n")
    assert taken_back == []


def test_worse_is_exit_code_1_and_names_the_way_back(
    world: WatchWorld,
    typed: Callable[..., int],
    taken_back: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    world.measure(1000, p99=2000)
    assert typed() == 1
    assert "`python -m ops rollback --stage prod` goes back" in capsys.readouterr().err
    assert taken_back == []


def test_worse_is_taken_back_when_told_to(
    world: WatchWorld,
    typed: Callable[..., int],
    taken_back: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    world.measure(1000, p99=2000)
    assert typed("--roll-back", "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["rolled_back"] == "rolled back from version 1 to 0"
    assert told["worse"] == ["chat's p99 is 2000 ms (before 600 ms, allowed 900 ms)"]
    assert told["reports"][0]["channels"]["chat"]["p99_ms"] == 2000
    assert taken_back == [f"watch: {told['worse'][0]}"]


def test_dry_run_takes_nothing_back(
    world: WatchWorld,
    typed: Callable[..., int],
    taken_back: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    world.measure(1000, p99=2000)
    assert typed("--roll-back", "--dry-run") == 1
    assert "would be rolled back from version 1" in capsys.readouterr().err
    assert taken_back == []


def test_json_tells_an_error_too(
    world: WatchWorld, typed: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    world.measure(3)
    assert typed("--json", "--hours", "0.1") == 1
    assert json.loads(capsys.readouterr().out)["error"].startswith("only 3 turns came")


@pytest.mark.parametrize("words", [("--hours", "0"), ("--hours", "400"), ("--every", "x")])
def test_bounds_are_usage(typed: Callable[..., int], words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as usage:
        typed(*words)
    assert usage.value.code == 2
