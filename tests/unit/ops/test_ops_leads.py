"""What the team does by hand: parked leads, requests for deletion, the do-not-call list."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chalicelib.deletions import receipt_id
from chalicelib.pending_work import Kind
from ops import __main__ as command_line
from ops import desk as desks
from ops import team_verbs
from ops.desk import Desk
from ops.parked import DISCARDED_SECONDS
from tests.lead_world import INTERACTION, PHONE, LeadWorld, lead_world

OTHER = "cd" * 16
NATIONAL = "(415) 555-0132"


class FakeLambda:
    """Answers by function; an exception's name as a failed step, in order of the calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, Any]] = []
        self.failing: dict[str, str] = {}

    def invoke(
        self, *, FunctionName: str, Qualifier: str, Payload: bytes, InvocationType: str = ""
    ) -> dict[str, Any]:
        assert Qualifier == "live"
        self.calls.append((FunctionName, InvocationType, json.loads(Payload)))
        name = FunctionName.removeprefix("atlas-local-")
        if error := self.failing.get(name):
            body = {"errorType": error, "errorMessage": "about Maria Lopez"}
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(body).encode())}
        return {"Payload": io.BytesIO(json.dumps({"outcome": f"did_{name}"}).encode())}

    def functions(self) -> list[str]:
        return [name.removeprefix("atlas-local-") for name, _, _ in self.calls]


@pytest.fixture
def lambda_() -> FakeLambda:
    return FakeLambda()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, lambda_: FakeLambda) -> Iterator[LeadWorld]:
    with lead_world() as world:
        services = world.services
        desk = Desk(
            stage="local",
            leads=services.leads,
            pending=services.pending,
            deletions=services.deletions,
            call_limits=services.call_limits,
            phone_hash=services.phone_hash,
            lambda_=lambda_,
            clock=world.clock,
        )
        monkeypatch.setattr(team_verbs, "desk", lambda stage: desk)
        yield world


Ops = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ops(world: LeadWorld, capsys: pytest.CaptureFixture[str]) -> Ops:
    def run(*words: str) -> tuple[int, str, str]:
        code = command_line.main([*words[:2], "--stage", "local", *words[2:]])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def park(world: LeadWorld, reason: str = "create_lead", interaction: str = INTERACTION) -> None:
    """A row as the workflow writes it: a time as text, and the error that was the last."""
    row = {
        "kind": "parked",
        "interaction_id": interaction,
        "reason": reason,
        "error": "ThrottledError",
        "parked_at": "2026-11-23T10:00:00.123Z",
    }
    item = {name: {"S": value} for name, value in row.items()}
    world.wire.put_item(TableName="atlas-local-pending-work", Item=item)


def parked(world: LeadWorld) -> list[str]:
    return [work.interaction_id for work in world.services.pending.all("parked")]


def test_nothing_parked_is_said(ops: Ops) -> None:
    assert ops("leads", "list") == (0, "Nothing is parked.\n", "")
    assert ops("leads", "list", "--json") == (0, "[]\n", "")


def test_the_list_tells_reason_and_since_when_and_no_contact(world: LeadWorld, ops: Ops) -> None:
    world.consented()
    park(world)
    world.services.pending.put("parked", OTHER, world.clock(), "start")
    _, out, _ = ops("leads", "list", "--json")
    first, second = json.loads(out)
    assert first == {
        "id": INTERACTION,
        "since": "2026-11-23 10:00:00 UTC",
        "reason": "create_lead",
        "error": "ThrottledError",
    }
    assert (second["id"], second["reason"]) == (OTHER, "start")
    assert "Maria" not in out
    assert PHONE not in out


def test_contacts_are_shown_when_asked_for(world: LeadWorld, ops: Ops) -> None:
    world.consented()
    park(world)
    park(world, interaction=OTHER)
    _, out, _ = ops("leads", "list", "--show-contact")
    assert f"Maria Lopez  {PHONE}" in out
    assert "gone  gone" in out


def test_a_replay_creates_then_updates_and_removes_the_row(
    world: LeadWorld, ops: Ops, lambda_: FakeLambda
) -> None:
    world.consented()
    park(world)
    code, out, _ = ops("leads", "replay", "--id", INTERACTION)
    assert (code, out) == (0, f"{INTERACTION}  did_create_lead, did_update_lead\n")
    assert lambda_.functions() == ["create_lead", "update_lead"]
    assert {payload["interaction_id"] for _, _, payload in lambda_.calls} == {INTERACTION}
    assert parked(world) == []


