"""The release by judged shares: its order, its roll-backs, its interruptions, two at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ops_fakes import ARN, client_error
from release_world import LIVE, ReleaseWorld, turn_line

from ops import records
from ops.chain import Chain, verify
from ops.errors import RefusedError
from ops.lease import LEASE_SECONDS, Lease, leased
from ops.lex_release import find_bot
from ops.pace import Pace
from ops.release import release
from ops.rollback import RolledBackError, roll_back
from ops.route import Route
from ops.stages import FULFILLMENT, FUNCTIONS, function_name
from ops.stepwise import FaultyVersionError, Stepwise

PACE = Pace((0.1, 0.5), turns=20, patience_seconds=5, rehearsal_turns=10, poll_seconds=1)
NAMES = [function_name("local", function.name) for function in FUNCTIONS]


@pytest.fixture
def world() -> ReleaseWorld:
    """Version 1 is live, and version 2 is deployed."""
    world = ReleaseWorld()
    release(world.context(), world.steps())
    world.lambda_.deploy("local", "code-2")
    world.timeline.clear()
    return world


def run(world: ReleaseWorld, *, is_rehearsed: bool = True, dry_run: bool = False) -> Chain | None:
    steps = world.steps()
    try:
        return release(
            world.context(dry_run), steps, at_once=False, pace=PACE, is_rehearsed=is_rehearsed
        )
    finally:
        world.facts = steps.facts.get("release", {})  # type: ignore[attr-defined]


def live(world: ReleaseWorld) -> set[tuple[str, str]]:
    """The main versions of all aliases, and their weights as text."""
    aliases = world.lambda_.aliases.values()
    return {
        (a["FunctionVersion"], str(a.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})))
        for a in aliases
    }


def world_judged(world: ReleaseWorld) -> list[dict[str, Any]]:
    judged: list[dict[str, Any]] = records.newest(world.context(), "release", 1)[0]["judged"]
    return judged


def outcomes(world: ReleaseWorld) -> list[str]:
    return [r["outcome"] for r in records.newest(world.context(), "release", 10)]


def test_every_alias_carries_the_same_weights_callees_first(world: ReleaseWorld) -> None:
    run(world)
    expected = [(name, "1", {"2": weight}) for weight in PACE.weights for name in NAMES]
    expected += [(name, "2", {}) for name in NAMES]
    assert world.weights() == expected


def test_function_that_was_never_live_is_there_before_the_first_share(world: ReleaseWorld) -> None:
    added = function_name("local", "erase_lead")
    del world.lambda_.aliases[added]
    run(world)
    moves = [(name, p["FunctionName"]) for name, p in world.timeline if name.endswith("te_alias")]
    assert moves[0] == ("create_alias", added)
    assert ("update_alias", added) not in moves


def test_chain_is_well_while_scaling_adds_to_it(world: ReleaseWorld) -> None:
    now = world.lambda_.provisioned[LIVE, "1"]
    now |= {"RequestedProvisionedConcurrentExecutions": 9, "Status": "IN_PROGRESS", "looks": 99}
    bot = find_bot(world.context()).value
    chain = verify(world.context(), bot, "ALIAS00001", f"{ARN}{LIVE}").value
    assert "2 provisioned, scaling to 9" in chain.table()


def test_nothing_moves_before_the_new_version_is_provisioned_and_rehearsed(
    world: ReleaseWorld,
) -> None:
    run(world)
    calls = [name for name, _ in world.timeline]
    ready = calls.index("put_provisioned_concurrency_config")
    turns = [
        i
        for i, (n, p) in enumerate(world.timeline)
        if n == "invoke" and b"sessionId" in p["Payload"]
    ]
    moved = calls.index("update_alias")
    assert ready < turns[0]
    assert sum(at < moved for at in turns) == PACE.rehearsal_turns


def test_the_old_version_is_freed_after_the_last_judgement(world: ReleaseWorld) -> None:
    run(world)
    calls = [name for name, _ in world.timeline]
    last_look = max(i for i, name in enumerate(calls) if name == "filter_log_events")
    freed = calls.index("delete_provisioned_concurrency_config")
    moved = max(i for i, name in enumerate(calls) if name == "update_alias")
    assert moved < freed
    assert any(moved < i < freed for i, n in enumerate(calls) if n == "filter_log_events")
    assert list(world.lambda_.provisioned) == [(LIVE, "2")]
    assert last_look > moved


def test_turns_are_made_only_where_too_few_visitors_came(world: ReleaseWorld) -> None:
    world.visitors_per_second = 200
    run(world)
    made = [step["synthetic"] for step in world.facts["judged"]]  # type: ignore[attr-defined]
    assert made == [10, 0, 0, 0]


def test_step_lasts_its_time_however_many_visitors_come(world: ReleaseWorld) -> None:
    world.visitors_per_second = 100
    began = world.now
    pace = replace(PACE, bake_seconds=70)
    release(world.context(), world.steps(), at_once=False, pace=pace)
    assert world.now - began >= 3 * 70
    assert all(step["synthetic"] == 0 for step in world_judged(world) if "%" in step["step"])


def test_turns_that_were_made_do_not_cut_a_step_short(world: ReleaseWorld) -> None:
    pace = replace(PACE, bake_seconds=120)
    release(world.context(), world.steps(), at_once=False, pace=pace)
    assert outcomes(world)[0] == "released"


def test_without_visitors_each_step_is_judged_on_turns_that_were_made(world: ReleaseWorld) -> None:
    run(world)
    judged = world.facts["judged"]  # type: ignore[attr-defined]
    assert [step["step"] for step in judged] == ["rehearsal", "10%", "50%", "100%"]
    assert [step["synthetic"] for step in judged] == [10, 20, 20, 20]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"Failed": 1.0}, "failed"),
        ({"TurnLatency": 1500.0}, "slow"),
        ({"start": "cold"}, "cold"),
        ({"source": "grounded"}, "without a model's words"),
    ],
)
def test_version_that_is_worse_for_visitors_is_rolled_back(
    world: ReleaseWorld, changes: dict[str, object], kind: str
) -> None:
    world.visitors_per_second = 50
    world.faults.lines["2"] = changes
    world.faults.for_visitors_alone = True
    with pytest.raises(RolledBackError, match="rolled back to version 1, because version 2 had"):
        run(world)
    assert live(world) == {("1", "{}")}
    assert list(world.lambda_.provisioned) == [(LIVE, "1")]
    assert world.facts["judged"][-1]["faults"] == [kind]  # type: ignore[attr-defined]
    assert outcomes(world)[:3] == ["rolled_back", "rolling_back", "begun"]


def test_who_noticed_is_counted_once_each_and_those_that_were_made_are_nobody(
    world: ReleaseWorld,
) -> None:
    world.visitors_per_second = 50
    world.faults.lines["2"] = {"Failed": 1.0}
    world.faults.for_visitors_alone = True
    with pytest.raises(RolledBackError, match=r"; 5 visitors noticed \(5 turns failed"):
        run(world)


def test_turns_that_left_the_function_count_as_failed(world: ReleaseWorld) -> None:
    world.visitors_per_second = 50
    world.faults.crashing.add("2")
    world.faults.for_visitors_alone = True
    with pytest.raises(RolledBackError, match="turns failed"):
        run(world)
    noticed = world.facts["noticed"]  # type: ignore[attr-defined]
    assert noticed["visitors"] == noticed["crashed"] == 5


def test_fault_that_the_rehearsal_finds_is_met_by_nobody(world: ReleaseWorld) -> None:
    world.visitors_per_second = 50
    world.faults.lines["2"] = {"Failed": 1.0}
    with pytest.raises(RolledBackError, match="no visitor noticed"):
        run(world)
    assert world.weights() == []


def test_fulfilment_goes_back_first(world: ReleaseWorld) -> None:
    world.visitors_per_second = 50
    world.faults.lines["2"] = {"Failed": 1.0}
    world.faults.for_visitors_alone = True
    with pytest.raises(RolledBackError):
        run(world)
    back = [name for name, _, weights in world.weights() if not weights]
    assert back[0] == LIVE
    assert sorted(back) == sorted(NAMES)


def test_fault_that_both_versions_show_is_not_the_new_one_s(world: ReleaseWorld) -> None:
    world.visitors_per_second = 200
    for version in ("1", "2"):
        world.faults.lines[version] = {"source": "grounded"}
    world.faults.for_visitors_alone = True
    assert run(world, is_rehearsed=False)


def test_version_whose_lines_never_arrive_is_rolled_back(world: ReleaseWorld) -> None:
    world.faults.silent.add("2")
    with pytest.raises(RolledBackError, match="no more than 0 of 10 turns in the logs"):
        run(world)


def test_release_that_cannot_read_the_logs_is_taken_back(world: ReleaseWorld) -> None:
    update = world.lambda_.on_update_alias

    def unreadable(**params: object) -> object:
        if params["FunctionName"] == LIVE:
            world.logs.fail_next["filter_log_events"] = client_error("ThrottlingException")
        return update(**params)  # type: ignore[arg-type]

    world.lambda_.on_update_alias = unreadable  # type: ignore[method-assign, assignment]
    with pytest.raises(RolledBackError, match=r"turns that cannot be judged: .*Throttling"):
        run(world)
    assert live(world) == {("1", "{}")}
    assert outcomes(world)[0] == "rolled_back"


def test_lease_is_kept_while_turns_are_made_at_a_version_that_hangs(world: ReleaseWorld) -> None:
    answer = world.lambda_.answer_turn

    def hanging(version: str, event: dict[str, object]) -> dict[str, object]:
        world.now += 10
        with pytest.raises(RefusedError):
            Lease(world.context(), "release").take()
        return answer(version, event)

    world.lambda_.answer_turn = hanging
    pace = replace(PACE, rehearsal_turns=60)
    assert release(world.context(), world.steps(), at_once=False, pace=pace)


def test_crashes_of_made_turns_hide_none_of_a_later_step_s_visitors(world: ReleaseWorld) -> None:
    context = world.context()
    route = Route({FULFILLMENT: "1"}, {FULFILLMENT: "2"})
    stepwise = Stepwise.of(context, Lease(context, "release"), route, PACE)
    stepwise.synthetic.crashes = 2
    at = context.now().timestamp()
    for number in range(48):
        stepwise.synthetic.sessions.add(f"made-{number}")
        world.logs.write(at, "2", turn_line("2", f"made-{number}"))
    for _ in range(2):
        world.logs.write(at, "2", "[ERROR] RuntimeError: no")
    with pytest.raises(FaultyVersionError, match="2 of 2 turns failed"):
        stepwise.judge("50%", 50)


def test_bot_moves_after_the_code_is_judged_and_goes_back_with_it(world: ReleaseWorld) -> None:
    world.lex.built_at = world.lex.built_at.replace(year=2027)
    bind = world.lex.on_update_bot_alias
    moved: list[str] = []

    def binding(**params: object) -> object:
        moved.append(str(params["botVersion"]))
        if params["botVersion"] == "2":
            assert live(world) == {("2", "{}")}
            world.faults.lines["2"] = {"Failed": 1.0}
        return bind(**params)  # type: ignore[arg-type]

    world.lex.on_update_bot_alias = binding  # type: ignore[method-assign, assignment]
    with pytest.raises(RolledBackError):
        run(world)
    assert moved == ["2", "1"]
    assert live(world) == {("1", "{}")}
    assert world.facts["judged"][-1]["step"] == "bot 2"  # type: ignore[attr-defined]


@pytest.mark.parametrize("move", range(1, 37))
def test_shift_that_was_interrupted_is_completed_by_the_next_run(
    world: ReleaseWorld, move: int
) -> None:
    interrupt_at_move(world, move)
    with pytest.raises(KeyboardInterrupt):
        run(world)
    assert list(world.lambda_.provisioned) == [(LIVE, "1"), (LIVE, "2")]
    assert run(world)
    assert live(world) == {("2", "{}")}
    assert list(world.lambda_.provisioned) == [(LIVE, "2")]
    record = records.latest(world.context(), "release", outcome="released")
    assert record is not None
    assert set(record["former"].values()) == {"1"}


@pytest.mark.parametrize("move", [1, 6, 20, 30, 36])
def test_shift_that_was_interrupted_is_taken_back_when_other_code_was_deployed(
    world: ReleaseWorld, move: int
) -> None:
    interrupt_at_move(world, move)
    with pytest.raises(KeyboardInterrupt):
        run(world)
    world.lambda_.deploy("local", "code-3")
    world.timeline.clear()
    assert run(world)
    assert live(world) == {("3", "{}")}
    shares = [(main, weights) for _, main, weights in world.weights() if weights]
    assert {(main, *weights) for main, weights in shares} == {("1", "3")}


@pytest.mark.parametrize("move", [13, 14, 20])
def test_roll_back_that_was_interrupted_is_completed_by_the_next_run(
    world: ReleaseWorld, move: int
) -> None:
    world.visitors_per_second = 50
    world.faults.lines["2"] = {"Failed": 1.0}
    world.faults.for_visitors_alone = True
    interrupt_at_move(world, move)
    with pytest.raises(KeyboardInterrupt):
        run(world)
    roll_back(world.context(), world.steps())
    assert live(world) == {("1", "{}")}
    assert list(world.lambda_.provisioned) == [(LIVE, "1")]


def interrupt_at_move(world: ReleaseWorld, move: int) -> None:
    """Ctrl-C at the alias's move of that number, which is not made."""
    update, made = world.lambda_.on_update_alias, 0

    def interrupted(**params: object) -> object:
        nonlocal made
        made += 1
        if made == move:
            raise KeyboardInterrupt
        return update(**params)  # type: ignore[arg-type]

    world.lambda_.on_update_alias = interrupted  # type: ignore[method-assign, assignment]


