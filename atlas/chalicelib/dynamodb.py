"""One DynamoDB table's calls and the values of its flat items, in Python's terms.

botocore's own serialiser belongs to boto3, which does not ship.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws_errors import translated

Item = dict[str, Any]


class ConditionFailedError(Exception):
    """A conditional write found something else; `item` is that, where it was asked for."""

    def __init__(self, item: Item) -> None:
        self.item = item
        super().__init__()


class Table:
    """A table by name; the client is built when it is first needed."""

    def __init__(self, client: Callable[[], Any], name: str) -> None:
        self._client = client
        self.name = name

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        """botocore's `operation` on this table; ConditionFailedError or DependencyError."""
        return self._call(operation, TableName=self.name, **request)

    def read_many(self, keys: Sequence[str]) -> list[Item]:
        """BatchGetItem by the attribute `key`; what is left unread is not asked for again."""
        wanted = {"Keys": [attributes({"key": key}) for key in keys], "ConsistentRead": False}
        answer = self._call("batch_get_item", RequestItems={self.name: wanted})
        items: list[Item] = answer["Responses"].get(self.name, [])
        return items

    def _call(self, operation: str, **request: Any) -> dict[str, Any]:
        try:
            call = getattr(self._client(), operation)
            answer: dict[str, Any] = call(**request)
        except ClientError as exc:
            if exc.response["Error"]["Code"] == "ConditionalCheckFailedException":
                item: Any = dict(exc.response).get("Item", {})
                raise ConditionFailedError(item) from exc
            raise translated("dynamodb", exc) from exc
        except BotoCoreError as exc:
            raise translated("dynamodb", exc) from exc
        return answer


def attribute(value: str | float | tuple[str, ...] | Mapping[str, str]) -> dict[str, Any]:
    """A string, number, list of strings or map of strings as DynamoDB takes it."""
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bool):
        raise TypeError("no item of Atlas holds a boolean")
    if isinstance(value, int | float):
        return {"N": repr(value)}
    if isinstance(value, Mapping):
        return {"M": {name: attribute(each) for name, each in value.items()}}
    return {"L": [attribute(each) for each in value]}


def attributes(values: Mapping[str, Any]) -> Item:
    """An item, a key or expression values."""
    return {name: attribute(value) for name, value in values.items()}


def plain(item: Mapping[str, Any]) -> dict[str, Any]:
    """The item's values; numbers as float, lists as tuples."""
    return {name: _plain(value) for name, value in item.items()}


def _plain(typed: Mapping[str, Any]) -> Any:
    ((kind, value),) = typed.items()
    if kind == "N":
        return float(value)
    if kind == "M":
        return plain(value)
    if kind == "L":
        return tuple(_plain(each) for each in value)
    return value