def test_a_replay_that_fails_keeps_its_row_and_goes_on_with_the_others(
    world: LeadWorld, ops: Ops, lambda_: FakeLambda
) -> None:
    park(world)
    park(world, reason="erase", interaction=OTHER)
    lambda_.failing["create_lead"] = "RetryableDependencyError"
    code, out, _ = ops("leads", "replay", "--all", "--json")
    assert code == 1
    assert {row["id"]: row["outcome"] for row in json.loads(out)} == {
        INTERACTION: "create_lead failed with RetryableDependencyError",
        OTHER: "did_erase_lead",
    }
    assert "Maria" not in out
    assert parked(world) == [INTERACTION]


@pytest.mark.parametrize("kind", ["start", "summary"])
def test_what_recovery_had_given_up_is_given_back_to_it(
    world: LeadWorld, ops: Ops, lambda_: FakeLambda, kind: Any
) -> None:
    world.services.pending.put("parked", INTERACTION, world.clock(), kind)
    code, _, _ = ops("leads", "replay", "--id", INTERACTION)
    (row,) = world.services.pending.due(kind, world.clock())
    assert (code, row.attempts, lambda_.calls, parked(world)) == (0, 0, [], [])


def test_an_id_that_is_not_parked_is_refused(ops: Ops) -> None:
    code, out, err = ops("leads", "replay", "--id", INTERACTION)
    assert (code, out) == (1, "")
    assert err == f"ops: {INTERACTION} is not parked; see `python -m ops leads list`\n"


def test_a_discard_notes_why_and_lets_the_lead_expire(world: LeadWorld, ops: Ops) -> None:
    world.consented()
    park(world)
    code, _, _ = ops("leads", "discard", "--id", INTERACTION, "--reason", " a test ")
    assert (code, parked(world)) == (0, [])
    assert world.lead().expires_at == int(world.clock()) + DISCARDED_SECONDS
    item = world.wire.scan(TableName="atlas-local-leads")["Items"][0]
    assert item["discard_reason"] == {"S": "a test"}


def test_nothing_of_a_discarded_lead_is_carried_out_later(world: LeadWorld, ops: Ops) -> None:
    world.consented()
    kinds: tuple[Kind, ...] = ("parked", "callback", "update", "summary", "start")
    for kind in kinds:
        world.services.pending.put(kind, INTERACTION, world.clock())
    assert ops("leads", "discard", "--id", INTERACTION, "--reason", "a test")[0] == 0
    assert [world.services.pending.all(kind) for kind in kinds] == [[]] * 5


def test_a_discard_needs_a_reason_and_spares_deletions(world: LeadWorld, ops: Ops) -> None:
    park(world, reason="erase")
    assert ops("leads", "discard", "--id", INTERACTION, "--reason", " ")[0] == 1
    code, out, _ = ops("leads", "discard", "--id", INTERACTION, "--reason", "x")
    assert code == 1
    assert "cannot be discarded" in out
    assert parked(world) == [INTERACTION]
    with pytest.raises(SystemExit) as wrong_usage:
        ops("leads", "discard", "--id", INTERACTION)
    assert wrong_usage.value.code == 2


def test_a_lead_that_is_gone_can_be_discarded(world: LeadWorld, ops: Ops) -> None:
    park(world)
    code, out, _ = ops("leads", "discard", "--id", INTERACTION, "--reason", "x")
    assert (code, out) == (0, f"{INTERACTION}  was gone already\n")
    assert parked(world) == []


def a_request(world: LeadWorld) -> str:
    world.consented()
    request_id: str = world.services.deletions.request([INTERACTION], "chat")
    return request_id


def test_requests_are_listed_by_ids(world: LeadWorld, ops: Ops) -> None:
    world.services.deletions.request([], "phone")
    assert ops("deletions", "list")[1] == "Nothing waits for approval.\n"
    request_id = a_request(world)
    _, out, _ = ops("deletions", "list", "--json")
    (row,) = json.loads(out)
    assert (row["id"], row["channel"], row["interactions"]) == (request_id, "chat", INTERACTION)
    assert "Maria" not in out
    assert "Maria Lopez" in ops("deletions", "list", "--show-contact")[1]


