"""DynamoDB's conditional writes: of many at once, exactly one finds its condition true."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.dynamodb.models import DynamoDBBackend

from sandbox.aws_api import REGION
from sandbox.moto_services import dynamodb_writes

WRITERS, ROUNDS = 8, 5


@pytest.fixture
def table() -> Iterator[Any]:
    dynamodb_writes.install()
    with mock_aws():
        client = botocore.session.get_session().create_client(
            "dynamodb", REGION, aws_access_key_id="a", aws_secret_access_key="b"
        )
        client.create_table(
            TableName="t",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
        yield client
        client.close()


def winners(write: Any) -> int:
    start = threading.Barrier(WRITERS)

    def attempt(_: int) -> bool:
        start.wait(10)
        try:
            write()
        except ClientError as error:
            if "ConditionalCheckFailed" in str(error):
                return False
            raise
        return True

    with ThreadPoolExecutor(WRITERS) as pool:
        return sum(pool.map(attempt, range(WRITERS)))


def test_one_of_many_conditional_puts_succeeds(table: Any) -> None:
    for number in range(ROUNDS):

        def put(key: str = str(number)) -> None:
            absent = "attribute_not_exists(id)"
            table.put_item(TableName="t", Item={"id": {"S": key}}, ConditionExpression=absent)

        assert winners(put) == 1


def test_one_of_many_conditional_updates_succeeds(table: Any) -> None:
    for number in range(ROUNDS):

        def update(key: str = str(number)) -> None:
            table.update_item(
                TableName="t",
                Key={"id": {"S": key}},
                UpdateExpression="SET a = :a",
                ConditionExpression="attribute_not_exists(a)",
                ExpressionAttributeValues={":a": {"N": "1"}},
            )

        assert winners(update) == 1


def test_one_of_many_transactions_succeeds(table: Any) -> None:
    for number in range(ROUNDS):

        def transact(key: str = str(number)) -> None:
            put = {
                "TableName": "t",
                "Item": {"id": {"S": key}},
                "ConditionExpression": "attribute_not_exists(id)",
            }
            table.transact_write_items(TransactItems=[{"Put": put}])

        assert winners(transact) == 1


def test_every_operation_that_is_guarded_is_there() -> None:
    there = [name for name in dynamodb_writes._OPERATIONS if hasattr(DynamoDBBackend, name)]
    assert there == list(dynamodb_writes._OPERATIONS)
