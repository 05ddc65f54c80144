"""Plays CloudFormation for what the sandbox deploys: the tables of a template, by DynamoDB's API.

moto's own CloudFormation says CREATE_COMPLETE for resources that it skips.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

_CREATED = ("TableName", "BillingMode", "AttributeDefinitions", "KeySchema")
_OPTIONAL = ("GlobalSecondaryIndexes", "StreamSpecification")


def create_tables(dynamodb: Any, template: Path, stage: str) -> list[str]:
    """Create every table of the template for `stage`; their names in the template's order.

    ValueError names a resource that is no table: it would be missing here and nobody would know.
    """
    resources = yaml.safe_load(template.read_text(encoding="utf-8"))["Resources"]
    return [
        _create(dynamodb, logical_id, resource, stage) for logical_id, resource in resources.items()
    ]


def _create(dynamodb: Any, logical_id: str, resource: Mapping[str, Any], stage: str) -> str:
    if resource["Type"] != "AWS::DynamoDB::Table":
        raise ValueError(f"{logical_id} is a {resource['Type']}; the sandbox creates tables here")
    properties = _resolved(resource["Properties"], stage)
    name: str = properties["TableName"]
    wanted = {key: properties[key] for key in _CREATED}
    wanted |= {key: properties[key] for key in _OPTIONAL if key in properties}
    dynamodb.create_table(**wanted)
    if ttl := properties.get("TimeToLiveSpecification"):
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)
    return name


def _resolved(value: Any, stage: str) -> Any:
    """The value with `Fn::Sub` and `Ref` of the parameter Stage filled in."""
    if isinstance(value, list):
        return [_resolved(item, stage) for item in value]
    if not isinstance(value, dict):
        return value
    if list(value) == ["Fn::Sub"]:
        return str(value["Fn::Sub"]).replace("${Stage}", stage)
    if value == {"Ref": "Stage"}:
        return stage
    return {key: _resolved(item, stage) for key, item in value.items()}
