"""Makes, changes and deletes a stack's resources, one after the other, and undoes what failed."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from sandbox.aws_api import ApiError
from sandbox.cloudformation import plan
from sandbox.cloudformation.intrinsics import Evaluator
from sandbox.cloudformation.kinds import ClientOf, Kind, Made, Part
from sandbox.cloudformation.records import Resource, Stack, Target
from sandbox.cloudformation.template import Node


class ResourceError(Exception):
    """A resource could not be made, changed or deleted; the message is its status' reason."""

    def __init__(self, logical_id: str, reason: str) -> None:
        super().__init__(reason)
        self.logical_id = logical_id


class Deployer:
    """One stack's resources; every method is for one thread at a time."""

    def __init__(self, stack: Stack, kinds: Mapping[str, Kind], client_of: ClientOf) -> None:
        self._stack, self._kinds, self._client_of = stack, kinds, client_of
        self._leftovers: list[Resource] = []

    def apply(self, target: Target) -> None:
        """Make and change what differs; ResourceError, after which `stack.undos` lead back.

        What is no longer wanted stays until `clean_up`.
        """
        evaluator = plan.evaluator(self._stack, target)
        evaluator.reference, evaluator.attribute = self._reference, self._attribute
        needs = plan.needs(evaluator)
        for logical_id, needed in needs.items():
            self._bring(evaluator, logical_id, needed)
        outputs = _outputs(evaluator)
        stack, kept = self._stack, self._stack.resources
        self._leftovers += [each for name, each in kept.items() if name not in needs]
        stack.resources = {name: kept[name] for name in needs}
        stack.outputs = outputs

    def clean_up(self) -> list[str]:
        """Delete what the update left over; the logical ids of what could not be deleted."""
        failed = []
        for resource in reversed(self._leftovers):
            is_replaced = resource.logical_id in self._stack.resources
            policy = resource.replace_policy if is_replaced else resource.deletion_policy
            if policy != "Delete":
                self._stack.turn_resource(resource, "DELETE_SKIPPED")
            elif not self._deleted(resource):
                failed.append(resource.logical_id)
        self._leftovers = []
        return failed

    def undo(self) -> None:
        """Lead back what `apply` did, newest first; ResourceError where that fails too."""
        undos = self._stack.undos
        while undos:
            undos[-1]()
            undos.pop()

    def delete_all(self, retained: Iterable[str]) -> list[str]:
        """Delete every resource as its policy says; the logical ids of what is still there."""
        kept, failed = set(retained), list[str]()
        for resource in reversed(list(self._stack.resources.values())):
            if self._is_needed(resource, failed):
                continue
            if resource.logical_id in kept or resource.deletion_policy != "Delete":
                self._stack.turn_resource(resource, "DELETE_SKIPPED")
            elif not self._deleted(resource):
                failed.append(resource.logical_id)
        return failed

    def _is_needed(self, resource: Resource, names: list[str]) -> bool:
        return any(resource.logical_id in self._stack.resources[name].needs for name in names)

    def _bring(self, evaluator: Evaluator, logical_id: str, needed: tuple[str, ...]) -> None:
        node, was = evaluator.template.resources[logical_id], self._stack.resources.get(logical_id)
        try:
            properties = evaluator.value(node.get("Properties", {}))
        except ApiError as exc:
            failed = was or _blank(logical_id, node, {}, needed)
            verb = "UPDATE" if was else "CREATE"
            self._stack.turn_resource(failed, f"{verb}_FAILED", exc.message)
            raise ResourceError(logical_id, exc.message) from exc
        if was is None:
            self._make(_blank(logical_id, node, properties, needed), None)
            return
        differing = plan.differing_names(was.properties, properties)
        if not differing:
            was.needs = needed
            was.deletion_policy, was.replace_policy = _policies(node)
        elif self._kinds[was.type].replaced_by(differing):
            self._make(_blank(logical_id, node, properties, needed), was)
        else:
            self._change(was, _blank(logical_id, node, properties, needed))

    def _make(self, resource: Resource, replaced: Resource | None) -> None:
        verb = "UPDATE" if replaced else "CREATE"
        self._stack.resources[resource.logical_id] = resource
        self._stack.undos.append(partial(self._unmake, resource, replaced))
        self._stack.turn_resource(resource, f"{verb}_IN_PROGRESS")
        part = self._part(resource)
        try:
            self._fill(resource, self._kinds[resource.type].make, part)
        except ResourceError as exc:
            resource.physical_id = part.physical_id
            self._stack.turn_resource(resource, f"{verb}_FAILED", str(exc))
            raise
        self._stack.turn_resource(resource, f"{verb}_COMPLETE")
        if replaced:
            self._leftovers.append(replaced)

    def _unmake(self, resource: Resource, replaced: Resource | None) -> None:
        """Undo a creation, or a replacement, whose old resource is still there."""
        if not resource.physical_id:
            pass
        elif resource.deletion_policy == "Retain" and not self._stack.retain_except_on_create:
            self._stack.turn_resource(resource, "DELETE_SKIPPED")
        elif not self._deleted(resource):
            raise ResourceError(resource.logical_id, resource.reason)
        if replaced:
            self._stack.resources[resource.logical_id] = replaced
            self._stack.turn_resource(replaced, "UPDATE_COMPLETE")
        else:
            resource.physical_id = ""
            self._stack.resources.pop(resource.logical_id, None)

    def _change(self, was: Resource, wanted: Resource) -> None:
        wanted.physical_id = was.physical_id
        self._stack.resources[was.logical_id] = wanted
        self._stack.undos.append(partial(self._change_back, wanted, was))
        self._run_change(wanted, was.properties)

    def _change_back(self, resource: Resource, was: Resource) -> None:
        self._stack.resources[was.logical_id] = was
        self._run_change(was, resource.properties)

    def _run_change(self, resource: Resource, before: Mapping[str, Any]) -> None:
        self._stack.turn_resource(resource, "UPDATE_IN_PROGRESS")
        kind, part = self._kinds[resource.type], self._part(resource)
        part.before = before
        try:
            self._fill(resource, kind.change or kind.make, part)
        except ResourceError as exc:
            self._stack.turn_resource(resource, "UPDATE_FAILED", str(exc))
            raise
        self._stack.turn_resource(resource, "UPDATE_COMPLETE")

    def _deleted(self, resource: Resource) -> bool:
        """Whether it could be deleted."""
        self._stack.turn_resource(resource, "DELETE_IN_PROGRESS")
        try:
            self._kinds[resource.type].delete(self._part(resource))
        except Exception as exc:
            self._stack.turn_resource(resource, "DELETE_FAILED", _reason(exc))
            return False
        self._stack.turn_resource(resource, "DELETE_COMPLETE")
        return True

    def _fill(self, resource: Resource, run: Any, part: Part) -> None:
        if unknown := self._kinds[resource.type].unknown(part.properties):
            keys = ", ".join(unknown)
            reason = (
                f"Properties validation failed for resource {resource.logical_id} with message: "
                f"#: extraneous key [{keys}] is not permitted"
            )
            raise ResourceError(resource.logical_id, reason)
        try:
            made: Made = run(part)
        except Exception as exc:
            raise ResourceError(resource.logical_id, _reason(exc)) from exc
        resource.physical_id, resource.attributes = made.ref, made.attributes

    def _part(self, resource: Resource) -> Part:
        return Part(
            resource.logical_id,
            resource.properties,
            self._client_of,
            self._stack.name,
            physical_id=resource.physical_id,
        )

    def _reference(self, logical_id: str) -> str:
        return self._stack.resources[logical_id].physical_id

    def _attribute(self, logical_id: str, name: str) -> str:
        attributes = self._stack.resources[logical_id].attributes
        if name not in attributes:
            raise ApiError(
                "ValidationError",
                f"Requested attribute {name} must be a readonly property in schema for "
                f"{self._stack.resources[logical_id].type}",
            )
        return attributes[name]


