"""Creates the tables and secrets of a CloudFormation template by their own APIs.

moto's CloudFormation says CREATE_COMPLETE while it skips what it does not know, so the sandbox
reads the template itself: long-form intrinsics only, so that plain YAML loads it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from sandbox.aws_api import ACCOUNT, REGION
from sandbox.steps import StartError

ClientOf = Callable[[str], Any]

_VARIABLE = re.compile(r"\$\{([^!}]+)\}")
_TABLE_PROPERTIES = (
    *("TableName", "BillingMode", "AttributeDefinitions", "KeySchema", "ProvisionedThroughput"),
    *("GlobalSecondaryIndexes", "LocalSecondaryIndexes", "DeletionProtectionEnabled"),
)


def create(template: Path, stage: str, client_of: ClientOf) -> list[str]:
    """Create what the template declares; the names of what was made. StartError if it cannot."""
    document = yaml.safe_load(template.read_text(encoding="utf-8"))
    names = _parameters(document, stage)
    made = []
    for logical_id, resource in document.get("Resources", {}).items():
        maker = _MAKERS.get(resource["Type"])
        if maker is not None:
            properties = _resolve(resource.get("Properties", {}), names)
            made.append(maker(logical_id, properties, client_of))
    return made


def _parameters(document: Mapping[str, Any], stage: str) -> dict[str, str]:
    declared = document.get("Parameters", {})
    defaults = {name: str(p["Default"]) for name, p in declared.items() if "Default" in p}
    pseudo = {"AWS::AccountId": ACCOUNT, "AWS::Region": REGION, "AWS::Partition": "aws"}
    return defaults | pseudo | {"Stage": stage}


def _resolve(value: Any, names: Mapping[str, str]) -> Any:
    """The value with Ref, Fn::Sub and Fn::Join played; StartError for any other intrinsic."""
    if isinstance(value, list):
        return [_resolve(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((name, argument),) = value.items()
        if name == "Ref":
            return names.get(argument, argument)
        if name == "Fn::Sub" and isinstance(argument, str):
            return _VARIABLE.sub(lambda match: names.get(match[1], match[0]), argument)
        if name == "Fn::Join":
            return argument[0].join(_resolve(argument[1], names))
        if name == "Fn::GetAtt":
            return ".".join(argument) if isinstance(argument, list) else argument
        if name.startswith("Fn::"):
            raise StartError(f"the sandbox does not play {name} in a template")
    return {key: _resolve(item, names) for key, item in value.items()}


def _make_table(logical_id: str, properties: dict[str, Any], client_of: ClientOf) -> str:
    dynamodb = client_of("dynamodb")
    request = {name: properties[name] for name in _TABLE_PROPERTIES if name in properties}
    stream = properties.get("StreamSpecification")
    if stream is not None:
        request["StreamSpecification"] = {"StreamEnabled": True, **stream}
    name = str(request.setdefault("TableName", logical_id))
    dynamodb.create_table(**request)
    expiry = properties.get("TimeToLiveSpecification")
    if expiry is not None:
        specification = {"Enabled": expiry["Enabled"], "AttributeName": expiry["AttributeName"]}
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=specification)
    return name


def _make_secret(logical_id: str, properties: dict[str, Any], client_of: ClientOf) -> str:
    """The shell alone where the template gives no value: a person or `ops` fills it in."""
    name = str(properties.get("Name", logical_id))
    request = {"Name": name, "Description": properties.get("Description", "")}
    if "SecretString" in properties:
        request["SecretString"] = properties["SecretString"]
    client_of("secretsmanager").create_secret(**request)
    return name


_MAKERS: dict[str, Callable[[str, dict[str, Any], ClientOf], str]] = {
    "AWS::DynamoDB::Table": _make_table,
    "AWS::SecretsManager::Secret": _make_secret,
}
