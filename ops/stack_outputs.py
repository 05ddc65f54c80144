"""What only a deployed stack knows and the functions need, in a file beside the team's.

`ops deploy` writes it, `ops generate` and every deployment of code read it. It holds ids and no
secret, so a team commits it as it commits the files that are generated from it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ops.errors import RefusedError
from ops.team import team_file

Outputs = dict[str, str]


def outputs_file() -> Path:
    """Where the outputs of the stacks are noted."""
    return team_file().with_name("stack_outputs.json")


def noted(stage: str) -> Outputs:
    """What is noted of `stage`; nothing before its first deployment. RefusedError for bad JSON."""
    return _read().get(stage, {})


def note(stage: str, outputs: Mapping[str, str]) -> bool:
    """Have the file say `outputs` of `stage`, nothing removes it; whether anything changed."""
    before = _read()
    after = {name: found for name, found in before.items() if name != stage}
    if outputs:
        after[stage] = dict(outputs)
    if after == before:
        return False
    path = outputs_file()
    if not after:
        path.unlink()
        return True
    # Written beside and moved over, so that an interruption leaves the one or the other.
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(after, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    beside.replace(path)
    return True


def _read() -> dict[str, Outputs]:
    path = outputs_file()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise RefusedError(f"{path} is not JSON: {error}") from error
    if not _is_well_formed(content):
        raise RefusedError(f"{path} must hold texts by name by stage; delete it and deploy again")
    return dict(content)


def _is_well_formed(content: object) -> bool:
    return isinstance(content, dict) and all(
        isinstance(outputs, dict) and all(isinstance(value, str) for value in outputs.values())
        for outputs in content.values()
    )
