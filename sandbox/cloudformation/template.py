"""A template as CloudFormation reads it: text to data, and what is wrong with its form.

The wording of the errors is CloudFormation's where clients and people look for it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from sandbox.aws_api import ApiError
from sandbox.cloudformation import parameters
from sandbox.cloudformation.parameters import Declared

Node = dict[str, Any]

MOST_BYTES = 51_200
"""Of a template in the request; from S3 it may have a megabyte ("CloudFormation quotas")."""
MOST_BYTES_IN_S3 = 1_048_576
MOST_RESOURCES = 500

NAMED_TYPES = {"AWS::IAM::Role": "RoleName", "AWS::IAM::ManagedPolicy": "ManagedPolicyName"}
_IAM = "AWS::IAM::"
_POLICIES = ("Delete", "Retain", "RetainExceptOnCreate")
_SECTIONS = frozenset(
    """AWSTemplateFormatVersion Description Metadata Parameters Conditions Resources Outputs
    Rules Mappings Transform""".split()  # noqa: SIM905 - one name per quote hides the list
)
_NOT_PLAYED = frozenset(("Rules", "Mappings", "Transform"))
_ATTRIBUTES = frozenset(
    (
        *("Type", "Properties", "Condition", "DependsOn", "Metadata"),
        *("DeletionPolicy", "UpdateReplacePolicy"),
    )
)


@dataclass(frozen=True, slots=True)
class Template:
    """A template that can be used; `text` is as it was given."""

    text: str
    declared: Mapping[str, Declared]
    conditions: Mapping[str, Any]
    resources: Mapping[str, Node]
    outputs: Mapping[str, Node]
    description: str = ""
    metadata: Any = None

    @property
    def types(self) -> list[str]:
        return sorted({resource["Type"] for resource in self.resources.values()})

    def capabilities(self) -> list[str]:
        """What whoever creates it has to acknowledge."""
        named = any(
            NAMED_TYPES.get(each["Type"], "-") in each.get("Properties", {})
            for each in self.resources.values()
        )
        if named:
            return ["CAPABILITY_NAMED_IAM"]
        has_iam = any(kind.startswith(_IAM) for kind in self.types)
        return ["CAPABILITY_IAM"] if has_iam else []


def read(text: str, known_types: Collection[str]) -> Template:
    """The template; ApiError (ValidationError) says what CloudFormation says of a faulty one."""
    document = _loaded(text)
    for problem in _problems(document, known_types):
        raise invalid(problem)
    return Template(
        text=text,
        declared=parameters.declared(document.get("Parameters") or {}),
        conditions=document.get("Conditions") or {},
        resources=document["Resources"],
        outputs=document.get("Outputs") or {},
        description=document.get("Description", ""),
        metadata=document.get("Metadata"),
    )


def invalid(message: str) -> ApiError:
    return ApiError("ValidationError", message)


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: `!Ref a` is `{"Ref": "a"}`, `!Sub b` `Fn::Sub`."""


def _short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Node:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    return {name: value}


_Loader.add_multi_constructor("!", _short_form)
# A version such as 2012-10-17 is text to CloudFormation, quoted or not.
_Loader.yaml_implicit_resolvers = {
    first: [pair for pair in resolvers if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _loaded(text: str) -> Node:
    try:
        document = json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, _Loader)  # noqa: S506 - a safe loader
    except (ValueError, yaml.YAMLError) as exc:
        kind = "JSON not well-formed" if text.lstrip().startswith("{") else "YAML not well-formed"
        raise invalid(f"Template format error: {kind}. ({exc})") from exc
    if not isinstance(document, dict):
        raise invalid("Template format error: unsupported structure.")
    return document


def _problems(document: Node, known_types: Collection[str]) -> Iterator[str]:
    if unknown := sorted(document.keys() - _SECTIONS):
        yield f"Invalid template property or properties [{', '.join(unknown)}]"
    if not_played := sorted(document.keys() & _NOT_PLAYED):
        yield f"The sandbox does not play the sections [{', '.join(not_played)}]"
    resources = document.get("Resources")
    if not isinstance(resources, dict) or not resources:
        yield "Template format error: At least one Resources member must be defined."
        return
    if len(resources) > MOST_RESOURCES:
        yield f"Template format error: Number of resources is greater than {MOST_RESOURCES}"
    for name, resource in resources.items():
        yield from _resource_problems(name, resource)
    unrecognized = sorted({each["Type"] for each in resources.values()} - set(known_types))
    if unrecognized:
        types = ", ".join(unrecognized)
        yield f"Template format error: Unrecognized resource types: [{types}]"
    yield from _condition_problems(document)


def _resource_problems(name: str, resource: Any) -> Iterator[str]:
    where = f"Template format error: [/Resources/{name}]"
    if not name.isalnum():
        yield f"Template format error: Resource name {name} is non alphanumeric."
    if not isinstance(resource, dict) or "Type" not in resource:
        yield f"{where} Every Resources object must contain a Type member."
        return
    if unknown := sorted(resource.keys() - _ATTRIBUTES):
        yield f"Invalid template resource property '{unknown[0]}' of {name}"
    for attribute in ("DeletionPolicy", "UpdateReplacePolicy"):
        if resource.get(attribute, "Delete") not in _POLICIES:
            yield f"Template error: Unrecognized {attribute} {resource[attribute]} for {name}"


def _condition_problems(document: Node) -> Iterator[str]:
    known = set(document.get("Conditions") or {})
    users = {**document["Resources"], **(document.get("Outputs") or {})}
    for name, item in users.items():
        condition = item.get("Condition", "") if isinstance(item, dict) else ""
        if condition and condition not in known:
            yield f"Template format error: Unresolved condition {condition} of {name}"
