"""Metric math: arithmetic, comparisons, and the functions that alarms and dashboards use.

Source: CloudWatch user guide, "Using math expressions with CloudWatch metrics". Where one of two
series has no value at a time, neither has their sum. An expression is Python's but for `^`, `&&`
and `||`, so Python parses it; only what is listed here is then carried out.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Series = dict[float, float]
Value = Series | float

_SPELLINGS = (
    (re.compile(r"&&|\bAND\b"), " and "),
    (re.compile(r"\|\||\bOR\b"), " or "),
    (re.compile(r"\^"), "**"),
)
_OPERATORS: dict[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.Lt: lambda a, b: float(a < b),
    ast.LtE: lambda a, b: float(a <= b),
    ast.Gt: lambda a, b: float(a > b),
    ast.GtE: lambda a, b: float(a >= b),
    ast.Eq: lambda a, b: float(a == b),
    ast.NotEq: lambda a, b: float(a != b),
    ast.And: lambda a, b: float(bool(a) and bool(b)),
    ast.Or: lambda a, b: float(bool(a) or bool(b)),
}
_EACH: dict[str, Callable[[float], float]] = {"ABS": abs, "CEIL": math.ceil, "FLOOR": math.floor}
_ACROSS: dict[str, Callable[[Sequence[float]], float]] = {
    "SUM": math.fsum,
    "AVG": lambda values: math.fsum(values) / len(values),
    "MIN": min,
    "MAX": max,
}


@dataclass(frozen=True, slots=True)
class Calculation:
    """What an expression may name: series by id, and every period's start for FILL."""

    series: Mapping[str, Value]
    metrics: Sequence[str]
    timeline: Sequence[float]

    def result(self, expression: str) -> Value:
        """ValueError for what the sandbox does not know."""
        answer: Value | list[Value] = self._of(parsed(expression))
        if isinstance(answer, list):
            raise ValueError("the sandbox returns one series per expression")
        return answer

    def _of(self, node: ast.AST) -> Any:
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        if method is None:
            raise ValueError(f"{type(node).__name__} is no part of metric math")
        return method(node)

    def _constant(self, node: ast.Constant) -> float:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            raise ValueError(f"{node.value!r} is no number")
        return float(node.value)

    def _name(self, node: ast.Name) -> Value:
        if node.id not in self.series:
            raise ValueError(f"there is no metric or expression with the id {node.id}")
        return self.series[node.id]

    def _list(self, node: ast.List) -> list[Value]:
        return [self._of(item) for item in node.elts]

    def _unaryop(self, node: ast.UnaryOp) -> Value:
        if not isinstance(node.op, ast.USub):
            raise ValueError("only a minus may stand before a value")
        return _lifted(operator.neg, self._of(node.operand))

    def _binop(self, node: ast.BinOp) -> Value:
        return _lifted(_operator(node.op), self._of(node.left), self._of(node.right))

    def _compare(self, node: ast.Compare) -> Value:
        if len(node.ops) != 1:
            raise ValueError("comparisons cannot be chained")
        return _lifted(_operator(node.ops[0]), self._of(node.left), self._of(node.comparators[0]))

    def _boolop(self, node: ast.BoolOp) -> Value:
        values: list[Value] = [self._of(value) for value in node.values]
        joined = values[0]
        for other in values[1:]:
            joined = _lifted(_operator(node.op), joined, other)
        return joined

    def _call(self, node: ast.Call) -> Any:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name == "FILL" and len(node.args) == 2:
            return self._filled(self._of(node.args[0]), node.args[1])
        arguments = [self._of(argument) for argument in node.args]
        if name == "METRICS" and not arguments:
            return [self.series[metric] for metric in self.metrics]
        if name == "IF" and len(arguments) in (2, 3):
            return _chosen(*arguments)
        if name in _EACH and len(arguments) == 1:
            return _lifted(_EACH[name], arguments[0])
        if name in _ACROSS and len(arguments) == 1:
            return _across(_ACROSS[name], arguments[0])
        raise ValueError(f"the sandbox knows no {name or 'such'} function of {len(node.args)}")

    def _filled(self, value: Value, filler: ast.AST) -> Value:
        if not isinstance(value, dict):
            return value
        repeats = isinstance(filler, ast.Name) and filler.id == "REPEAT"
        last = None if repeats else self._of(filler)
        filled: Series = {}
        for at in self.timeline:
            last = value.get(at) if repeats and at in value else last
            found = value.get(at, last)
            if found is not None:
                filled[at] = found
        return filled


def parsed(expression: str) -> ast.expr:
    """The expression's tree; ValueError where it has none."""
    for pattern, replacement in _SPELLINGS:
        expression = pattern.sub(replacement, expression)
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except SyntaxError as exc:
        raise ValueError(f"{expression!r} is no expression") from exc


def names(expression: str) -> set[str]:
    """Every id that the expression mentions."""
    return {node.id for node in ast.walk(parsed(expression)) if isinstance(node, ast.Name)}


def _operator(node: ast.AST) -> Callable[[float, float], float]:
    found = _OPERATORS.get(type(node))
    if found is None:
        raise ValueError(f"{type(node).__name__} is no operator of metric math")
    return found


def _lifted(function: Callable[..., float], *values: Value) -> Value:
    """The function at each time at which every series has a value; where it has no result, none."""
    series = [value for value in values if isinstance(value, dict)]
    if not series:
        answer = _attempt(function, values)
        return {} if answer is None else answer
    times = set(series[0]).intersection(*series[1:])
    answers = {at: _attempt(function, [_at(value, at) for value in values]) for at in times}
    return {at: answers[at] for at in sorted(times) if answers[at] is not None}  # type: ignore[misc]


def _attempt(function: Callable[..., float], arguments: Sequence[Any]) -> float | None:
    try:
        answer = function(*arguments)
    except (ZeroDivisionError, OverflowError):
        return None
    return float(answer) if isinstance(answer, int | float) and math.isfinite(answer) else None


def _at(value: Value, at: float) -> float | None:
    return value.get(at) if isinstance(value, dict) else value


def _chosen(condition: Value, then: Value, otherwise: Value | None = None) -> Value:
    other: Value = {} if otherwise is None else otherwise
    if not isinstance(condition, dict):
        return then if condition else other
    chosen = {at: _at(then if holds else other, at) for at, holds in condition.items()}
    return {at: value for at, value in chosen.items() if value is not None}


def _across(function: Callable[[Sequence[float]], float], value: Any) -> Value:
    """Of an array: at each time, of what is there. Of one series: one number."""
    if not isinstance(value, list):
        values = list(value.values()) if isinstance(value, dict) else [value]
        return function(values) if values else {}
    series = [one for one in value if isinstance(one, dict)]
    times = sorted(set().union(*series)) if series else []
    found = {at: [v for one in value if (v := _at(one, at)) is not None] for at in times}
    return {at: function(values) for at, values in found.items()}
