"""Templates as a deployment needs them: their text, and values for their parameters by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.rendering import RenderingError, rendered
from ops.errors import RefusedError
from ops.stage_files import ROOT


@dataclass(frozen=True, slots=True)
class Template:
    """A template's text, its parameters' declarations by name, and how many resources it has."""

    name: str
    body: str
    parameters: Mapping[str, Mapping[str, Any]]
    resources: int

    def open_parameters(self, values: Mapping[str, str]) -> list[str]:
        """Those that neither `values` nor a default fills."""
        return sorted(
            name
            for name, parameter in self.parameters.items()
            if name not in values and "Default" not in parameter
        )

    def filled(self, values: Mapping[str, str]) -> dict[str, str]:
        """What `values` has for the template's parameters; RefusedError for one that stays open."""
        if missing := self.open_parameters(values):
            raise RefusedError(f"infra/{self.name}.yaml: ops has no value for {', '.join(missing)}")
        return {name: values[name] for name in self.parameters if name in values}


def template(name: str, root: Path = ROOT) -> Template:
    """`infra/<name>.yaml` with the files that it names inside; RefusedError when it is too long."""
    try:
        body = rendered(root / "infra" / f"{name}.yaml")
    except RenderingError as error:
        raise RefusedError(f"infra/{name}.yaml cannot be deployed: {error}") from error
    document = json.loads(body)
    return Template(name, body, document.get("Parameters", {}), len(document["Resources"]))
