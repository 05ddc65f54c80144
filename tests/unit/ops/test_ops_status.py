"""`ops status`: what a deployed stage looks like, and each thing that it may lack."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cloudformation_fakes import StackWorld
from ops_fakes import client_error

from ops import records
from ops import status as looking
from ops.lease import Lease
from ops.release import release
from ops.stacks import TEMPLATES
from ops.status import Row, status, told
from ops.steps import Context
from ops.to_do import ToDo

RELEASED = {"at": "2026-11-24T04:43:29.000001+00:00", "outcome": "released", "commit": "abc"}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> StackWorld:
    """A stage `local` that is deployed and released; the last record is given."""
    world = StackWorld("local")
    world.world.lambda_.looks_until_ready = 0
    release(world.world.context(), world.world.steps())
    for stack in TEMPLATES:
        world.cloudformation.put(f"atlas-local-{stack}", "CREATE_COMPLETE")
    monkeypatch.setattr(records, "latest", lambda ctx, kind, **equal: None if equal else RELEASED)
    monkeypatch.setattr(looking, "to_do", lambda ctx: [])
    return world


def ill(world: StackWorld) -> dict[str, str]:
    """What is not well, and why, as a stage is looked at that must not change."""
    before = len(world.world.changes())
    rows = status(world.context(dry_run=True))
    assert len(world.world.changes()) == before
    return {row.what: row.state for row in rows if not row.is_well}


def test_a_deployed_stage_is_well(world: StackWorld) -> None:
    assert ill(world) == {}
    rows = {row.what: row.state for row in status(world.context(dry_run=True))}
    assert rows["last release"] == "2026-11-24T04:43:29 released, commit abc"
    assert "bot version 1 -> lex_fulfillment:live, version 1" in rows["way of a turn"]
    assert "version 1 of lex_fulfillment" in rows["code"]


def lose_stack(world: StackWorld) -> None:
    del world.cloudformation.stacks["atlas-local-watch"]


def roll_back_stack(world: StackWorld) -> None:
    world.cloudformation.stacks["atlas-local-watch"]["StackStatus"] = "UPDATE_ROLLBACK_COMPLETE"


def deploy_code(world: StackWorld) -> None:
    world.world.lambda_.deploy("local", "code-2")


def divide(world: StackWorld) -> None:
    alias = world.world.lambda_.aliases["atlas-local-keep_warm"]
    alias["RoutingConfig"] = {"AdditionalVersionWeights": {"2": 0.1}}


def lose_alias(world: StackWorld) -> None:
    del world.world.lambda_.aliases["atlas-local-keep_warm"]


def lose_warmth(world: StackWorld) -> None:
    world.world.lambda_.provisioned.clear()


def lose_lex_alias(world: StackWorld) -> None:
    world.world.lex.aliases.clear()


@pytest.mark.parametrize(
    ("spoil", "what", "why"),
    [
        (lose_stack, "stack watch", "missing"),
        (roll_back_stack, "stack watch", "UPDATE_ROLLBACK_COMPLETE"),
        (deploy_code, "code", "$LATEST is code-2 and live is code-1: release it"),
        (divide, "code", "traffic is divided: keep_warm; nobody is at work on it"),
        (lose_alias, "code", "not released: keep_warm without live"),
        (lose_warmth, "way of a turn", "which is not provisioned"),
        (lose_lex_alias, "way of a turn", "there is no Lex alias live"),
    ],
)
def test_what_is_missing_is_told(
    world: StackWorld, spoil: Callable[[StackWorld], None], what: str, why: str
) -> None:
    spoil(world)
    assert why in ill(world)[what]


def test_code_that_was_rolled_back_is_not_asked_to_be_released(
    world: StackWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def latest(ctx: object, kind: str, **equal: str) -> dict[str, str]:
        assert equal in ({}, {"outcome": "rolled_back", "code_sha256": "code-2"})
        return RELEASED | equal

    monkeypatch.setattr(records, "latest", latest)
    deploy_code(world)
    assert ill(world) == {}


def test_a_stage_that_was_never_released_says_so(
    world: StackWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "latest", lambda ctx, kind: None)
    assert ill(world) == {"last release": "never"}


def test_a_release_that_was_left_is_told_until_somebody_is_at_work(
    world: StackWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "latest", lambda ctx, kind: RELEASED | {"outcome": "begun"})
    assert "nobody judges the new version: `python -m ops release" in ill(world)["last release"]
    Lease(world.context(), "release").take()
    assert "another release of stage local holds the lease" in ill(world)["last release"]


def test_what_may_not_be_read_is_a_row_and_the_others_are_read(world: StackWorld) -> None:
    def refused(ctx: Context, kind: str) -> None:
        raise client_error("AccessDeniedException", "Query")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "latest", refused)
        assert "AccessDenied" in ill(world)["last release"]
        assert list(ill(world)) == ["last release"]


@pytest.mark.parametrize("blocks", [True, False])
def test_what_waits_for_a_person_is_shown(
    world: StackWorld, monkeypatch: pytest.MonkeyPatch, blocks: bool
) -> None:
    monkeypatch.setattr(looking, "to_do", lambda ctx: [ToDo("a secret", "put it", blocks)])
    assert ill(world) == ({"for a person": "a secret; put it"} if blocks else {})


def test_a_row_is_a_line() -> None:
    assert told(Row("code", "abc")) == "ok       code               abc"
    assert told(Row("code", "gone", is_well=False)).startswith("NOT OK   code")
