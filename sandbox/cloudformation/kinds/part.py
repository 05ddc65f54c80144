"""What the makers of a stack's resources are given and give back."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.model import ListShape, MapShape, Shape, StructureShape

ClientOf = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Made:
    """`name` is what a person calls it, `ref` its physical id, which Ref gives, too.

    `attributes` is what GetAtt gives.
    """

    name: str
    ref: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Part:
    """One resource with its intrinsics played.

    `physical_id` is set by its maker as soon as there is something that a roll-back must delete.
    `before` are the properties that a change starts from.
    """

    logical_id: str
    properties: Mapping[str, Any]
    client_of: ClientOf
    stack_name: str = "sandbox"
    physical_id: str = ""
    before: Mapping[str, Any] = field(default_factory=dict)

    def get(self, name: str, default: Any = None) -> Any:
        return self.properties.get(name, default)

    def only(self, *names: str) -> dict[str, Any]:
        """Those properties that are given, under the names they have."""
        return {name: self.properties[name] for name in names if name in self.properties}

    def name(self, property_name: str) -> str:
        """The name that is given, or one as CloudFormation makes it."""
        given = self.properties.get(property_name)
        return str(given) if given else self.physical_id or self.generated_name()

    def generated_name(self) -> str:
        return f"{self.stack_name}-{self.logical_id}-{uuid.uuid4().hex[:12].upper()}"

    def call(self, service: str, operation: str, **request: Any) -> Any:
        """Call an operation by its API name, texts made the numbers and booleans that it takes."""
        client = self.client_of(service)
        shape = client.meta.service_model.operation_model(operation).input_shape
        return getattr(client, xform_name(operation))(**(typed(request, shape)))


Maker = Callable[[Part], Made]
Deleter = Callable[[Part], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """A resource type: `properties` is all that is played of it, `fixed` what replaces it.

    Without `change` any change replaces it.
    """

    make: Maker
    delete: Deleter
    properties: frozenset[str]
    fixed: frozenset[str] = frozenset()
    change: Maker | None = None

    def replaced_by(self, changed: set[str]) -> set[str]:
        """Those of the changed properties that need a new resource."""
        return changed if self.change is None else changed & self.fixed

    def unknown(self, properties: Mapping[str, Any]) -> list[str]:
        return sorted(properties.keys() - self.properties - _IGNORED)


# What changes nothing that the sandbox shows.
_IGNORED = frozenset(("Tags",))


def names(text: str) -> frozenset[str]:
    return frozenset(text.split())


def gone(call: Callable[[], Any], *codes: str) -> None:
    """Run a deletion; that there is nothing left to delete is as good."""
    try:
        call()
    except ClientError as exc:
        if exc.response["Error"]["Code"] not in (*codes, "ResourceNotFoundException"):
            raise


def typed(value: Any, shape: Shape | None) -> Any:
    """The value with texts made numbers and booleans where the shape wants them."""
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        return {name: typed(item, shape.members.get(name)) for name, item in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [typed(item, shape.member) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {name: typed(item, shape.value) for name, item in value.items()}
    wanted = shape.type_name if shape is not None else ""
    return _scalar(value, wanted)


def _scalar(value: Any, wanted: str) -> Any:
    if isinstance(value, str):
        if wanted in ("integer", "long"):
            return int(value)
        if wanted in ("float", "double"):
            return float(value)
        if wanted == "boolean":
            return value.lower() == "true"
    if wanted == "string" and isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return value


def removed(part: Part, name: str, key: Callable[[Any], Any]) -> Iterator[Any]:
    """The items of a list property that the change leaves out, told apart by `key`."""
    kept = {key(item) for item in part.get(name, [])}
    return (item for item in part.before.get(name, []) if key(item) not in kept)
