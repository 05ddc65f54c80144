"""`ops preflight`: a stage that may be released to, each row broken alone, and who goes ahead."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ops_fakes import client_error
from preflight_world import LIVE, ON_DEV, PreflightWorld
from watching_fakes import CALLER

from ops import deploy as deploying
from ops import records, release_verb
from ops.__main__ import main
from ops.alarms import ALARMS
from ops.answering_code import deployed_code
from ops.errors import RefusedError
from ops.lease import LEASE_SECONDS, Lease
from ops.preflight import gate as gating
from ops.preflight import verb
from ops.preflight.gate import Pass, gate, preflight
from ops.preflight.rows import (
    PROOF_ROWS,
    RINGS_BEFORE_THE_FIRST_RELEASE,
    RINGS_WITHOUT_VISITORS,
    ROWS,
    is_within,
    rows_of,
)

REASON = "the account has no stage dev"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> PreflightWorld:
    world = PreflightWorld()
    monkeypatch.setattr("ops.preflight.ground.team", lambda stage: world.team)
    monkeypatch.setattr(gating, "commit", lambda: "abc")
    return world


def found(world: PreflightWorld) -> dict[str, tuple[str, str]]:
    """Every row's status and what it found."""
    findings = preflight(world.context()).findings
    return {f.row.name: (f.verdict.status, f.verdict.found) for f in findings}


def refused(world: PreflightWorld) -> dict[str, str]:
    return {name: text for name, (status, text) in found(world).items() if status != "pass"}


def test_a_proved_version_may_go_to_a_quiet_stage(world: PreflightWorld) -> None:
    before = len(world.changes())
    told = found(world)
    assert {status for status, _ in told.values()} == {"pass"}
    assert len(told) == len(ROWS) + len(PROOF_ROWS)
    assert told["released-on-dev"][1] == "code code-2 is live on dev since 2026-11-24T04:00, abc"
    assert told["evaluated-on-dev"][1] == "passed 2026-11-24T04:00: 2 models"
    assert told["way-back"][1].startswith("version 1 of lex_fulfillment")
    assert len(world.changes()) == before


def test_every_row_says_why_and_what_to_do() -> None:
    for row in rows_of("prod"):
        assert row.why
        assert row.do.format(stage="prod")


def other_code_on_dev(world: PreflightWorld) -> None:
    world.lambda_.deploy("dev", "code-3")
    world.make_live("dev")
    world.prove()
    world.evaluate(**deployed_code(world.lambda_.functions[LIVE]).to_json())


def other_routes_on_dev(world: PreflightWorld) -> None:
    [version] = world.lambda_.versions[ON_DEV]
    variables = version["Environment"]["Variables"]
    version["Environment"] = {"Variables": variables | {"MODEL_ROUTES": '{"simple": {}}'}}


def dev_is_moving(world: PreflightWorld) -> None:
    weights = {"AdditionalVersionWeights": {"2": 0.5}}
    world.lambda_.aliases[ON_DEV]["RoutingConfig"] = weights


def dev_was_rolled_back(world: PreflightWorld) -> None:
    facts = {"outcome": "rolled_back", "versions": {"lex_fulfillment": "1"}}
    world.now = 60
    records.write(world.on_dev(), "release", **facts)


def no_dev(world: PreflightWorld) -> None:
    del world.lambda_.aliases[ON_DEV]


def never_evaluated(world: PreflightWorld) -> None:
    world.dev.items = {key: i for key, i in world.dev.items.items() if key[0] != "evaluation"}


def evaluated_before_the_change(world: PreflightWorld) -> None:
    never_evaluated(world)
    world.evaluate(code_sha256="code-1", models_sha256="0")


def evaluated_badly(world: PreflightWorld) -> None:
    world.now = 60
    world.prove(passed=False, misses=["haiku facts 40% of golden questions, 80% needed"])


def evaluated_in_part(world: PreflightWorld) -> None:
    world.now = 60
    world.prove(passed=False, lacking=["not every model was asked"])


def version_is_gone(world: PreflightWorld) -> None:
    world.lambda_.versions["atlas-prod-create_lead"].clear()


def alarm_is_missing(world: PreflightWorld) -> None:
    del world.cloudwatch.alarms["atlas-prod-turn-p99-chat"]


def alarm_tells_nobody(world: PreflightWorld) -> None:
    world.cloudwatch.alarms["atlas-prod-turn-p99-chat"]["AlarmActions"] = []


