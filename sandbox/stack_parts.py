"""What the makers of a stack's resources are given and give back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.steps import StartError

ClientOf = Callable[[str], Any]

# What changes nothing that the sandbox shows.
_IGNORED = frozenset(("Tags",))


@dataclass(frozen=True, slots=True)
class Made:
    """`name` is what a person calls it, `ref` what Ref gives, `attributes` what GetAtt gives."""

    name: str
    ref: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Part:
    """One resource with its intrinsics played; `root` is the folder of the whole project."""

    logical_id: str
    properties: dict[str, Any]
    client_of: ClientOf
    root: Path
    _taken: set[str] = field(default_factory=set)

    def take(self, name: str, default: Any = None) -> Any:
        """A property, which then counts as played."""
        self._taken.add(name)
        return self.properties.get(name, default)

    def only(self, *names: str) -> dict[str, Any]:
        """Those properties that are given, under the names they have."""
        return {name: self.take(name) for name in names if name in self.properties}

    def require_all_taken(self, resource_type: str) -> None:
        """StartError for a property that the maker did not look at."""
        left = sorted(self.properties.keys() - self._taken - _IGNORED)
        if left:
            raise StartError(
                f"{self.logical_id}: the sandbox does not play {', '.join(left)} of {resource_type}"
            )


Maker = Callable[[Part], Made]