def test_second_release_is_refused_while_one_holds_the_lease(world: ReleaseWorld) -> None:
    Lease(world.context(), "release").take()
    with pytest.raises(RefusedError, match="another release of stage local holds the lease since"):
        run(world)
    assert world.changes() == []


def test_lease_of_a_dead_process_ends_by_itself(world: ReleaseWorld) -> None:
    Lease(world.context(), "release").take()
    world.now += LEASE_SECONDS + 1
    assert run(world)


def test_interrupted_release_leaves_its_lease(world: ReleaseWorld) -> None:
    world.lambda_.fail_next["publish_version"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        run(world)
    assert run(world)


def test_lease_is_kept_through_waits_longer_than_itself(world: ReleaseWorld) -> None:
    world.lambda_.looks_until_ready = LEASE_SECONDS
    look, refused = world.lambda_.on_get_provisioned_concurrency_config, 0

    def watched(**params: str) -> object:
        nonlocal refused
        with pytest.raises(RefusedError):
            Lease(world.context(), "release").take()
        refused += 1
        return look(**params)

    world.lambda_.on_get_provisioned_concurrency_config = watched  # type: ignore[method-assign, assignment]
    begun = world.now
    assert run(world)
    assert refused > LEASE_SECONDS
    assert world.now - begun > 1.5 * LEASE_SECONDS


def test_release_that_lost_its_lease_moves_nothing_more(world: ReleaseWorld) -> None:
    update = world.lambda_.on_update_alias

    def stolen(**params: object) -> object:
        answer = update(**params)  # type: ignore[arg-type]
        if params["FunctionName"] == LIVE:
            Lease(world.context(), "rollback").take(by_force=True)
        return answer

    world.lambda_.on_update_alias = stolen  # type: ignore[method-assign, assignment]
    with pytest.raises(RefusedError, match="was taken over: another rollback"):
        run(world)
    assert {str(weights) for _, _, weights in world.weights()} == {"{'2': 0.1}"}


def test_alias_that_somebody_else_moved_meanwhile_stops_the_release(world: ReleaseWorld) -> None:
    error = client_error("PreconditionFailedException")
    world.lambda_.fail_next["update_alias"] = error
    with pytest.raises(RefusedError, match="somebody else moved live of generate_answer"):
        run(world)


def test_dry_run_changes_and_records_nothing(world: ReleaseWorld) -> None:
    before = dict(world.dynamodb.items)
    assert run(world, dry_run=True) is None
    assert world.changes() == []
    assert world.dynamodb.items == before


def test_second_run_changes_nothing(world: ReleaseWorld) -> None:
    run(world)
    world.timeline.clear()
    before = dict(world.dynamodb.items)
    run(world)
    assert world.changes() == []
    assert world.dynamodb.items == before


def test_rollback_goes_to_the_version_before_and_once_more_to_the_one_before_that(
    world: ReleaseWorld,
) -> None:
    run(world)
    world.lambda_.deploy("local", "code-3")
    run(world)
    for version in ("2", "1"):
        roll_back(world.context(), world.steps())
        assert live(world) == {(version, "{}")}
        assert list(world.lambda_.provisioned) == [(LIVE, version)]
    with pytest.raises(RefusedError, match="was the first release"):
        roll_back(world.context(), world.steps())


def test_rollback_provisions_before_it_moves(world: ReleaseWorld) -> None:
    run(world)
    world.timeline.clear()
    roll_back(world.context(), world.steps())
    calls = [name for name, _ in world.timeline]
    put, moved = calls.index("put_provisioned_concurrency_config"), calls.index("update_alias")
    assert put < moved < calls.index("delete_provisioned_concurrency_config")


def test_rollback_does_not_wait_longer_than_its_patience(world: ReleaseWorld) -> None:
    run(world)
    world.lambda_.looks_until_ready, begun = 1_000, world.now
    roll_back(world.context(), world.steps(), patience_seconds=10)
    assert live(world) == {("1", "{}")}
    assert world.now - begun < 15
    assert "first turns start cold" in world.printed.getvalue()


def test_rollback_moves_the_bot_too(world: ReleaseWorld) -> None:
    world.lex.built_at = world.lex.built_at.replace(year=2027)
    run(world)
    roll_back(world.context(), world.steps())
    assert world.lex.aliases["ALIAS00001"]["botVersion"] == "1"


def killed_with_the_bot(world: ReleaseWorld) -> None:
    """A release that ended without a word when the bot had moved."""
    world.lex.built_at = world.lex.built_at.replace(year=2027)
    bind = world.lex.on_update_bot_alias

    def dying(**params: object) -> object:
        bind(**params)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    world.lex.on_update_bot_alias = dying  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyboardInterrupt):
        run(world)
    world.lex.on_update_bot_alias = bind  # type: ignore[method-assign]
    assert world.lex.aliases["ALIAS00001"]["botVersion"] == "2"