def mail_is_not_confirmed(world: PreflightWorld) -> None:
    world.topics.subscriptions = ("PendingConfirmation",)


def nobody_listens(world: PreflightWorld) -> None:
    world.topics.subscriptions = ()


def no_dashboard(world: PreflightWorld) -> None:
    world.cloudwatch.dashboards.clear()


def alarm_rings(world: PreflightWorld) -> None:
    world.cloudwatch.alarms["atlas-prod-lex-p99"]["StateValue"] = "ALARM"


def leads_are_not_recovered(world: PreflightWorld) -> None:
    world.cloudwatch.alarms["atlas-prod-recovery-stopped"]["StateValue"] = "ALARM"


def many_visitors(world: PreflightWorld) -> None:
    """2 turns at a time all through a minute, of 4 warm environments."""
    world.cloudwatch.measured = lambda *_: 120_000.0


def nothing_is_warm(world: PreflightWorld) -> None:
    del world.lambda_.provisioned[LIVE, "1"]


def frozen(world: PreflightWorld) -> None:
    world.team.change_freezes = ("2026-01-01/2026-01-02", "2026-11-20/2026-11-24")


def too_late(world: PreflightWorld) -> None:
    world.team.release_window = "01:00-04:00"


def another_releases(world: PreflightWorld) -> None:
    Lease(world.context(), "rollback").take()


BREAKS: list[tuple[str, Callable[[PreflightWorld], None], str]] = [
    ("released-on-dev", other_code_on_dev, "code code-2 would be released, and code-3 is live"),
    ("released-on-dev", other_routes_on_dev, "with other models or routes"),
    ("released-on-dev", dev_is_moving, "on its way on dev: versions 1, 2"),
    ("released-on-dev", dev_was_rolled_back, "no record says that version 1 of dev was released"),
    ("released-on-dev", no_dev, "no stage dev is live"),
    ("evaluated-on-dev", never_evaluated, "no evaluation of code code-2 with these models on dev"),
    ("evaluated-on-dev", evaluated_before_the_change, "the last one, 2026-11-24T04:00, judged"),
    ("evaluated-on-dev", evaluated_badly, "2026-11-24T04:01: haiku facts 40%"),
    ("evaluated-on-dev", evaluated_in_part, "not every model was asked"),
    ("way-back", version_is_gone, "no version create_lead 1 any more"),
    ("alarms-present", alarm_is_missing, "missing: turn-p99-chat"),
    ("alarms-wired", alarm_tells_nobody, "atlas-prod-turn-p99-chat does not tell"),
    ("alarms-subscribed", mail_is_not_confirmed, "1 of 1 still to be confirmed"),
    ("alarms-subscribed", nobody_listens, "nobody"),
    ("dashboard", no_dashboard, "there is no dashboard atlas-prod"),
    ("alarms-quiet", alarm_rings, "atlas-prod-lex-p99 rings"),
    ("alarms-quiet", leads_are_not_recovered, "atlas-prod-recovery-stopped rings"),
    ("load", many_visitors, "2.0 turns at a time in the busiest of 15 minutes, 4 warm"),
    ("load", nothing_is_warm, "version 1 has no warm environment"),
    ("change-freeze", frozen, "2026-11-24 is in the change freeze 2026-11-20/2026-11-24"),
    ("release-window", too_late, "04:00 UTC, and the window is 01:00-04:00"),
    ("nobody-else", another_releases, "another rollback of stage prod holds the lease"),
]


@pytest.mark.parametrize(("row", "break_it", "text"), BREAKS, ids=[b[1].__name__ for b in BREAKS])
def test_what_is_broken_refuses_alone(
    world: PreflightWorld, row: str, break_it: Callable[[PreflightWorld], None], text: str
) -> None:
    break_it(world)
    told = refused(world)
    assert list(told) == [row]
    assert text in told[row]


def test_every_row_has_a_test_that_breaks_it() -> None:
    assert {row for row, _, _ in BREAKS} == {row.name for row in rows_of("prod")}


def test_a_first_release_has_no_way_back_no_load_and_one_alarm_that_has_to_ring(
    world: PreflightWorld,
) -> None:
    world.unrelease()
    leads_are_not_recovered(world)
    many_visitors(world)
    told = found(world)
    assert not refused(world)
    assert told["way-back"] == ("pass", "first release")
    assert told["load"][1].startswith("first release")
    assert told["alarms-quiet"][1].startswith("atlas-prod-recovery-stopped alone rings")
    alarm_rings(world)
    assert refused(world) == {"alarms-quiet": "atlas-prod-lex-p99 rings"}


