"""AnswerTable against moto's DynamoDB and against the tests' fake: one contract for both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import botocore.session
import pytest
from moto import mock_aws

from chalicelib.answer_table import KEYS_PER_READ, LEASE_SECONDS, AnswerTable, Claim, Entry, Found
from chalicelib.errors import RejectedByDependencyError, RetryableDependencyError
from tests.fakes import FakeClock, FakeDynamoDb

KEY = "AboutTechnologyIntent/en_US/chat/abc"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["moto", "fake"])
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "fake":
        yield FakeDynamoDb()
        return
    with mock_aws():
        dynamodb: Any = botocore.session.get_session().create_client("dynamodb")
        dynamodb.create_table(
            TableName="answers",
            KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield dynamodb


@pytest.fixture
def table(client: Any, clock: FakeClock) -> AnswerTable:
    return AnswerTable(lambda: client, "answers", clock)


def an_entry(clock: FakeClock, text: str = "It is serverless.") -> Entry:
    now = clock()
    return Entry(text, "model-a", now, now + 300, now + 86_400, 0.75)


def stored(table: AnswerTable, clock: FakeClock) -> Entry:
    entry = an_entry(clock)
    assert table.store(KEY, table.claim(KEY).lease, entry)
    return entry


def test_the_first_caller_gets_the_lease_and_no_entry(table: AnswerTable, clock: FakeClock) -> None:
    claim = table.claim(KEY)
    assert claim.entry is None
    assert claim.lease
    assert claim.lease_until == clock() + LEASE_SECONDS


def test_the_second_caller_gets_neither(table: AnswerTable) -> None:
    first = table.claim(KEY)
    assert table.claim(KEY) == Claim(lease_until=first.lease_until)


def test_a_lease_alone_is_no_entry(table: AnswerTable) -> None:
    table.claim(KEY)
    assert table.read(KEY).entry is None


def test_a_key_that_nobody_asked_for_is_not_there(table: AnswerTable) -> None:
    assert table.read("never") == Found()


def test_a_lease_that_is_given_back_is_free_at_once(table: AnswerTable) -> None:
    table.release(KEY, table.claim(KEY).lease)
    assert table.claim(KEY).lease


def test_nobody_gives_back_another_s_lease(table: AnswerTable) -> None:
    held = table.claim(KEY)
    table.release(KEY, "not ours")
    assert table.claim(KEY) == Claim(lease_until=held.lease_until)


def test_giving_back_a_lease_keeps_the_answer(table: AnswerTable, clock: FakeClock) -> None:
    entry = stored(table, clock)
    clock.advance(301)
    table.release(KEY, table.claim(KEY).lease)
    assert table.claim(KEY).entry == entry


def test_a_lease_expires_by_itself(table: AnswerTable, clock: FakeClock) -> None:
    first = table.claim(KEY)
    clock.advance(LEASE_SECONDS + 1)
    second = table.claim(KEY)
    assert second.lease
    assert second.lease != first.lease


def test_the_holder_stores_and_everybody_reads(table: AnswerTable, clock: FakeClock) -> None:
    entry = stored(table, clock)
    assert table.read(KEY) == Found(entry)
    assert table.claim(KEY) == Claim(entry)


def test_storing_gives_the_lease_back(table: AnswerTable, clock: FakeClock) -> None:
    stored(table, clock)
    clock.advance(301)
    assert table.claim(KEY).lease


def test_a_writer_whose_lease_was_taken_over_writes_nothing(
    table: AnswerTable, clock: FakeClock
) -> None:
    late = table.claim(KEY)
    clock.advance(LEASE_SECONDS + 1)
    table.claim(KEY)
    assert not table.store(KEY, late.lease, an_entry(clock, "late"))
    assert table.read(KEY).entry is None


def test_a_stale_entry_comes_with_the_lease_to_one_and_without_to_others(
    table: AnswerTable, clock: FakeClock
) -> None:
    entry = stored(table, clock)
    clock.advance(301)
    winner, loser = table.claim(KEY), table.claim(KEY)
    assert winner.entry == loser.entry == entry
    assert winner.lease
    assert not loser.lease


def test_an_entry_past_its_hard_age_is_gone_whatever_the_table_still_holds(
    table: AnswerTable, clock: FakeClock
) -> None:
    stored(table, clock)
    clock.advance(86_401)
    assert table.read(KEY).entry is None
    claim = table.claim(KEY)
    assert claim.entry is None
    assert claim.lease


def test_who_looks_sees_until_when_it_is_leased(table: AnswerTable) -> None:
    claim = table.claim(KEY)
    assert table.read(KEY) == Found(leased_until=claim.lease_until)


def test_a_fresh_entry_is_leased_to_who_finds_it_due(table: AnswerTable, clock: FakeClock) -> None:
    entry = stored(table, clock)
    assert not table.claim(KEY, entry.fresh_until).lease
    claim = table.claim(KEY, entry.fresh_until + 1)
    assert claim.entry == entry
    assert claim.lease


def test_what_no_model_answered_is_refused_for_a_while(
    table: AnswerTable, clock: FakeClock
) -> None:
    table.release(KEY, table.claim(KEY).lease, 60)
    until = clock() + 60
    assert table.claim(KEY) == Claim(refused_until=until)
    assert table.read(KEY) == Found(refused_until=until)
    clock.advance(61)
    assert table.claim(KEY).lease


def test_nobody_refuses_under_another_s_lease(table: AnswerTable) -> None:
    lease = table.claim(KEY).lease
    table.release(KEY, "not ours", 60)
    assert table.read(KEY).refused_until == 0.0
    table.release(KEY, lease)
    assert table.claim(KEY).lease


def test_a_refusal_keeps_the_answer_and_an_answer_ends_the_refusal(
    table: AnswerTable, clock: FakeClock
) -> None:
    entry = stored(table, clock)
    clock.advance(301)
    table.release(KEY, table.claim(KEY).lease, 60)
    assert table.claim(KEY) == Claim(entry, refused_until=clock() + 60)
    clock.advance(61)
    newer = an_entry(clock, "It is new.")
    assert table.store(KEY, table.claim(KEY).lease, newer)
    assert table.read(KEY) == Found(newer)


def test_many_are_read_at_once_without_what_is_missing_leased_or_gone(
    table: AnswerTable, clock: FakeClock
) -> None:
    keys = [f"key-{number}" for number in range(KEYS_PER_READ + 5)]
    entry = an_entry(clock)
    for key in (keys[0], keys[-1], "gone"):
        lease = table.claim(key).lease
        gone = replace(entry, expires_at=clock() - 1)
        assert table.store(key, lease, gone if key == "gone" else entry)
    table.claim(keys[1])
    assert table.read_many([*keys, "gone"]) == {keys[0]: entry, keys[-1]: entry}
    assert table.read_many([]) == {}


def test_an_entry_that_an_older_version_stored_can_be_read(client: Any, clock: FakeClock) -> None:
    table = AnswerTable(lambda: client, "answers", clock)
    entry = stored(table, clock)
    client.update_item(
        TableName="answers",
        Key={"key": {"S": KEY}},
        UpdateExpression="REMOVE making_seconds",
        ConditionExpression="fresh_until = :fresh",
        ExpressionAttributeValues={":fresh": {"N": repr(entry.fresh_until)}},
        ReturnValues="ALL_OLD",
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )
    assert table.read(KEY).entry == replace(entry, making_seconds=0.0)


def test_two_writers_of_one_lease_do_not_both_store(table: AnswerTable, clock: FakeClock) -> None:
    claim = table.claim(KEY)
    assert table.store(KEY, claim.lease, an_entry(clock))
    assert not table.store(KEY, claim.lease, an_entry(clock, "again"))


def test_what_is_stored_holds_no_words_of_the_visitor(client: Any, clock: FakeClock) -> None:
    table = AnswerTable(lambda: client, "answers", clock)
    stored(table, clock)
    item = client.get_item(TableName="answers", Key={"key": {"S": KEY}}, ConsistentRead=True)
    assert set(item["Item"]) == {
        "key",
        "answer",
        "model",
        "created_at",
        "fresh_until",
        "expires_at",
        "making_seconds",
    }
    assert item["Item"]["expires_at"]["N"].isdigit(), "DynamoDB expires whole seconds only"


def test_a_table_that_does_not_exist_is_a_rejection(clock: FakeClock) -> None:
    with mock_aws():
        dynamodb: Any = botocore.session.get_session().create_client("dynamodb")
        with pytest.raises(RejectedByDependencyError, match="ResourceNotFoundException"):
            AnswerTable(lambda: dynamodb, "missing", clock).read(KEY)


def test_a_table_out_of_reach_is_worth_another_try(clock: FakeClock) -> None:
    dynamodb = FakeDynamoDb()
    dynamodb.is_down = True
    table = AnswerTable(lambda: dynamodb, "answers", clock)
    for call in (table.claim, table.read, lambda key: table.read_many([key])):
        with pytest.raises(RetryableDependencyError, match="EndpointConnectionError"):
            call(KEY)
