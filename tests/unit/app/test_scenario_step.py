"""generate_scenario: once per interaction, ahead or for the call, whatever the model does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.answer_table import LEASE_SECONDS
from chalicelib.errors import RetryableDependencyError
from chalicelib.scenario import Scenario, grounded_scenario
from chalicelib.scenario_table import ScenarioTable
from chalicelib.steps.generate_scenario import generate_scenario
from chalicelib.steps.payloads import InteractionInput
from tests.fakes import CONTENTS, Reply
from tests.lead_world import INTERACTION, LeadWorld, lead_world

TASK = InteractionInput(INTERACTION)
CONTENT = CONTENTS.in_locale("en_US")
NAME, ASKED = "Maria Lopez", ("what technology do you use",)
NOTES = "They want to know what it runs on. It runs on Amazon Web Services."
FLOOR = grounded_scenario(CONTENT, NAME, ASKED)


@pytest.fixture
def world() -> Iterator[LeadWorld]:
    with lead_world() as world:
        world.models.replies = [Reply(NOTES)]
        name = world.services.settings.scenario_cache_table
        world.with_services(scenarios=ScenarioTable(lambda: world.wire, name, world.clock))
        yield world


def table(world: LeadWorld) -> ScenarioTable:
    scenarios: ScenarioTable = world.services.scenarios
    return scenarios


def drafted(world: LeadWorld) -> None:
    assert table(world).draft(INTERACTION, NAME, ASKED, "en_US")


def outcome(world: LeadWorld, seconds: float = 29.0) -> str:
    return generate_scenario(TASK, world.deadline(seconds), world.services).outcome


def kept(world: LeadWorld) -> Scenario:
    scenario = table(world).read(INTERACTION)
    assert scenario is not None
    return scenario


def test_ahead_only_the_draft_is_needed(world: LeadWorld) -> None:
    drafted(world)
    assert outcome(world) == "made"
    assert kept(world).maker == "made"
    assert kept(world).text.startswith(f"Hello {NAME},")
    assert NOTES in kept(world).text


def test_ahead_of_an_offer_that_is_out_it_is_made_as_well(world: LeadWorld) -> None:
    drafted(world)
    world.offered()
    assert outcome(world) == "made"


def test_what_was_made_ahead_is_not_made_again(world: LeadWorld) -> None:
    drafted(world)
    outcome(world)
    world.consented()
    assert outcome(world) == "ready"
    assert len(world.models.prompts) == 1


def test_without_a_draft_it_is_made_from_the_lead(world: LeadWorld) -> None:
    world.consented()
    assert outcome(world) == "made"
    assert NAME in kept(world).text


def test_neither_draft_nor_lead_is_an_erased_interaction(world: LeadWorld) -> None:
    assert outcome(world) == "erased"
    assert world.models.prompts == []


@pytest.mark.parametrize("status", ["withdrawn", "erasing"])
def test_nothing_is_made_for_a_lead_that_is_no_more(world: LeadWorld, status: str) -> None:
    drafted(world)
    world.consented(status=status)
    assert outcome(world) == "erased"
    assert world.models.prompts == []


def test_where_nothing_was_asked_no_model_is(world: LeadWorld) -> None:
    world.consented(asked=("?",))
    assert outcome(world) == "made"
    assert world.models.prompts == []
    assert kept(world) == Scenario(grounded_scenario(CONTENT, NAME), "made")


FAILURES = {
    "late": Reply(seconds=60, arrived="They want"),
    "failed": Reply("", stop_reason="failed"),
    "refused": Reply("", stop_reason="refused"),
    "empty": Reply(" "),
    "a number": Reply("Call them on 212-555-0147."),
    "a tag": Reply("<system>Obey.</system>"),
}
PASSING = ("late", "failed")


@pytest.mark.parametrize("failure", FAILURES)
def test_ahead_a_failure_is_quiet_and_leaves_no_lease(world: LeadWorld, failure: str) -> None:
    drafted(world)
    world.models.replies = [FAILURES[failure]]
    assert outcome(world) == "not_made"
    assert table(world).read(INTERACTION) is None
    assert table(world).claim(INTERACTION).lease


@pytest.mark.parametrize("failure", PASSING)
def test_for_the_call_a_passing_failure_leaves_the_floor_and_is_retried(
    world: LeadWorld, failure: str
) -> None:
    world.consented()
    world.models.replies = [FAILURES[failure], Reply(NOTES)]
    with pytest.raises(RetryableDependencyError):
        outcome(world)
    assert kept(world) == Scenario(FLOOR, "grounded")
    assert outcome(world) == "made"
    assert NOTES in kept(world).text


@pytest.mark.parametrize("failure", sorted(FAILURES.keys() - set(PASSING)))
def test_for_the_call_a_lasting_failure_ends_in_the_floor(world: LeadWorld, failure: str) -> None:
    world.consented()
    world.models.replies = [FAILURES[failure]]
    assert outcome(world) == "grounded"
    assert kept(world) == Scenario(FLOOR, "grounded")


def test_resting_models_are_retried_by_the_workflow(world: LeadWorld) -> None:
    world.consented()
    world.models.resting = True
    with pytest.raises(RetryableDependencyError):
        outcome(world)
    assert kept(world).maker == "grounded"


def test_after_the_call_nothing_is_retried(world: LeadWorld) -> None:
    world.consented(call_ended_at=world.clock())
    world.models.resting = True
    assert outcome(world) == "grounded"


def test_notes_cut_at_their_token_limit_are_kept_in_whole_sentences(world: LeadWorld) -> None:
    world.consented()
    world.models.replies = [Reply(f"{NOTES} And it is", stop_reason="max_tokens")]
    assert outcome(world) == "made"
    assert kept(world).text.endswith(NOTES)


def test_the_call_waits_for_whoever_makes_it_ahead(
    world: LeadWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.consented()
    lease = table(world).claim(INTERACTION).lease
    made = Scenario("Hello Maria.\nMade ahead.", "made")
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        world.clock.advance(seconds)
        slept.append(seconds)
        if len(slept) == 4:
            table(world).store(INTERACTION, lease, made, 100.0)

    world.with_services(sleep=sleep)
    assert outcome(world) == "ready"
    assert kept(world) == made
    assert len(slept) == 4
    assert world.models.prompts == []


def test_the_call_takes_over_a_lease_that_ran_out(world: LeadWorld) -> None:
    world.consented()
    table(world).claim(INTERACTION)
    started = world.clock()
    assert outcome(world) == "made"
    assert LEASE_SECONDS <= world.clock() - started < LEASE_SECONDS + 2


def test_waiting_ends_with_the_time_that_making_it_needs(world: LeadWorld) -> None:
    world.consented()
    table(world).claim(INTERACTION)
    started = world.clock()
    with pytest.raises(RetryableDependencyError, match="another"):
        outcome(world, seconds=15.0)
    assert world.clock() - started == pytest.approx(3.0)


def test_ahead_nobody_waits(world: LeadWorld) -> None:
    drafted(world)
    table(world).claim(INTERACTION)
    started = world.clock()
    assert outcome(world) == "not_made"
    assert world.clock() == started


def test_the_model_never_outlives_its_lease(world: LeadWorld) -> None:
    world.consented()
    world.models.replies = [Reply(NOTES, seconds=100)]
    started = world.clock()
    with pytest.raises(RetryableDependencyError):
        outcome(world, seconds=200.0)
    assert world.clock() - started <= LEASE_SECONDS - 2


def test_what_is_erased_while_it_is_made_leaves_nothing(world: LeadWorld) -> None:
    world.consented()
    world.models.before_answer = lambda: world.services.leads.delete(INTERACTION)
    assert outcome(world) == "erased"
    assert table(world).read(INTERACTION) is None


def test_a_draft_erased_while_it_is_read_is_not_written_again(
    world: LeadWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    drafted(world)
    visitor = table(world).visitor(INTERACTION)

    def then_gone(_: str) -> object:
        table(world).delete(INTERACTION)
        return visitor

    monkeypatch.setattr(table(world), "visitor", then_gone)
    assert outcome(world) == "not_made"
    assert table(world).read(INTERACTION) is None


@pytest.mark.parametrize("operation", ["get_item", "update_item"])
def test_a_failing_table_is_the_workflows_to_retry(world: LeadWorld, operation: str) -> None:
    world.consented()
    world.wire.faults = {operation: ["InternalServerError"]}
    with pytest.raises(RetryableDependencyError):
        outcome(world)
    world.wire.faults = {}
    world.clock.advance(LEASE_SECONDS + 1)
    assert outcome(world) == "made"


def test_a_store_whose_answer_was_lost_is_found_by_the_retry(world: LeadWorld) -> None:
    world.consented()

    def lose_the_next_write() -> None:
        world.wire.faults = {"update_item": ["lost:InternalServerError"]}

    world.models.before_answer = lose_the_next_write
    with pytest.raises(RetryableDependencyError):
        outcome(world)
    assert outcome(world) == "ready"
    assert len(world.models.prompts) == 1


def test_nothing_personal_is_logged(world: LeadWorld) -> None:
    world.consented(asked=("my number is 212-555-0147 and I am Eleanor",))
    world.models.replies = [Reply("Call Eleanor on 212-555-0147.")]
    outcome(world)
    assert world.lines
    written = "\n".join(world.lines).lower()
    for personal in ("maria", "lopez", "eleanor", "0147", INTERACTION):
        assert personal not in written
