"""Checks a parsed request against the model's constraints, in the words AWS answers with.

botocore's own ParamValidator is the client's half: it leaves upper bounds, patterns and
enumerations to the service, and without those a stand-in is kinder than AWS.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

_SIZED = ("blob", "list", "map", "string")
_NUMBERS = ("integer", "long", "float", "double")


def violations(value: Any, shape: Shape) -> list[str]:
    """One sentence per broken constraint, as in "Value null at 'messages' failed ..."."""
    return list(_check(value, shape, ""))


def summary(problems: list[str]) -> str:
    """The message of a ValidationException that carries `problems`."""
    noun = "error" if len(problems) == 1 else "errors"
    return f"{len(problems)} validation {noun} detected: " + "; ".join(problems)


def _check(value: Any, shape: Shape, path: str) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        yield from _check_structure(value, shape, path)
        return
    yield from _check_scalar(value, shape, path)
    if isinstance(shape, ListShape):
        for index, item in enumerate(value):
            yield from _check(item, shape.member, f"{path}.{index + 1}.member")
    elif isinstance(shape, MapShape):
        for key, item in value.items():
            if item is None:
                continue
            yield from _check(item, shape.value, f"{path}.{key}.member")


def _check_structure(value: Any, shape: StructureShape, path: str) -> Iterator[str]:
    if shape.metadata.get("document"):
        return
    for name in shape.required_members:
        if value.get(name) is None:
            yield _failed("null", _join(path, name), "Member must not be null")
    if shape.is_tagged_union and len(value) != 1:
        yield _failed(f"'{sorted(value)}'", path, "Exactly one member of a union must be set")
    for name, item in value.items():
        if not hasattr(item, "__next__"):
            yield from _check(item, shape.members[name], _join(path, name))


def _check_scalar(value: Any, shape: Shape, path: str) -> Iterator[str]:
    for problem in _broken_rules(value, shape):
        yield _failed(f"'{_shown(value)}'", path, problem)


def _broken_rules(value: Any, shape: Shape) -> Iterator[str]:
    rules = shape.metadata
    if shape.type_name in _SIZED:
        yield from _bounds(len(value), rules, "length")
    elif shape.type_name in _NUMBERS:
        yield from _bounds(value, rules, "value")
    if isinstance(shape, StringShape):
        if shape.enum and value not in shape.enum:
            yield f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"
        pattern = rules.get("pattern")
        if pattern and not _matcher(pattern)(value):
            yield f"Member must satisfy regular expression pattern: {pattern}"


def _bounds(size: float, rules: dict[str, Any], what: str) -> Iterator[str]:
    if "min" in rules and size < rules["min"]:
        yield f"Member must have {what} greater than or equal to {rules['min']}"
    if "max" in rules and size > rules["max"]:
        yield f"Member must have {what} less than or equal to {rules['max']}"


@cache
def _matcher(pattern: str) -> Callable[[str], bool]:
    """A Java pattern that Python cannot read is not checked."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            # Connect's model escapes its backslashes twice; a real one in a pattern is unheard of.
            compiled = re.compile(pattern.replace("\\\\", "\\"))
    except re.error:
        return lambda _: True
    return lambda text: compiled.fullmatch(text) is not None


def _failed(value: str, path: str, rule: str) -> str:
    return f"Value {value} at '{path}' failed to satisfy constraint: {rule}"


def _join(path: str, name: str) -> str:
    lower_first = name[:1].lower() + name[1:]
    return f"{path}.{lower_first}" if path else lower_first


def _shown(value: Any) -> str:
    return str(value) if len(str(value)) <= 200 else f"{str(value)[:200]}..."