def _blank(
    logical_id: str, node: Node, properties: dict[str, Any], needed: tuple[str, ...]
) -> Resource:
    return Resource(logical_id, node["Type"], "", properties, {}, needed, *_policies(node))


def _outputs(evaluator: Evaluator) -> dict[str, str]:
    found = evaluator.template.outputs.items()
    return {
        n: str(evaluator.value(each["Value"])) for n, each in found if evaluator.is_active(each)
    }


def _policies(node: Node) -> tuple[str, str]:
    return node.get("DeletionPolicy", "Delete"), node.get("UpdateReplacePolicy", "Delete")


def _reason(exc: Exception) -> str:
    """As a resource's handler tells CloudFormation of a service's refusal."""
    if isinstance(exc, ApiError):
        code, message, status = exc.code, exc.message, exc.status
    elif isinstance(exc, ClientError):
        code, message = exc.response["Error"]["Code"], exc.response["Error"].get("Message", "")
        status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    else:
        return f"Resource handler returned message: {type(exc).__name__}: {exc}"
    return (
        f'Resource handler returned message: "{message} (Error Code: {code}, Status Code: '
        f'{status})" (RequestToken: {uuid.uuid4()}, HandlerErrorCode: {_handler_code(code)})'
    )


def _handler_code(code: str) -> str:
    if "AlreadyExists" in code or code == "ResourceInUseException":
        return "AlreadyExists"
    if "NotFound" in code or "NoSuch" in code:
        return "NotFound"
    if "Throttl" in code or "TooMany" in code:
        return "Throttling"
    return "AccessDenied" if "AccessDenied" in code else "InvalidRequest"