def test_an_approval_erases_as_a_visitor_would(
    world: LeadWorld, ops: Ops, lambda_: FakeLambda
) -> None:
    request_id = a_request(world)
    code, out, _ = ops("deletions", "approve", "--id", request_id)
    assert (code, world.lead().status) == (0, "erasing")
    assert receipt_id(INTERACTION) in out
    (row,) = world.services.pending.all("erase")
    assert (row.interaction_id, row.due_at) == (INTERACTION, world.clock())
    assert lambda_.calls == [
        ("atlas-local-erase_lead", "Event", {"interaction_id": INTERACTION}),
    ]


@pytest.mark.parametrize("decision", ["approve", "refuse"])
def test_a_decision_forgets_whom_it_was_about_and_stands(
    world: LeadWorld, ops: Ops, decision: str
) -> None:
    request_id = a_request(world)
    assert ops("deletions", decision, "--id", request_id)[0] == 0
    stored = json.dumps(world.wire.scan(TableName="atlas-local-deletions")["Items"])
    assert INTERACTION not in stored
    assert ops("deletions", "list")[1] == "Nothing waits for approval.\n"
    code, _, err = ops("deletions", "approve", "--id", request_id)
    assert code == 1
    assert "already" in err


def test_a_refusal_erases_nothing(world: LeadWorld, ops: Ops, lambda_: FakeLambda) -> None:
    ops("deletions", "refuse", "--id", a_request(world))
    assert (world.lead().status, lambda_.calls) == ("consented", [])


def test_a_request_that_is_none_is_refused(ops: Ops) -> None:
    code, _, err = ops("deletions", "approve", "--id", "request#1")
    assert (code, err.count("\n")) == (1, 1)


def test_an_approval_that_is_cut_off_can_be_repeated(
    world: LeadWorld, ops: Ops, lambda_: FakeLambda
) -> None:
    request_id = a_request(world)
    world.wire.faults["update_item"] = ["InternalServerError"]
    assert ops("deletions", "approve", "--id", request_id)[0] == 3
    assert ops("deletions", "approve", "--id", request_id)[0] == 0
    assert world.lead().status == "erasing"


@pytest.mark.parametrize("number", [PHONE, NATIONAL, "+44 20 7183 8750"])
def test_a_number_is_never_called_until_it_is_removed(
    world: LeadWorld, ops: Ops, number: str
) -> None:
    e164 = PHONE if number in (PHONE, NATIONAL) else "+442071838750"
    may_call, phone_hash = world.services.call_limits.may_call, world.services.phone_hash(e164)
    code, out, err = ops("do-not-call", "add", "--number", number)
    assert (code, out, err, may_call(phone_hash)) == (0, "added\n", "", False)
    code, out, _ = ops("do-not-call", "remove", "--number", number)
    assert (code, out, may_call(phone_hash)) == (0, "removed\n", True)


def test_a_number_can_come_from_standard_input(
    world: LeadWorld, ops: Ops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PHONE}\n"))
    assert ops("do-not-call", "add", "--number", "-")[0] == 0
    assert not world.services.call_limits.may_call(world.services.phone_hash(PHONE))


def test_what_is_no_number_is_refused_without_repeating_it(ops: Ops) -> None:
    code, out, err = ops("do-not-call", "add", "--number", "+1 415 55501")
    assert (code, out) == (1, "")
    assert err == "ops: that is no phone number: too short\n"


def test_an_outage_ends_with_its_own_exit_code(world: LeadWorld, ops: Ops) -> None:
    world.wire.faults["query"] = ["InternalServerError"]
    code, _, err = ops("leads", "list")
    assert code == 3
    assert err.startswith("ops: dynamodb: InternalServerError; is the sandbox up")


def test_the_real_desk_names_the_stages_own_things() -> None:
    desk = desks.desk("local")
    assert desk.leads.table.name == "atlas-local-leads"
    assert desk.pending.table.name == "atlas-local-pending-work"
    assert desk.lambda_.meta.endpoint_url == "http://127.0.0.1:4566"