def test_the_alarms_that_may_ring_are_ours() -> None:
    assert {RINGS_BEFORE_THE_FIRST_RELEASE, RINGS_WITHOUT_VISITORS} <= set(ALARMS)


def test_a_quiet_day_keeps_nobody_from_releasing(world: PreflightWorld) -> None:
    world.cloudwatch.alarms["atlas-prod-nobody-served"]["StateValue"] = "ALARM"
    assert not refused(world)
    assert found(world)["alarms-quiet"][1].startswith("atlas-prod-nobody-served alone rings")
    alarm_rings(world)
    assert refused(world) == {"alarms-quiet": "atlas-prod-lex-p99 rings"}


def test_latest_is_no_version_to_go_back_to(world: PreflightWorld) -> None:
    world.lambda_.aliases[LIVE]["FunctionVersion"] = "$LATEST"
    assert found(world)["way-back"] == ("pass", "first release")


@pytest.mark.parametrize(
    ("operation", "rows"),
    [
        ("describe_alarms", ["alarms-present", "alarms-wired", "alarms-quiet"]),
        ("get_dashboard", ["dashboard"]),
        ("get_metric_data", ["load"]),
    ],
)
def test_what_may_not_be_seen_is_unknown_and_no_go(
    world: PreflightWorld, operation: str, rows: list[str]
) -> None:
    denied = client_error("AccessDeniedException", operation)
    world.cloudwatch.fail_next[operation] = denied
    told = {name: one for name, one in found(world).items() if one[0] != "pass"}
    assert list(told) == rows
    assert {status for status, _ in told.values()} == {"unknown"}
    assert all("is not permitted" in text for _, text in told.values())


def test_dev_without_its_table_is_unknown(world: PreflightWorld) -> None:
    world.dev.tables.clear()
    told = {name: one for name, one in found(world).items() if one[0] != "pass"}
    assert {name: status for name, (status, _) in told.items()} == {
        "released-on-dev": "unknown",
        "evaluated-on-dev": "unknown",
    }
    assert "no table atlas-dev-operations: run `python -m ops deploy --stage dev`" in str(told)


def test_a_lease_that_is_over_is_nobodys(world: PreflightWorld) -> None:
    another_releases(world)
    world.now = LEASE_SECONDS + 1
    assert not refused(world)


def test_a_release_that_was_left_is_ended_by_the_next(world: PreflightWorld) -> None:
    records.write(world.context(), "release", outcome="begun")
    assert found(world)["nobody-else"] == (
        "pass",
        "nobody; the one left half-done at 2026-11-24T04:00 is ended by this one",
    )


@pytest.mark.parametrize(
    ("window", "hour", "is_in"),
    [
        ("06:00-09:00", "06:00", True),
        ("06:00-09:00", "08:59", True),
        ("06:00-09:00", "09:00", False),
        ("22:00-04:00", "23:30", True),
        ("22:00-04:00", "03:59", True),
        ("22:00-04:00", "04:00", False),
        ("22:00-04:00", "12:00", False),
    ],
)
def test_window_has_its_first_minute_and_not_its_last(window: str, hour: str, is_in: bool) -> None:
    now = datetime.fromisoformat(f"2026-11-24T{hour}:00+00:00")
    assert is_within(window, now.astimezone(UTC)) is is_in


def test_load_is_looked_at_over_the_last_quarter_of_an_hour(world: PreflightWorld) -> None:
    preflight(world.context())
    [asked] = [params for name, params in world.timeline if name == "get_metric_data"]
    assert world.context().now() - asked["StartTime"] == timedelta(minutes=15)
    assert asked["MetricDataQueries"][0]["MetricStat"]["Period"] == 60


@pytest.mark.parametrize("stage", ["local", "dev"])
def test_stages_that_prove_need_no_proof(stage: str) -> None:
    assert rows_of(stage) == ROWS


def test_gate_lets_a_go_pass(world: PreflightWorld) -> None:
    steps = world.steps()
    gate(world.context(), steps, Pass())
    assert steps.facts["preflight"]["go"] is True
    assert not steps.changed
    assert records.latest(world.context(), "override") is None


