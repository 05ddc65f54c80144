"""Plays the intrinsic functions of a template: what a property, condition or output comes to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.aws_api import ACCOUNT, REGION
from sandbox.cloudformation.template import Template, invalid

_VARIABLE = re.compile(r"\$\{(!?)([^}]+)\}")
_NO_VALUE = object()
_NOTHING: tuple[str, Any] = ("", None)
_PSEUDO: Mapping[str, Any] = {
    "AWS::AccountId": ACCOUNT,
    "AWS::NoValue": _NO_VALUE,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::URLSuffix": "amazonaws.com",
}


def _unknown(logical_id: str) -> Any:
    raise LookupError(logical_id)


@dataclass(slots=True)
class Evaluator:
    """One template with its parameters' values.

    `reference` gives a resource's Ref, `attribute` its GetAtt; ApiError (ValidationError) for what
    the template does not have and for functions that are not played.
    """

    template: Template
    values: Mapping[str, str]
    stack_name: str
    stack_id: str
    reference: Callable[[str], Any] = _unknown
    attribute: Callable[[str, str], Any] = lambda logical_id, _: _unknown(logical_id)
    _conditions: dict[str, bool] = field(default_factory=dict)

    def value(self, node: Any) -> Any:
        """What a node comes to, without the members that are AWS::NoValue."""
        if isinstance(node, list):
            items = [self.value(item) for item in node]
            return [item for item in items if item is not _NO_VALUE]
        if not isinstance(node, dict):
            return node
        if function := _function(node):
            return self._played(*function)
        members = {key: self.value(item) for key, item in node.items()}
        return {key: item for key, item in members.items() if item is not _NO_VALUE}

    def holds(self, condition: str) -> bool:
        """Whether a named condition is true."""
        if condition not in self.template.conditions:
            raise invalid(f"Template error: unresolved condition dependency {condition}")
        if condition not in self._conditions:
            self._conditions[condition] = self._is_true(self.template.conditions[condition])
        return self._conditions[condition]

    def is_active(self, item: Mapping[str, Any]) -> bool:
        """Whether a resource or an output is there at all."""
        return "Condition" not in item or self.holds(item["Condition"])

    def active(self) -> dict[str, dict[str, Any]]:
        """The resources that are there, in the template's order."""
        found = self.template.resources.items()
        return {name: each for name, each in found if self.is_active(each)}

    def mentions(self, node: Any) -> Iterator[str]:
        """The resources that a node refers to, along the branches that are taken."""
        if isinstance(node, list):
            for item in node:
                yield from self.mentions(item)
        elif isinstance(node, dict):
            name, argument = _function(node) or _NOTHING
            if name == "Fn::If":
                yield from self.mentions(self._branch(argument))
            else:
                yield from (each for each in _named(name, argument) if self._is_resource(each))
                for item in node.values():
                    yield from self.mentions(item)

    def _is_resource(self, name: str) -> bool:
        return name not in self.values and name not in _OWN and name not in _PSEUDO

    def _played(self, name: str, argument: Any) -> Any:
        players: dict[str, Callable[[Any], Any]] = {
            "Ref": self._reference,
            "Fn::GetAtt": self._get_attribute,
            "Fn::If": lambda found: self.value(self._branch(found)),
            "Fn::Join": lambda found: _texted(found[0]).join(map(_texted, self.value(found[1]))),
            "Fn::Select": lambda found: self.value(found[1])[int(self.value(found[0]))],
            "Fn::Split": lambda found: self.value(found[1]).split(found[0]),
            "Fn::Sub": self._substituted,
        }
        if name not in players:
            raise invalid(f"Template error: the sandbox does not play {name}")
        return players[name](argument)

    def _is_true(self, node: Any) -> bool:
        name, argument = _function(node) or _NOTHING
        if name == "Fn::Equals":
            left, right = (_texted(self.value(each)) for each in argument)
            return left == right
        if name in ("Fn::And", "Fn::Or"):
            holding = (self._is_true(each) for each in argument)
            return all(holding) if name == "Fn::And" else any(holding)
        if name == "Fn::Not":
            return not self._is_true(argument[0])
        if name == "Condition":
            return self.holds(argument)
        raise invalid(f"Template error: the sandbox does not play {name or node} in Conditions")

    def _branch(self, argument: Any) -> Any:
        condition, if_true, if_false = argument
        return if_true if self.holds(condition) else if_false

    def _reference(self, name: str) -> Any:
        if name in self.values:
            return self.template.declared[name].played(self.values[name])
        if name in _OWN:
            return _OWN[name](self)
        if name in _PSEUDO:
            return _PSEUDO[name]
        return self.reference(name)

    def _get_attribute(self, argument: Any) -> Any:
        parts = argument.split(".", 1) if isinstance(argument, str) else argument
        return self.attribute(parts[0], self.value(parts[1]))

    def _substituted(self, argument: Any) -> str:
        text, own = (argument, {}) if isinstance(argument, str) else argument
        names = {name: self.value(value) for name, value in own.items()}

        def variable(match: re.Match[str]) -> str:
            name = match[2].strip()
            if match[1]:
                return f"${{{match[2]}}}"
            if name in names:
                return _texted(names[name])
            is_attribute = "." in name
            found = self._get_attribute(name) if is_attribute else self._reference(name)
            return _texted(found)

        return _VARIABLE.sub(variable, text)


_OWN: Mapping[str, Callable[[Evaluator], Any]] = {
    "AWS::StackName": lambda evaluator: evaluator.stack_name,
    "AWS::StackId": lambda evaluator: evaluator.stack_id,
    "AWS::NotificationARNs": lambda _: [],
}


def _function(node: Any) -> tuple[str, Any] | None:
    """The name and the argument of an intrinsic function, or None for plain data."""
    if not isinstance(node, dict) or len(node) != 1:
        return None
    ((name, argument),) = node.items()
    is_one = name == "Ref" or name.startswith("Fn::")
    return (name, argument) if is_one or _is_condition(name, argument) else None


def _is_condition(name: str, argument: Any) -> bool:
    # A policy statement may have a member of that name too, but never as a text.
    return name == "Condition" and isinstance(argument, str)


def _named(function: str, argument: Any) -> Iterator[str]:
    if function == "Ref":
        yield argument
    elif function == "Fn::GetAtt":
        yield argument.split(".", 1)[0] if isinstance(argument, str) else argument[0]
    elif function == "Fn::Sub":
        text, own = (argument, {}) if isinstance(argument, str) else argument
        for mark, name in _VARIABLE.findall(text):
            if not mark and name.strip() not in own:
                yield name.strip().split(".", 1)[0]


def _texted(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