def test_rollback_of_a_release_that_was_killed_moves_the_bot_too(world: ReleaseWorld) -> None:
    killed_with_the_bot(world)
    roll_back(world.context(), world.steps())
    assert world.lex.aliases["ALIAS00001"]["botVersion"] == "1"


def test_completed_release_knows_the_bot_before_the_run_that_was_killed(
    world: ReleaseWorld,
) -> None:
    killed_with_the_bot(world)
    run(world)
    roll_back(world.context(), world.steps())
    assert world.lex.aliases["ALIAS00001"]["botVersion"] == "1"


def test_bot_of_a_killed_release_goes_back_when_other_code_was_deployed(
    world: ReleaseWorld,
) -> None:
    killed_with_the_bot(world)
    world.lambda_.deploy("local", "code-3")
    world.timeline.clear()
    run(world)
    moves = [p["botVersion"] for name, p in world.timeline if name == "update_bot_alias"]
    assert moves == ["1", "2"]


def test_release_that_lost_its_lease_at_the_end_moves_no_bot_and_frees_nothing(
    world: ReleaseWorld,
) -> None:
    world.lex.built_at = world.lex.built_at.replace(year=2027)
    update = world.lambda_.on_update_alias

    def stolen(**params: object) -> object:
        answer = update(**params)  # type: ignore[arg-type]
        if params["FunctionName"] == LIVE and params["FunctionVersion"] == "2":
            Lease(world.context(), "rollback").take(by_force=True)
        return answer

    world.lambda_.on_update_alias = stolen  # type: ignore[method-assign, assignment]
    with pytest.raises(RefusedError, match="was taken over: another rollback"):
        run(world)
    assert world.lex.aliases["ALIAS00001"]["botVersion"] == "1"
    assert list(world.lambda_.provisioned) == [(LIVE, "1"), (LIVE, "2")]


