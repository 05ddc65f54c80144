"""A template's parameters: how they are declared, and the values that they get or refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.aws_api import ApiError

TYPES = ("String", "Number", "CommaDelimitedList", "List<Number>")
_MASK = "****"


@dataclass(frozen=True, slots=True)
class Declared:
    """One parameter of a template; `rules` are its members as they stand there."""

    name: str
    kind: str
    rules: Mapping[str, Any]

    @property
    def default(self) -> str | None:
        return str(self.rules["Default"]) if "Default" in self.rules else None

    @property
    def is_hidden(self) -> bool:
        return str(self.rules.get("NoEcho", False)).lower() == "true"

    def shown(self, value: str) -> str:
        """The value as describing operations show it."""
        return _MASK if self.is_hidden else value

    def played(self, value: str) -> str | list[str]:
        """What Ref gives: numbers stay texts."""
        if self.kind in ("CommaDelimitedList", "List<Number>"):
            return [part.strip() for part in value.split(",")]
        return value


def declared(section: Mapping[str, Any]) -> dict[str, Declared]:
    """The parameters by name; ApiError for a type that is not played."""
    found = {}
    for name, rules in section.items():
        kind = rules.get("Type")
        if kind not in TYPES:
            raise _invalid(f"Template format error: Unrecognized parameter type: {kind}")
        found[name] = Declared(name, kind, rules)
    return found


def values(
    known: Mapping[str, Declared],
    given: Sequence[Mapping[str, Any]],
    previous: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Each parameter's value; ApiError (ValidationError) for the first rule that is broken.

    `previous` are a stack's values now, for `UsePreviousValue`.
    """
    by_name = {each["ParameterKey"]: each for each in given}
    if unknown := [name for name in by_name if name not in known]:
        raise _invalid(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    found = {name: _value(each, by_name.get(name), previous) for name, each in known.items()}
    if missing := [name for name, value in found.items() if value is None]:
        raise _invalid(f"Parameters: [{', '.join(missing)}] must have values")
    for name, value in found.items():
        for problem in broken_rules(known[name], value or ""):
            raise _invalid(problem)
    return {name: value or "" for name, value in found.items()}


def _value(
    parameter: Declared, given: Mapping[str, Any] | None, previous: Mapping[str, str] | None
) -> str | None:
    if given is None:
        return parameter.default
    if not given.get("UsePreviousValue"):
        return given.get("ParameterValue")
    if previous is None or parameter.name not in previous:
        raise _invalid(
            f"Invalid input for parameter key {parameter.name}. Cannot specify usePreviousValue "
            "as true for a parameter key not in the previous template"
        )
    return previous[parameter.name]


def broken_rules(parameter: Declared, value: str) -> Iterator[str]:
    """One sentence per broken rule; ConstraintDescription takes the place of the rule's own."""
    described = parameter.rules.get("ConstraintDescription")
    for problem in _broken(parameter, value):
        if described:
            problem = f"failed to satisfy constraint: {described}"
        yield f"Parameter '{parameter.name}' {problem}"


def _broken(parameter: Declared, value: str) -> Iterator[str]:
    rules = parameter.rules
    parts = [value] if parameter.kind in ("String", "Number") else value.split(",")
    allowed = [str(each) for each in rules.get("AllowedValues", ())]
    if allowed and any(part.strip() not in allowed for part in parts):
        yield f"must be one of AllowedValues [{', '.join(allowed)}]"
    pattern = rules.get("AllowedPattern")
    if pattern and any(re.fullmatch(pattern, part.strip()) is None for part in parts):
        yield f"must match pattern {pattern}"
    if parameter.kind in ("Number", "List<Number>"):
        for part in parts:
            yield from _broken_bounds(rules, part.strip())
    else:
        yield from _broken_lengths(rules, value)


def _broken_bounds(rules: Mapping[str, Any], value: str) -> Iterator[str]:
    try:
        number = Decimal(value)
    except InvalidOperation:
        yield "must be a number"
        return
    if "MinValue" in rules and number < Decimal(str(rules["MinValue"])):
        yield f"must be a number not less than {rules['MinValue']}"
    if "MaxValue" in rules and number > Decimal(str(rules["MaxValue"])):
        yield f"must be a number not greater than {rules['MaxValue']}"


def _broken_lengths(rules: Mapping[str, Any], value: str) -> Iterator[str]:
    if len(value) < int(rules.get("MinLength", 0)):
        yield f"must contain at least {rules['MinLength']} characters"
    if "MaxLength" in rules and len(value) > int(rules["MaxLength"]):
        yield f"must contain at most {rules['MaxLength']} characters"


def _invalid(message: str) -> ApiError:
    return ApiError("ValidationError", message)
