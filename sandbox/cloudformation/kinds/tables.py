"""DynamoDB tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.cloudformation.kinds.part import Kind, Made, Part, gone, names

_ASKED = ("BillingMode", "ProvisionedThroughput", "DeletionProtectionEnabled")


def _make(part: Part) -> Made:
    name = part.name("TableName")
    schema = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    request = part.only(*_ASKED, *schema, "LocalSecondaryIndexes")
    if encryption := part.get("SSESpecification"):
        request["SSESpecification"] = _encryption(encryption)
    if stream := part.get("StreamSpecification"):
        request["StreamSpecification"] = {"StreamEnabled": True, **stream}
    made = part.call("dynamodb", "CreateTable", TableName=name, **request)["TableDescription"]
    part.physical_id = name
    _set_expiry(part, name)
    _set_recovery(part, name)
    return _made(name, made)


def _change(part: Part) -> Made:
    """One request per index and per setting, as DynamoDB demands it."""
    name = part.physical_id
    request = {key: part.get(key) for key in _ASKED if part.get(key) != part.before.get(key)}
    request = {key: value for key, value in request.items() if value is not None}
    if _lost(part, "DeletionProtectionEnabled"):
        request["DeletionProtectionEnabled"] = False
    if part.get("SSESpecification") != part.before.get("SSESpecification"):
        encryption = part.get("SSESpecification", {"SSEEnabled": False})
        request["SSESpecification"] = _encryption(encryption)
    if request:
        part.call("dynamodb", "UpdateTable", TableName=name, **request)
    _change_indexes(part, name)
    if part.get("TimeToLiveSpecification") != part.before.get("TimeToLiveSpecification"):
        _set_expiry(part, name)
    _set_recovery(part, name)
    return _made(name, part.call("dynamodb", "DescribeTable", TableName=name)["Table"])


def _lost(part: Part, name: str) -> bool:
    return name in part.before and name not in part.properties


def _change_indexes(part: Part, table: str) -> None:
    was, wanted = (_by_name(each) for each in (part.before, part.properties))
    changes: list[dict[str, Any]] = [
        {"Delete": {"IndexName": name}} for name in was if was[name] != wanted.get(name)
    ]
    changes += [{"Create": each} for name, each in wanted.items() if each != was.get(name)]
    for change in changes:
        part.call(
            *("dynamodb", "UpdateTable"),
            TableName=table,
            AttributeDefinitions=part.get("AttributeDefinitions"),
            GlobalSecondaryIndexUpdates=[change],
        )


def _by_name(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {each["IndexName"]: each for each in properties.get("GlobalSecondaryIndexes", [])}


def _encryption(specification: Mapping[str, Any]) -> dict[str, Any]:
    others = {name: value for name, value in specification.items() if name != "SSEEnabled"}
    return {"Enabled": specification["SSEEnabled"], **others}


def _set_expiry(part: Part, table: str) -> None:
    if expiry := part.get("TimeToLiveSpecification"):
        part.call("dynamodb", "UpdateTimeToLive", TableName=table, TimeToLiveSpecification=expiry)


def _set_recovery(part: Part, table: str) -> None:
    wanted = part.get("PointInTimeRecoverySpecification")
    if wanted != part.before.get("PointInTimeRecoverySpecification"):
        part.call(
            *("dynamodb", "UpdateContinuousBackups"),
            TableName=table,
            PointInTimeRecoverySpecification=wanted or {"PointInTimeRecoveryEnabled": False},
        )


def _delete(part: Part) -> None:
    gone(lambda: part.call("dynamodb", "DeleteTable", TableName=part.physical_id))


def _made(name: str, description: Mapping[str, Any]) -> Made:
    return Made(name, name, {"Arn": description["TableArn"]})


KINDS: Mapping[str, Kind] = {
    "AWS::DynamoDB::Table": Kind(
        _make,
        _delete,
        names(
            "TableName BillingMode AttributeDefinitions KeySchema ProvisionedThroughput "
            "GlobalSecondaryIndexes LocalSecondaryIndexes DeletionProtectionEnabled "
            "SSESpecification StreamSpecification TimeToLiveSpecification "
            "PointInTimeRecoverySpecification"
        ),
        names("TableName KeySchema LocalSecondaryIndexes StreamSpecification"),
        _change,
    ),
}
