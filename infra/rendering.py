"""A template as CloudFormation takes it: one JSON text, with the files that it names inside.

`ops` uploads nothing beforehand, so whatever a stack needs travels in its template's text. A value
`file:<path>`, relative to the template's folder, stands for that file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parent
TEMPLATES = ("lead_workflow", "tables", "lex_bot", "phone", "watch")
"""In the order in which their stacks are deployed; each uses what stands before it."""

LIMIT_BYTES = 51_200
"""Of a template that is not in S3:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
"""

_FILE = "file:"


class RenderingError(ValueError):
    """A file is missing, or the text is longer than CloudFormation takes it."""


def template_path(name: str) -> Path:
    """Where the template of one of TEMPLATES lies."""
    return FOLDER / f"{name}.yaml"


def document(path: Path) -> dict[str, Any]:
    """The template as data, its files inside; raises RenderingError for a missing file.

    Without `Metadata`, which only cfn-lint reads.
    """
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    loaded.pop("Metadata", None)
    found: dict[str, Any] = _with_files(loaded, path.parent)
    return found


def rendered(path: Path) -> str:
    """The template as compact JSON; raises RenderingError when it is too long."""
    text = json.dumps(document(path), separators=(",", ":"), ensure_ascii=False)
    if (size := len(text.encode())) > LIMIT_BYTES:
        raise RenderingError(f"{path.name} has {size:,} bytes, of {LIMIT_BYTES:,} at most")
    return text


def _with_files(value: Any, folder: Path) -> Any:
    if isinstance(value, dict):
        return {name: _with_files(item, folder) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_files(item, folder) for item in value]
    if isinstance(value, str) and value.startswith(_FILE):
        return _text(folder / value.removeprefix(_FILE))
    return value


def _text(path: Path) -> str:
    """Without indentation: both kinds of file are JSON, whose strings hold no line breaks."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as exc:
        raise RenderingError(f"{path.name} cannot be read: {exc.strerror}") from exc
    return "".join(line.strip() for line in lines)
