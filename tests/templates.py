"""The templates of infra/ as their stacks hold them: files inside, names and conditions played."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from infra.rendering import TEMPLATES, document, template_path

ACCOUNT, REGION = "123456789012", "us-east-1"
INSTANCE = "11111111-2222-4333-8444-555555555555"
_VARIABLE = re.compile(r"\$\{([^}]+)\}")

GIVEN: Mapping[str, str] = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "ConnectInstanceId": INSTANCE,
    "LexBotAliasArn": f"arn:aws:lex:{REGION}:{ACCOUNT}:bot-alias/BOTBOTBOT1/ALIASALIA1",
    "KeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{INSTANCE}",
    "BotId": "BOTBOTBOT1",
    "BotAliasId": "ALIASALIA1",
}
"""Values for parameters without a default, and what CloudFormation itself knows."""


@cache
def template(name: str) -> dict[str, Any]:
    return document(template_path(name))


def resources(name: str, kind: str, stage: str = "prod") -> dict[str, dict[str, Any]]:
    """The played properties of every resource of that type, by logical id."""
    found = template(name)["Resources"].items()
    return {n: played(name, r["Properties"], stage) for n, r in found if r["Type"] == kind}


def played(name: str, value: Any, stage: str) -> Any:
    """Ref, Fn::Sub and Fn::If as far as parameters go; a resource becomes `<its logical id>`."""
    if isinstance(value, list):
        return [played(name, item, stage) for item in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"Ref": reference}:
            return _named(name, reference, stage)
        case {"Fn::GetAtt": parts}:
            return f"<{'.'.join(parts)}>"
        case {"Fn::Sub": str(text)}:
            return _VARIABLE.sub(lambda found: str(_named(name, found[1], stage)), text)
        case {"Fn::If": [condition, if_true, if_false]}:
            left, right = template(name)["Conditions"][condition]["Fn::Equals"]
            holds = played(name, left, stage) == played(name, right, stage)
            return played(name, if_true if holds else if_false, stage)
    return {key: played(name, item, stage) for key, item in value.items()}


def _named(name: str, reference: str, stage: str) -> Any:
    known = {"Stage": stage, **GIVEN}
    if reference in known:
        return known[reference]
    parameters = template(name).get("Parameters", {})
    return parameters.get(reference, {}).get("Default", f"<{reference}>")


__all__ = ["GIVEN", "TEMPLATES", "played", "resources", "template"]
