"""Creates what a CloudFormation template declares by each service's own API.

moto's CloudFormation says CREATE_COMPLETE while it skips what it does not know, so the sandbox
reads the template itself: long-form intrinsics only, so that plain YAML loads it. What it does not
know, of types, properties and intrinsics, is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra import rendering
from sandbox.aws_api import ACCOUNT, REGION
from sandbox.stack_parts import ClientOf, Made, Maker, Part
from sandbox.stack_storage import MAKERS as STORAGE
from sandbox.stack_workflow import MAKERS as WORKFLOW
from sandbox.steps import StartError

MAKERS: Mapping[str, Maker] = {**STORAGE, **WORKFLOW}

_VARIABLE = re.compile(r"\$\{(!?)([^}]+)\}")
_PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}


def create(
    template: Path, stage: str, client_of: ClientOf, parameters: Mapping[str, str] | None = None
) -> list[str]:
    """Create what the template declares; the names of what was made. StartError if it cannot."""
    document = rendering.document(template)
    values = _parameters(template, document, {"Stage": stage, **(parameters or {})})
    conditions = document.get("Conditions", {})
    stack = _Stack(template, document.get("Resources", {}), conditions, values, client_of)
    stack.require_known_types()
    return [stack.made(logical_id).name for logical_id in stack.resources]


def _parameters(
    template: Path, document: Mapping[str, Any], given: Mapping[str, str]
) -> dict[str, str]:
    declared = document.get("Parameters", {})
    defaults = {name: str(p["Default"]) for name, p in declared.items() if "Default" in p}
    values = defaults | {name: value for name, value in given.items() if name in declared}
    if missing := sorted(set(declared) - set(values)):
        raise StartError(f"{template.name} has no value for {', '.join(missing)}")
    if unknown := sorted(set(given) - set(declared) - {"Stage"}):
        raise StartError(f"{template.name} has no parameter {', '.join(unknown)}")
    return values | _PSEUDO


class _Stack:
    """Makes each resource once, what it refers to before it."""

    def __init__(
        self,
        template: Path,
        resources: Mapping[str, Any],
        conditions: Mapping[str, Any],
        values: Mapping[str, str],
        client_of: ClientOf,
    ) -> None:
        self.resources, self._conditions = resources, conditions
        self._template, self._values, self._client_of = template, values, client_of
        self._made: dict[str, Made] = {}
        self._begun: set[str] = set()

    def require_known_types(self) -> None:
        """Before the first one is made, so that nothing half done is left to wonder about."""
        unknown = sorted(
            f"{logical_id} is an {resource['Type']}"
            for logical_id, resource in self.resources.items()
            if resource["Type"] not in MAKERS or "Condition" in resource
        )
        if unknown:
            message = f"the sandbox cannot make all of {self._template.name}: "
            raise StartError(message + "; ".join(unknown))

    def made(self, logical_id: str) -> Made:
        if logical_id not in self._made:
            if logical_id in self._begun:
                raise StartError(f"{self._template.name}: {logical_id} refers to itself")
            self._begun.add(logical_id)
            self._made[logical_id] = self._make(logical_id)
        return self._made[logical_id]

    def _make(self, logical_id: str) -> Made:
        resource = self.resources[logical_id]
        before = resource.get("DependsOn", [])
        for other in [before] if isinstance(before, str) else before:
            self.made(other)
        properties = self._resolve(resource.get("Properties", {}))
        part = Part(logical_id, properties, self._client_of, self._template.parent.parent)
        try:
            made = MAKERS[resource["Type"]](part)
        except StartError:
            raise
        except Exception as exc:
            raise StartError(f"{self._template.name}: {logical_id} cannot be made: {exc}") from exc
        part.require_all_taken(resource["Type"])
        return made

    def _resolve(self, value: Any) -> Any:
        """The value with its intrinsics played; StartError for one that is not known."""
        if isinstance(value, list):
            return [self._resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref":
                return self._reference(argument)
            if name.startswith("Fn::"):
                return self._intrinsic(name, argument)
        return {key: self._resolve(item) for key, item in value.items()}

    def _intrinsic(self, name: str, argument: Any) -> Any:
        if name == "Fn::Sub" and isinstance(argument, str):
            return _VARIABLE.sub(self._variable, argument)
        if name == "Fn::Join":
            return argument[0].join(self._resolve(argument[1]))
        if name == "Fn::GetAtt":
            parts = argument.split(".", 1) if isinstance(argument, str) else argument
            return self._attribute(*parts)
        if name == "Fn::If":
            condition, if_true, if_false = argument
            return self._resolve(if_true if self._holds(condition) else if_false)
        raise StartError(f"the sandbox does not play {name} in {self._template.name}")

    def _holds(self, name: str) -> bool:
        """A condition that compares two values; the sandbox's CloudFormation plays the others."""
        condition = self._conditions.get(name, {})
        if set(condition) != {"Fn::Equals"}:
            raise StartError(f"the sandbox does not play condition {name} in {self._template.name}")
        left, right = self._resolve(condition["Fn::Equals"])
        return bool(left == right)

    def _variable(self, match: re.Match[str]) -> str:
        if match[1]:
            return f"${{{match[2]}}}"
        logical_id, dot, attribute = match[2].partition(".")
        return self._attribute(logical_id, attribute) if dot else self._reference(match[2])

    def _reference(self, name: str) -> str:
        if name in self._values:
            return self._values[name]
        if name in self.resources:
            return self.made(name).ref
        raise StartError(f"{self._template.name} refers to {name}, which it does not have")

    def _attribute(self, logical_id: str, attribute: str) -> str:
        if logical_id not in self.resources:
            raise StartError(f"{self._template.name} has no resource {logical_id}")
        attributes = self.made(logical_id).attributes
        if attribute not in attributes:
            raise StartError(f"the sandbox knows no {logical_id}.{attribute}")
        return attributes[attribute]