def test_lease_that_was_taken_during_a_long_sleep_is_missed_at_its_end(
    world: ReleaseWorld,
) -> None:
    with leased(world.context(), "release") as (held, _):
        steal, world._sleep = (
            world._sleep,
            lambda _: Lease(world.context(), "rollback").take(by_force=True),
        )  # type: ignore[method-assign]
        with pytest.raises(RefusedError, match="was taken over"):
            held.waiter.sleep(15)
        world._sleep = steal  # type: ignore[method-assign]


def test_rollback_puts_back_what_a_release_moved_as_its_last(world: ReleaseWorld) -> None:
    run(world)
    free = world.lambda_.on_delete_provisioned_concurrency_config

    def moved_once_more(**params: str) -> object:
        world.lambda_.aliases[LIVE]["FunctionVersion"] = "2"
        return free(**params)

    world.lambda_.on_delete_provisioned_concurrency_config = moved_once_more  # type: ignore[method-assign, assignment]
    roll_back(world.context(), world.steps())
    assert live(world) == {("1", "{}")}


def test_rollback_goes_on_where_lambda_has_no_environments_to_give(world: ReleaseWorld) -> None:
    run(world)
    refusal = client_error("InvalidParameterValueException")
    world.lambda_.fail_next["put_provisioned_concurrency_config"] = refusal
    roll_back(world.context(), world.steps())
    assert live(world) == {("1", "{}")}
    assert "first turns start cold" in world.printed.getvalue()


