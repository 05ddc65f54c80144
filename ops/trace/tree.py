"""X-Ray's documents as trees: segments below whoever called them, subsegments below their owner.

A subsegment may be nested in a document or have come by itself; both look alike here. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

Document = Mapping[str, Any]

_LAMBDA = {"AWS::Lambda": "Lambda", "AWS::Lambda::Function": "environment"}
_TOLD_FIRST = ("source", "model", "start", "asked", "stop_reason", "outcome")


@dataclass(slots=True)
class Node:
    """Times in seconds since the epoch; `end` is None while it goes on."""

    id: str
    name: str
    start: float
    end: float | None
    note: str = ""
    is_bad: bool = False
    children: list[Node] = field(default_factory=list)

    def latest(self) -> float:
        """The last moment that is known of it and of all below it."""
        own = self.start if self.end is None else self.end
        return max([own, *(child.latest() for child in self.children)])


def trees(documents: Sequence[Document]) -> list[Node]:
    """The roots by their start; what names a parent that is not there is a root as well."""
    nodes: dict[str, Node] = {}
    parents: dict[str, str] = {}
    for document in documents:
        for parent, part in _parts(document, str(document.get("parent_id", ""))):
            nodes[str(part["id"])] = _node(part)
            parents[str(part["id"])] = parent
    roots: list[Node] = []
    for node in sorted(nodes.values(), key=_place):
        parent_node = nodes.get(parents[node.id])
        (roots if parent_node is None else parent_node.children).append(node)
    return roots


def _place(node: Node) -> tuple[float, float]:
    """By their start; of those that begin within a millisecond the one that ends last first."""
    seconds = inf if node.end is None else node.end - node.start
    return round(node.start, 3), -seconds


def walk(node: Node, depth: int = 0) -> Iterator[tuple[int, Node]]:
    """The node and all below it, with their depths, in the order of a waterfall."""
    yield depth, node
    for child in node.children:
        yield from walk(child, depth + 1)


def _parts(document: Document, parent: str) -> Iterator[tuple[str, Document]]:
    yield parent, document
    for nested in document.get("subsegments", ()):
        yield from _parts(nested, str(document["id"]))


def _node(part: Document) -> Node:
    is_bad = bool(part.get("fault") or part.get("error") or part.get("throttle"))
    end = part.get("end_time")
    return Node(
        id=str(part["id"]),
        name=_name(part),
        start=float(part["start_time"]),
        end=None if end is None else float(end),
        note=_note(part),
        is_bad=is_bad,
    )


def _name(part: Document) -> str:
    if part.get("namespace") == "aws":
        return f"{part['name']}.{part.get('aws', {}).get('operation', '')}".rstrip(".")
    kind = _LAMBDA.get(str(part.get("origin", "")))
    return f"{kind} {part['name']}" if kind else str(part["name"])


def _note(part: Document) -> str:
    """What an engineer asks first, in few words: where from, which model, what went wrong."""
    annotations = part.get("annotations", {})
    told = [str(annotations[key]) for key in _TOLD_FIRST if annotations.get(key)]
    told += [str(part["aws"]["table_name"])] if part.get("aws", {}).get("table_name") else []
    return " ".join([*told, *_wrongs(part)])


def _wrongs(part: Document) -> list[str]:
    flags = [flag.upper() for flag in ("throttle", "fault", "error") if part.get(flag)]
    status = part.get("http", {}).get("response", {}).get("status", 0)
    types = [str(each.get("type")) for each in part.get("cause", {}).get("exceptions", ())]
    return [*flags[:1], *types, *([str(status)] if flags and status else [])]
