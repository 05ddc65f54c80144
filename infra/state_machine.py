"""The lead workflow's definition with its substitutions played: what CloudFormation does on AWS.

The file's `${Name}` may stand where a number belongs, so it is JSON only after that.
CloudFormation too replaces text before it parses; docs/decisions/0052-the-lead-workflow.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
DEFINITION = ROOT / "stepfunctions" / "lead_workflow.asl.json"
TEMPLATE = ROOT / "infra" / "lead_workflow.yaml"

_PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")

# Overrides the template's defaults where a person watches: an outage that the demo plays ends
# within a minute, and a step should try again within a second of it.
LOCAL_PARAMETERS: Mapping[str, str] = {
    "ConnectInstanceId": "11111111-2222-4333-8444-555555555555",
    "LeadRetrySeconds": "1",
    "LeadRetryMaxDelaySeconds": "2",
    "LeadRetryAttempts": "600",
    "LimitRetrySeconds": "1",
    "LimitRetryMaxDelaySeconds": "2",
    "LimitRetryAttempts": "600",
    "ScenarioRetrySeconds": "1",
    "ScenarioRetryMaxDelaySeconds": "2",
    "ScenarioRetryAttempts": "10",
    "CallRetrySeconds": "1",
    "CallRetryMaxDelaySeconds": "2",
    "CallRetryAttempts": "60",
    "NightRetrySeconds": "1",
    "NightRetryAttempts": "60",
    "CallTimeoutSeconds": "1800",
}


class StateMachineError(ValueError):
    """The definition and its substitutions do not fit together; names every misfit."""


def placeholders(text: str) -> frozenset[str]:
    """The names in `${...}` of a definition."""
    return frozenset(_PLACEHOLDER.findall(text))


def substituted(text: str, substitutions: Mapping[str, str | int]) -> dict[str, Any]:
    """The definition as data, every `${Name}` replaced.

    Raises StateMachineError for a name without a value, a value without a place, and text that
    is not a JSON object afterwards.
    """
    names = placeholders(text)
    problems = [f"{name} has no value" for name in sorted(names - set(substitutions))]
    problems += [f"{name} is not used" for name in sorted(set(substitutions) - names)]
    if problems:
        raise StateMachineError("; ".join(problems))
    played = _PLACEHOLDER.sub(lambda match: str(substitutions[match[1]]), text)
    try:
        definition = json.loads(played)
    except ValueError as exc:
        raise StateMachineError(f"not JSON after the substitutions: {exc}") from exc
    if not isinstance(definition, dict):
        raise StateMachineError("not a JSON object after the substitutions")
    return definition


def load(substitutions: Mapping[str, str | int], path: Path = DEFINITION) -> dict[str, Any]:
    """The definition in `path` with its substitutions played; raises StateMachineError."""
    return substituted(path.read_text(encoding="utf-8"), substitutions)


def template_substitutions(
    stage: str,
    account: str,
    region: str,
    parameters: Mapping[str, str] | None = None,
    template: Path = TEMPLATE,
) -> dict[str, str]:
    """The template's DefinitionSubstitutions with defaults, `parameters` and names played.

    Raises StateMachineError for a parameter that the template does not have.
    """
    document = yaml.safe_load(template.read_text(encoding="utf-8"))
    given = {"Stage": stage, **(parameters or {})}
    if unknown := sorted(set(given) - set(document["Parameters"])):
        raise StateMachineError(f"the template has no parameter {', '.join(unknown)}")
    declared = document["Parameters"].items()
    names = {name: str(item["Default"]) for name, item in declared if "Default" in item}
    names |= {"AWS::Partition": "aws", "AWS::AccountId": account, "AWS::Region": region, **given}
    properties = document["Resources"]["LeadWorkflow"]["Properties"]
    return {n: _played(v, names) for n, v in properties["DefinitionSubstitutions"].items()}


def _played(value: Mapping[str, str], names: Mapping[str, str]) -> str:
    """A `Ref` or an `Fn::Sub` of parameters alone."""
    if "Ref" in value:
        return names[value["Ref"]]
    return _PLACEHOLDER.sub(lambda match: names[match[1]], value["Fn::Sub"])
