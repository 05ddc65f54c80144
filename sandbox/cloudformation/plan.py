"""What has to happen for a stack to become its target: the order, and what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.cloudformation.intrinsics import Evaluator
from sandbox.cloudformation.kinds import Kind
from sandbox.cloudformation.records import Change, Resource, Stack, Target
from sandbox.cloudformation.template import Node, invalid

_LATER = "{{changeSet:KNOWN_AFTER_APPLY}}"


def evaluator(stack: Stack, target: Target) -> Evaluator:
    return Evaluator(target.template, target.values, stack.name, stack.stack_id)


def needs(evaluator: Evaluator) -> dict[str, tuple[str, ...]]:
    """The resources that are there, each with those before it, all in an order that works.

    ApiError (ValidationError) for what refers to nothing, or to itself.
    """
    active = evaluator.active()
    found = {name: tuple(_needed(evaluator, each, active)) for name, each in active.items()}
    for name in found:
        missing = sorted(set(found[name]) - active.keys())
        if missing:
            names = ", ".join(missing)
            raise invalid(
                f"Template format error: Unresolved resource dependencies [{names}] in the "
                "Resources block of the template"
            )
    return {name: found[name] for name in _ordered(found)}


def _needed(evaluator: Evaluator, resource: Node, active: Mapping[str, Node]) -> Iterator[str]:
    before = resource.get("DependsOn", [])
    for name in [before] if isinstance(before, str) else before:
        # A condition that is false takes the dependency away with the resource.
        if name in active or name not in evaluator.template.resources:
            yield name
    yield from dict.fromkeys(evaluator.mentions(resource.get("Properties", {})))


def _ordered(needs_by_name: Mapping[str, tuple[str, ...]]) -> list[str]:
    done: dict[str, None] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            names = ", ".join(path[path.index(name) :])
            raise invalid(f"Circular dependency between resources: [{names}]")
        if name not in done:
            for each in needs_by_name[name]:
                visit(each, (*path, name))
            done[name] = None

    for name in needs_by_name:
        visit(name, ())
    return list(done)


def changes(stack: Stack, target: Target, kinds: Mapping[str, Kind]) -> list[Change]:
    """What executing would do, in the order in which it would."""
    replaced: set[str] = set()

    def known(logical_id: str) -> Resource | None:
        return None if logical_id in replaced else stack.resources.get(logical_id)

    def reference(logical_id: str) -> Any:
        resource = known(logical_id)
        return resource.physical_id if resource else _LATER

    def attribute(logical_id: str, name: str) -> Any:
        resource = known(logical_id)
        return resource.attributes.get(name, _LATER) if resource else _LATER

    now = evaluator(stack, target)
    now.reference, now.attribute = reference, attribute
    found = []
    for name in needs(now):
        change = _change(stack, now, name, kinds)
        if change is not None:
            found.append(change)
            if change.replaced_by:
                replaced.add(name)
    gone = [each for name, each in stack.resources.items() if name not in now.active()]
    removals = [Change("Remove", each.logical_id, each.physical_id, each.type) for each in gone]
    _check_outputs(now)
    return found + removals[::-1]


def differs(stack: Stack, target: Target, kinds: Mapping[str, Kind]) -> bool:
    """Whether an update would change anything: a resource, an output or the stack's tags."""
    was = stack.target
    if was is None or changes(stack, target, kinds):
        return True
    return (was.tags, was.template.outputs) != (target.tags, target.template.outputs)


def _change(
    stack: Stack, evaluator: Evaluator, name: str, kinds: Mapping[str, Kind]
) -> Change | None:
    node = evaluator.template.resources[name]
    kind, was = node["Type"], stack.resources.get(name)
    properties = evaluator.value(node.get("Properties", {}))
    if was is None:
        return Change("Add", name, "", kind)
    if was.type != kind:
        raise invalid(
            "Update of resource type is not permitted. The new template modifies resource type of "
            f"the following resources: [{name}]"
        )
    differing = differing_names(was.properties, properties)
    scope = ["Properties"] if differing else []
    policies = {"DeletionPolicy": was.deletion_policy, "UpdateReplacePolicy": was.replace_policy}
    scope += [each for each, now in policies.items() if node.get(each, "Delete") != now]
    if not scope:
        return None
    replaced_by = frozenset(kinds[kind].replaced_by(differing))
    about = (was.physical_id, kind, tuple(sorted(differing)), replaced_by, tuple(scope))
    return Change("Modify", name, *about)


def differing_names(was: Mapping[str, Any], now: Mapping[str, Any]) -> set[str]:
    """The properties that are not the same before and after."""
    return {name for name in was.keys() | now.keys() if was.get(name) != now.get(name)}


def _check_outputs(evaluator: Evaluator) -> None:
    active = evaluator.active()
    for name, output in evaluator.template.outputs.items():
        if "Export" in output:
            raise invalid(f"The sandbox plays no Export, which output {name} has")
        if not evaluator.is_active(output):
            continue
        missing = sorted(set(evaluator.mentions(output["Value"])) - active.keys())
        if missing:
            raise invalid(
                f"Template format error: Unresolved resource dependencies [{', '.join(missing)}] "
                "in the Outputs block of the template"
            )
