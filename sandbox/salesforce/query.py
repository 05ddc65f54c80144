"""Answers a query from the records: which match, in which order, and how many."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from sandbox.salesforce import ids, soql
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.schema import Field, Schema, SObject
from sandbox.salesforce.soql_tokens import located
from sandbox.salesforce.store import Record, Store
from sandbox.salesforce.values import datetime_text

Test = Callable[[Record], bool]

_ADVICE = (
    "If you are attempting to use a custom {what}, be sure to append the '__c' after the {after} "
    "name. Please reference your WSDL or the describe call for the appropriate names."
)
_KINDS = {
    "boolean": ("boolean", "boolean"),
    "int": ("number", "int"),
    "date": ("date", "date"),
    "datetime": ("datetime", "dateTime"),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """`rows` are the records' ids with the fields asked for; none for COUNT()."""

    sobject: SObject
    total: int
    rows: list[tuple[str, Record]]


def run(text: str, schema: Schema, store: Store, include_deleted: bool = False) -> Answer:
    """Answer a query from the store.

    SalesforceError: MALFORMED_QUERY, INVALID_TYPE, INVALID_FIELD, INVALID_QUERY_FILTER_OPERATOR.
    """
    query = soql.parse(text)
    sobject = schema.object(query.source.text)
    if sobject is None:
        raise _invalid_type(query)
    fields = [_field(query, sobject, name) for name in query.fields]
    test = _test(query, sobject, query.where) if query.where else _always
    records = [r for r in store.all(sobject.name, include_deleted) if test(r)]
    for order in reversed(query.order):
        records = _sorted(records, _field(query, sobject, order.field), order)
    chosen = records[query.offset :][: query.limit]
    if not fields:
        return Answer(sobject, len(records), [])
    rows = [(r["Id"], {f.name: r.get(f.name) for f in fields}) for r in chosen]
    return Answer(sobject, len(rows), rows)


def _always(_: Record) -> bool:
    return True


def _test(query: soql.Query, sobject: SObject, condition: soql.Condition) -> Test:
    if isinstance(condition, soql.Comparison):
        return _comparison(query, sobject, condition)
    tests = [_test(query, sobject, part) for part in condition.parts]
    if condition.word == "NOT":
        return lambda record: not tests[0](record)
    combine = all if condition.word == "AND" else any
    return lambda record: combine(test(record) for test in tests)


def _comparison(query: soql.Query, sobject: SObject, comparison: soql.Comparison) -> Test:
    field = _field(query, sobject, comparison.field)
    if not field.is_filterable:
        problem = f"field '{field.name}' can not be filtered in a query call"
        raise _invalid_field(query, comparison.field, problem)
    if comparison.operator == "LIKE":
        return _like(query, field, comparison)
    values = [_operand(query, field, comparison, value) for value in comparison.values]
    return partial(_TESTS[comparison.operator], field, values)


def _like(query: soql.Query, field: Field, comparison: soql.Comparison) -> Test:
    value = comparison.values[0]
    if value.kind != "string" or _KINDS.get(field.kind) or field.kind in ("id", "reference"):
        raise SalesforceError("INVALID_QUERY_FILTER_OPERATOR", "invalid operator on id field")
    pattern = re.compile(_like_pattern(value.like), re.IGNORECASE | re.DOTALL)
    return lambda record: pattern.fullmatch(str(record.get(field.name) or "")) is not None


def _like_pattern(text: str) -> str:
    pieces = re.findall(r"\\.|.", text, re.DOTALL)
    return "".join({"%": ".*", "_": "."}.get(p) or re.escape(p[-1]) for p in pieces)


def _operand(
    query: soql.Query, field: Field, comparison: soql.Comparison, value: soql.Value
) -> Any:
    """The value as the field's records compare; SalesforceError when its type does not fit."""
    if value.kind == "null":
        return None
    literal, said = _KINDS.get(field.kind, ("string", "string"))
    if value.kind != literal:
        how = "should be" if literal == "string" else "should not be"
        problem = (
            f"value of filter criterion for field '{field.name}' must be of type {said} "
            f"and {how} enclosed in quotes"
        )
        raise _invalid_field(query, comparison.field, problem)
    return _converted(field, value)


def _converted(field: Field, value: soql.Value) -> Any:
    if field.kind in ("id", "reference"):
        found = ids.normalise(value.text)
        if found is None:
            raise SalesforceError(
                "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {value.text}"
            )
        return found
    try:
        return _LITERALS[value.kind](value.text)
    except ValueError as exc:
        raise SalesforceError("MALFORMED_QUERY", f"Invalid {value.kind}: {value.text}") from exc


def _datetime_literal(text: str) -> str:
    return datetime_text(datetime.fromisoformat(text).astimezone(UTC))


_LITERALS: dict[str, Callable[[str], Any]] = {
    "string": str.casefold,
    "number": float,
    "boolean": lambda text: text == "true",
    "date": lambda text: date.fromisoformat(text).isoformat(),
    "datetime": _datetime_literal,
}


def _known(field: Field, record: Record) -> Any:
    value = record.get(field.name)
    is_text = isinstance(value, str) and field.kind not in ("id", "reference", "datetime")
    return value.casefold() if is_text and value is not None else value


def _is_in(field: Field, values: list[Any], record: Record) -> bool:
    return _known(field, record) in values


def _is_not_in(field: Field, values: list[Any], record: Record) -> bool:
    return _known(field, record) not in values


def _ordered(
    compare: Callable[[Any, Any], bool], field: Field, values: list[Any], record: Record
) -> bool:
    known = _known(field, record)
    return known is not None and values[0] is not None and compare(known, values[0])


_TESTS: dict[str, Callable[[Field, list[Any], Record], bool]] = {
    "=": _is_in,
    "IN": _is_in,
    "!=": _is_not_in,
    "NOT IN": _is_not_in,
    "<": partial(_ordered, lambda a, b: a < b),
    "<=": partial(_ordered, lambda a, b: a <= b),
    ">": partial(_ordered, lambda a, b: a > b),
    ">=": partial(_ordered, lambda a, b: a >= b),
}


def _sorted(records: Iterable[Record], field: Field, order: soql.Order) -> list[Record]:
    """Nulls come first unless NULLS LAST says otherwise, whichever way the rest is ordered."""
    known = [r for r in records if _known(field, r) is not None]
    unknown = [r for r in records if _known(field, r) is None]
    known.sort(key=lambda record: _known(field, record), reverse=order.descending)
    return known + unknown if order.nulls_last else unknown + known


def _field(query: soql.Query, sobject: SObject, name: soql.Name) -> Field:
    field = sobject.field(name.text)
    if field is None:
        advice = _ADVICE.format(what="field", after="custom field")
        problem = f"No such column '{name.text}' on entity '{sobject.name}'. {advice}"
        raise _invalid_field(query, name, problem)
    return field


def _invalid_field(query: soql.Query, name: soql.Name, problem: str) -> SalesforceError:
    return SalesforceError("INVALID_FIELD", located(query.text, name.position, problem))


def _invalid_type(query: soql.Query) -> SalesforceError:
    advice = _ADVICE.format(what="object", after="entity")
    problem = f"sObject type '{query.source.text}' is not supported. {advice}"
    place = located(query.text, query.source.position, problem)
    return SalesforceError("INVALID_TYPE", place)
