"""`maxResults` and `nextToken`, the same for every list operation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from sandbox.aws_api import Params
from sandbox.lex.state import invalid

Item = TypeVar("Item")


def page(items: Sequence[Item], params: Params) -> tuple[Sequence[Item], Params]:
    """The asked part and, if there is more, the members that lead to it."""
    token = params.get("nextToken") or "0"
    if not token.isdigit():
        raise invalid("The nextToken is not one that was given out.")
    start = int(token)
    end = start + (params.get("maxResults") or 1000)
    return items[start:end], ({"nextToken": str(end)} if end < len(items) else {})
