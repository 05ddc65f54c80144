"""What Lambda says of the stage: functions as their callers meet them, warmth, who may invoke."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ops.aws import found, pages
from ops.stages import FULFILLMENT, LIVE, function_name
from ops.steps import Context

Description = dict[str, Any]
LATEST = "$LATEST"


@dataclass(frozen=True, slots=True)
class Served:
    """One version of a function that its callers meet, by `live` or, without it, `$LATEST`."""

    function: str
    qualifier: str
    version: str
    configuration: Description

    @property
    def name(self) -> str:
        """How it is told of."""
        return f"{self.function}:{self.version}"

    @property
    def variables(self) -> dict[str, str]:
        """Its environment variables."""
        return dict(self.configuration.get("Environment", {}).get("Variables", {}))


def served_versions(alias: Description | None) -> list[str]:
    """The versions that an alias sends traffic to; `$LATEST` where there is no alias."""
    if alias is None:
        return [LATEST]
    weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    return [str(alias["FunctionVersion"]), *(v for v, weight in weights.items() if weight)]


def read_alias(ctx: Context, name: str) -> Description | None:
    """The function's alias `live`; None where it, or the function, is missing."""
    get = ctx.clients.lambda_.get_alias
    alias: Description | None = found(get, FunctionName=function_name(ctx.stage, name), Name=LIVE)
    return alias


def read_served(ctx: Context, name: str, alias: Description | None) -> list[Served]:
    """Every version of the function that is met; none where the function is missing."""
    qualifier = LIVE if alias else LATEST
    read = ((version, _configuration(ctx, name, version)) for version in served_versions(alias))
    return [Served(name, qualifier, version, conf) for version, conf in read if conf]


def _configuration(ctx: Context, name: str, version: str) -> Description | None:
    get = ctx.clients.lambda_.get_function_configuration
    configuration: Description | None = found(
        get, FunctionName=function_name(ctx.stage, name), Qualifier=version
    )
    return configuration


def read_provisioned(ctx: Context) -> dict[str, Description]:
    """Fulfilment's provisioned concurrency by qualifier."""
    operation = ctx.clients.lambda_.list_provisioned_concurrency_configs
    name = function_name(ctx.stage, FULFILLMENT)
    listed = pages(operation, "ProvisionedConcurrencyConfigs", FunctionName=name)
    return {str(item["FunctionArn"]).rpartition(":")[2]: item for item in listed}


def read_statements(ctx: Context, name: str, qualifier: str) -> list[Description]:
    """The statements of the policy on exactly that qualifier, "" for the function's own."""
    target = {"FunctionName": function_name(ctx.stage, name)}
    target |= {"Qualifier": qualifier} if qualifier else {}
    answer = found(ctx.clients.lambda_.get_policy, **target)
    return list(json.loads(answer["Policy"])["Statement"]) if answer else []


def allows(statement: Description, service: str) -> bool:
    """Whether the statement is about that service, by its name or as anybody."""
    principal = statement.get("Principal", {})
    named = principal.get("Service", principal.get("AWS")) if isinstance(principal, dict) else ""
    is_about = principal == "*" or "*" in _listed(named) or service in _listed(named)
    return statement.get("Effect") == "Allow" and is_about


def condition(statement: Description, key: str) -> list[str]:
    """The values that a statement's conditions ask of a key; keys are told without their case."""
    return list(_values(statement, key.lower()))


def _values(statement: Description, key: str) -> Iterator[str]:
    for operator, asked in statement.get("Condition", {}).items():
        for name, value in asked.items():
            if name.lower() == key and not operator.startswith(("StringNot", "ArnNot")):
                yield from _listed(value)


def _listed(value: Any) -> list[str]:
    return list(value) if isinstance(value, list) else [str(value)] if value else []
