"""What answers visitors, so that two stages can be compared: the package, and whom it asks.

Prompts, groundings and intents are in the package; which models answer what stands in variables of
the functions. Everything else that differs between stages names places.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ops.build import build
from ops.environment import environment
from ops.package import architecture_of, project_copy

PROVING_STAGE = "dev"
"""Where a version is released and evaluated before it may go to production."""
_OF_THE_MODELS = ("MODEL_ROUTES", "MODEL_TABLE")


@dataclass(frozen=True, slots=True)
class AnsweringCode:
    """`code_sha256` as Lambda tells it; `models_sha256`: of the models' table and their routes."""

    code_sha256: str
    models_sha256: str

    @property
    def short(self) -> str:
        """Enough to tell one from another by eye."""
        return self.code_sha256[:12]

    def to_json(self) -> dict[str, str]:
        """As a record's facts."""
        return asdict(self)


def deployed_code(configuration: Mapping[str, Any]) -> AnsweringCode:
    """What a version of fulfilment is, by its configuration in Lambda."""
    variables = configuration.get("Environment", {}).get("Variables", {})
    return AnsweringCode(configuration["CodeSha256"], models_sha256(variables))


def models_sha256(variables: Mapping[str, str]) -> str:
    """A digest of what the variables say about models, however it is spaced."""
    said = {name: _meaning(variables.get(name, "")) for name in _OF_THE_MODELS}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _meaning(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def checkout_code(stage: str) -> AnsweringCode:
    """What a deployment of this checkout would be, found by building its package.

    Takes as long as that, 20 to 30 s. RefusedError and UnavailableError as `ops.build.build`.
    """
    with project_copy() as project:
        package = build(project, architecture_of(project, stage)).path.read_bytes()
    digest = base64.b64encode(hashlib.sha256(package).digest()).decode()
    return AnsweringCode(digest, models_sha256(environment(stage)))