def test_gate_names_what_refuses_and_what_to_do(world: PreflightWorld) -> None:
    frozen(world)
    no_dashboard(world)
    with pytest.raises(RefusedError, match=r"refuses: dashboard, change-freeze; .*--override"):
        gate(world.context(), world.steps(), Pass())
    told = world.printed.getvalue()
    assert "--only stacks" in told
    assert "change_freezes in ops/team.toml" in told


def test_override_goes_ahead_and_is_kept(world: PreflightWorld) -> None:
    frozen(world)
    gate(world.context(), world.steps(), Pass(override=REASON))
    kept = records.latest(world.context(), "override")
    assert kept is not None
    assert kept.pop("at")
    assert kept == {
        "reason": REASON,
        "by": CALLER,
        "rows": {"change-freeze": refused(world)["change-freeze"]},
        "code_sha256": "code-2",
        "commit": "abc",
    }


def test_override_of_nothing_is_not_kept(world: PreflightWorld) -> None:
    gate(world.context(), world.steps(), Pass(override=REASON))
    assert records.latest(world.context(), "override") is None


@pytest.mark.parametrize("how", [Pass(), Pass(override=REASON)])
def test_dry_run_tells_and_neither_stops_nor_records(world: PreflightWorld, how: Pass) -> None:
    frozen(world)
    gate(world.context(dry_run=True), world.steps(), how)
    assert "change-freeze" in world.printed.getvalue()
    assert records.latest(world.context(), "override") is None


@pytest.mark.parametrize("stage", ["local", "dev"])
def test_other_stages_have_no_gate(world: PreflightWorld, stage: str) -> None:
    ctx = replace(world.context(), stage=stage)
    world.timeline.clear()
    gate(ctx, world.steps(), Pass())
    assert not world.timeline


def test_profile_that_is_not_there_is_refused(
    world: PreflightWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(RefusedError, match=r"The config profile \(other\) could not be found"):
        preflight(world.context(), "other")


def test_dev_of_another_account_is_read_with_its_own_credentials(
    world: PreflightWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []
    clients = world.context().clients

    def made(stage: str, profile: str) -> Any:
        asked.append((stage, profile))
        return clients

    monkeypatch.setattr(gating, "clients", made)
    assert not preflight(world.context(), "dev-account").refusals
    assert asked == [("dev", "dev-account")]


@pytest.fixture
def typed(world: PreflightWorld, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """`ops preflight --stage prod` on the world, typed at its own time."""
    monkeypatch.setattr(verb, "clients", lambda stage: world.context().clients)
    monkeypatch.setattr(verb, "Context", lambda *given: world.context(dry_run=given[3]))
    return lambda *words: main(["preflight", "--stage", "prod", *words])


def test_go_is_exit_code_0(typed: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert typed() == 0
    assert capsys.readouterr().out.endswith("\n\nGO\n")


def test_no_go_is_exit_code_1_with_what_to_do(
    world: PreflightWorld, typed: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    frozen(world)
    assert typed() == 1
    out = capsys.readouterr().out
    assert "NO-GO  change-freeze" in out
    assert "do:  wait, or change change_freezes" in out
    assert out.endswith("NO-GO: 1 of 12 rows refuse\n")


def test_json_has_every_row(
    world: PreflightWorld, typed: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    mail_is_not_confirmed(world)
    assert typed("--json", "--override", REASON) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["go"] is False
    assert len(told["rows"]) == 12
    assert told["override"] == f"alarms-subscribed overridden: {REASON} (recorded)"


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_a_reason_is_a_reason(typed: Callable[..., int], reason: str) -> None:
    with pytest.raises(SystemExit) as usage:
        typed("--override", reason)
    assert usage.value.code == 2


def test_release_and_deploy_ask_before_anything_moves(
    world: PreflightWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    came: list[str] = []
    for module in (deploying, release_verb):
        note = lambda ctx, steps, how: came.append(f"gate {how.override}")  # noqa: E731
        monkeypatch.setattr(module, "gate", note)
        monkeypatch.setattr(module, "release", lambda *_, **__: came.append("release"))
        monkeypatch.setattr(module, "clients", lambda stage: world.context().clients)
    assert main(["release", "--stage", "prod", "--override", REASON]) == 0
    assert main(["deploy", "--stage", "prod", "--only", "release", "--override", REASON]) == 0
    assert came == [f"gate {REASON}", "release"] * 2
