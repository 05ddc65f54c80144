"""Makes what a template declares at once, without a stack: the quick way for stage `local`.

The templates are read, and their resources made, by the same code as for CloudFormation; an
unknown type, property or function is an error here too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from infra import rendering
from sandbox.aws_api import ApiError
from sandbox.cloudformation import parameters, plan
from sandbox.cloudformation.kinds import KINDS, ClientOf, Made, Part
from sandbox.cloudformation.records import Target, new_stack
from sandbox.cloudformation.template import read
from sandbox.steps import StartError


def create(
    template: Path, stage: str, client_of: ClientOf, given: Mapping[str, str] | None = None
) -> list[str]:
    """Create what the template declares; the names of what was made. StartError if it cannot."""
    try:
        return _create(template, {"Stage": stage, **(given or {})}, client_of)
    except ApiError as exc:
        raise StartError(f"{template.name}: {exc.message}") from exc


def _create(template: Path, given: Mapping[str, str], client_of: ClientOf) -> list[str]:
    document = read(json.dumps(rendering.document(template)), KINDS)
    asked = [
        {"ParameterKey": name, "ParameterValue": value}
        for name, value in given.items()
        if name != "Stage" or name in document.declared
    ]
    values = parameters.values(document.declared, asked)
    stack = new_stack("sandbox", lambda: 0.0)
    evaluator = plan.evaluator(stack, Target(document, values))
    made: dict[str, Made] = {}
    evaluator.reference = lambda logical_id: made[logical_id].ref
    evaluator.attribute = lambda logical_id, name: _attribute(made[logical_id], name)
    for logical_id in plan.needs(evaluator):
        node = document.resources[logical_id]
        properties = evaluator.value(node.get("Properties", {}))
        part = Part(logical_id, properties, client_of)
        made[logical_id] = _made(template, node["Type"], part)
    return [made[name].name for name in document.resources if name in made]


def _made(template: Path, kind: str, part: Part) -> Made:
    if unknown := KINDS[kind].unknown(part.properties):
        left = ", ".join(unknown)
        raise StartError(f"{part.logical_id}: the sandbox does not play {left} of {kind}")
    try:
        return KINDS[kind].make(part)
    except Exception as exc:
        raise StartError(f"{template.name}: {part.logical_id} cannot be made: {exc}") from exc


def _attribute(made: Made, name: str) -> str:
    if name not in made.attributes:
        raise StartError(f"the sandbox knows no attribute {name} of {made.name}")
    return made.attributes[name]