def test_rollback_takes_a_half_done_release_back(world: ReleaseWorld) -> None:
    interrupt_at_move(world, 20)
    with pytest.raises(KeyboardInterrupt):
        run(world)
    roll_back(world.context(), world.steps())
    assert live(world) == {("1", "{}")}
    assert list(world.lambda_.provisioned) == [(LIVE, "1")]


def test_rollback_to_a_version_that_is_gone_moves_nothing(world: ReleaseWorld) -> None:
    run(world)
    world.lambda_.versions[LIVE] = world.lambda_.versions[LIVE][1:]
    world.timeline.clear()
    with pytest.raises(RefusedError, match="no version lex_fulfillment 1 any more"):
        roll_back(world.context(), world.steps())
    assert world.changes() == []


def test_rollback_to_a_named_version(world: ReleaseWorld) -> None:
    for code in ("code-3", "code-4"):
        run(world)
        world.lambda_.deploy("local", code)
    roll_back(world.context(), world.steps(), to="1")
    assert live(world) == {("1", "{}")}
    with pytest.raises(RefusedError, match="version 1 is live already"):
        roll_back(world.context(), world.steps(), to="1")
    with pytest.raises(RefusedError, match="no record tells how version 9"):
        roll_back(world.context(), world.steps(), to="9")


def test_dry_rollback_changes_nothing(world: ReleaseWorld) -> None:
    run(world)
    world.timeline.clear()
    before = dict(world.dynamodb.items)
    roll_back(world.context(dry_run=True), world.steps())
    assert (world.changes(), world.dynamodb.items) == ([], before)


def test_all_but_the_newest_five_versions_are_deleted(world: ReleaseWorld) -> None:
    for code in range(3, 10):
        run(world)
        world.lambda_.deploy("local", f"code-{code}")
    run(world)
    for function in NAMES:
        kept = [version["Version"] for version in world.lambda_.versions[function]]
        assert kept == ["5", "6", "7", "8", "9"]
