"""Reads SOQL: SELECT ... FROM ... WHERE ... ORDER BY ... LIMIT, into a tree; knows no object.

AND and OR beside each other need parentheses, as in Salesforce. What it does not play (functions,
subqueries, relationships, date literals) is MALFORMED_QUERY, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeVar

from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.soql_tokens import Token, malformed, tokens, unescape

T = TypeVar("T")
Kind = Literal["string", "number", "date", "datetime", "boolean", "null"]

_OPERATORS = ("=", "!=", "<>", "<", "<=", ">", ">=")


class Name(NamedTuple):
    """A name as written, and where it stands (0 is the first character)."""

    text: str
    position: int


@dataclass(frozen=True, slots=True)
class Value:
    """A value; `text` is unescaped, but for `like`, which still tells a percent sign apart."""

    kind: Kind
    text: str = ""
    like: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`operator` in capitals; several values only for IN and NOT IN."""

    field: Name
    operator: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """`word` is AND, OR or NOT (of one part)."""

    word: str
    parts: tuple[Condition, ...]


Condition = Comparison | Group


@dataclass(frozen=True, slots=True)
class Order:
    field: Name
    descending: bool = False
    nulls_last: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """No `fields` means SELECT COUNT()."""

    text: str
    fields: tuple[Name, ...]
    source: Name
    where: Condition | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0


def parse(text: str) -> Query:
    """The tree of a query; SalesforceError MALFORMED_QUERY says where it cannot be read."""
    return _Parser(text).query()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._at = 0

    def query(self) -> Query:
        self._expect("SELECT")
        fields = self._fields()
        self._expect("FROM")
        source = self._name()
        where = self._condition() if self._take("WHERE") else None
        order = self._order() if self._take("ORDER") else ()
        limit = self._count() if self._take("LIMIT") else None
        offset = self._count() if self._take("OFFSET") else 0
        if self._peek().kind != "end":
            raise self._unexpected()
        return Query(self._text, fields, source, where, order, limit, offset)

    def _fields(self) -> tuple[Name, ...]:
        if self._peek().text.upper() == "COUNT" and self._peek(1).text == "(":
            for sign in ("COUNT", "(", ")"):
                self._expect(sign)
            return ()
        return self._list(self._name)

    def _condition(self) -> Condition:
        parts = [self._term()]
        word = self._peek().text.upper()
        if word not in ("AND", "OR"):
            return parts[0]
        while self._take(word):
            parts.append(self._term())
        if self._peek().text.upper() in ("AND", "OR"):
            raise self._unexpected()
        return Group(word, tuple(parts))

    def _term(self) -> Condition:
        if self._take("NOT"):
            return Group("NOT", (self._term(),))
        if self._take("("):
            inner = self._condition()
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Comparison:
        name = self._name()
        if self._take("NOT"):
            self._expect("IN")
            return Comparison(name, "NOT IN", self._literals())
        if self._take("IN"):
            return Comparison(name, "IN", self._literals())
        if self._take("LIKE"):
            return Comparison(name, "LIKE", (self._literal(),))
        if self._peek().text not in _OPERATORS:
            raise self._unexpected()
        operator = self._next().text
        return Comparison(name, "!=" if operator == "<>" else operator, (self._literal(),))

    def _literals(self) -> tuple[Value, ...]:
        self._expect("(")
        values = self._list(self._literal)
        self._expect(")")
        return values

    def _literal(self) -> Value:
        token = self._peek()
        if token.kind == "string":
            return self._string(self._next())
        if token.kind in ("number", "date", "datetime"):
            return Value(token.kind, self._next().text)  # type: ignore[arg-type]
        if token.text.lower() in ("true", "false"):
            return Value("boolean", self._next().text.lower())
        if self._take("NULL"):
            return Value("null")
        raise self._unexpected()

    def _string(self, token: Token) -> Value:
        return Value("string", *unescape(self._text, token.text[1:-1], token.position))

    def _order(self) -> tuple[Order, ...]:
        self._expect("BY")
        return self._list(self._order_item)

    def _order_item(self) -> Order:
        name = self._name()
        descending = self._take("DESC") or (self._take("ASC") and False)
        nulls_last = False
        if self._take("NULLS"):
            nulls_last = self._take("LAST") or (self._expect("FIRST") and False)
        return Order(name, descending, nulls_last)

    def _count(self) -> int:
        token = self._peek()
        if token.kind != "number" or not token.text.isdigit():
            raise self._unexpected()
        return int(self._next().text)

    def _name(self) -> Name:
        token = self._peek()
        if token.kind != "name":
            raise self._unexpected()
        return Name(self._next().text, token.position)

    def _list(self, item: Callable[[], T]) -> tuple[T, ...]:
        items = [item()]
        while self._take(","):
            items.append(item())
        return tuple(items)

    def _peek(self, ahead: int = 0) -> Token:
        return self._tokens[min(self._at + ahead, len(self._tokens) - 1)]

    def _next(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, word: str) -> bool:
        token = self._peek()
        is_it = token.kind in ("name", "sign") and token.text.upper() == word
        self._at += is_it
        return is_it

    def _expect(self, word: str) -> bool:
        if not self._take(word):
            raise self._unexpected()
        return True

    def _unexpected(self) -> SalesforceError:
        token = self._peek()
        said = "<EOF>" if token.kind == "end" else token.text
        return malformed(self._text, token.position, f"unexpected token: '{said}'")
