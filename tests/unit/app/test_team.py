"""What the team is told: ids and a link, nothing of a person, and of a callback once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.errors import DependencyError, RetryableDependencyError
from chalicelib.lead import Lead
from chalicelib.team import SUBJECTS, TELLING_SECONDS, TeamTopic
from tests.fakes import client_error
from tests.lead_world import INTERACTION, PHONE, LeadWorld, lead_world

ARN = "arn:aws:sns:us-east-1:123456789012:atlas-local-team"
TASK = "00T000000000001AAA"


class Topic:
    """Remembers requests; `errors` are raised in order, `before` runs once ahead of a publish."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.errors: list[Exception] = []
        self.before: Any = None

    def publish(self, **request: Any) -> None:
        if before := self.before:
            self.before = None
            before()
        if self.errors:
            raise self.errors.pop(0)
        self.requests.append(request)

    def messages(self) -> list[dict[str, str]]:
        return [json.loads(request["Message"]) for request in self.requests]


@pytest.fixture
def world() -> Iterator[LeadWorld]:
    with lead_world() as world:
        yield world


@pytest.fixture
def topic() -> Topic:
    return Topic()


def a_team(world: LeadWorld, topic: Topic) -> TeamTopic:
    return TeamTopic(
        lambda: topic,
        "atlas-local-team",
        world.services.account,
        world.services.leads,
        lambda record: f"https://acme.my.salesforce.com/{record}",
        world.clock,
    )


def wished(world: LeadWorld) -> Lead:
    return world.consented(callback_requested_at=world.clock(), salesforce_id="00Q1")


def test_a_wish_to_be_called_back_is_told_by_ids_and_a_link(world: LeadWorld, topic: Topic) -> None:
    a_team(world, topic).callback_requested(wished(world), TASK)
    (request,) = topic.requests
    assert request["TopicArn"] == ARN
    assert json.loads(request["Message"]) == {
        "kind": "callback_requested",
        "interaction_id": INTERACTION,
        "lead_id": "00Q1",
        "task_id": TASK,
        "link": f"https://acme.my.salesforce.com/{TASK}",
    }


def test_nothing_of_the_person_is_told(world: LeadWorld, topic: Topic) -> None:
    team = a_team(world, topic)
    team.callback_requested(wished(world), TASK)
    team.lead_parked(INTERACTION, "create_lead")
    team.deletion_waits("request#1")
    told = json.dumps(topic.requests)
    assert len(topic.requests) == 3
    assert not [word for word in ("Maria", "Lopez", PHONE, "technology") if word in told]


def test_a_parked_lead_is_told_by_its_id_and_what_was_given_up(
    world: LeadWorld, topic: Topic
) -> None:
    a_team(world, topic).lead_parked(INTERACTION, "start")
    (request,) = topic.requests
    assert (request["TopicArn"], request["Subject"]) == (ARN, SUBJECTS["lead_parked"])
    expected = {"kind": "lead_parked", "interaction_id": INTERACTION, "reason": "start"}
    assert json.loads(request["Message"]) == expected


@pytest.mark.parametrize("status", [400, 500])
def test_a_parking_that_cannot_be_told_is_an_error_for_the_caller(
    world: LeadWorld, topic: Topic, status: int
) -> None:
    topic.errors = [client_error("InternalFailure", status)]
    with pytest.raises(DependencyError):
        a_team(world, topic).lead_parked(INTERACTION, "start")


def test_it_is_told_once_however_often_it_is_asked_for(world: LeadWorld, topic: Topic) -> None:
    team, lead = a_team(world, topic), wished(world)
    team.callback_requested(lead, TASK)
    # The same lead as it was read before it was told.
    team.callback_requested(lead, TASK)
    world.clock.advance(TELLING_SECONDS + 1)
    team.callback_requested(lead, TASK)
    assert len(topic.requests) == 1
    assert world.lead().callback_notified_at


def test_two_at_the_same_moment_tell_it_once_and_the_other_one_tries_again(
    world: LeadWorld, topic: Topic
) -> None:
    team, lead = a_team(world, topic), wished(world)
    others: list[Exception] = []

    def meanwhile() -> None:
        try:
            team.callback_requested(lead, TASK)
        except RetryableDependencyError as exc:
            others.append(exc)

    topic.before = meanwhile
    team.callback_requested(lead, TASK)
    assert (len(topic.requests), len(others)) == (1, 1)


def test_a_telling_that_failed_is_made_up_for(world: LeadWorld, topic: Topic) -> None:
    team, lead = a_team(world, topic), wished(world)
    topic.errors = [client_error("InternalFailure", 500)]
    with pytest.raises(RetryableDependencyError):
        team.callback_requested(lead, TASK)
    assert not world.lead().callback_notified_at
    world.clock.advance(TELLING_SECONDS)
    team.callback_requested(lead, TASK)
    assert len(topic.requests) == 1


def test_a_lead_that_is_gone_is_not_told_of(world: LeadWorld, topic: Topic) -> None:
    lead = wished(world)
    world.services.leads.delete(INTERACTION)
    a_team(world, topic).callback_requested(lead, TASK)
    assert topic.requests == []
    assert world.services.leads.get(INTERACTION) is None


def test_what_sns_refuses_is_an_error_without_the_message(world: LeadWorld, topic: Topic) -> None:
    topic.errors = [client_error("AuthorizationError", 403, "about Maria Lopez")]
    with pytest.raises(DependencyError) as caught:
        a_team(world, topic).deletion_waits("request#1")
    assert str(caught.value) == "sns: AuthorizationError"


def test_a_table_that_fails_is_told_to_the_caller_before_anything_is_published(
    world: LeadWorld, topic: Topic
) -> None:
    lead = wished(world)
    world.wire.faults["update_item"] = ["InternalServerError"]
    with pytest.raises(RetryableDependencyError):
        a_team(world, topic).callback_requested(lead, TASK)
    assert topic.requests == []
