"""The pins of atlas/requirements.txt, and whether they were installed: read in one way by all."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;#]+)")


def pins(requirements: Path) -> list[str]:
    """The `name==version` lines in their order, names as pip normalises them."""
    return [pin(found[1], found[2]) for found in _lines(requirements)]


def _lines(requirements: Path) -> list[re.Match[str]]:
    lines = requirements.read_text(encoding="utf-8").splitlines()
    return [found for line in lines if (found := _PIN.match(line.strip()))]


def pin(name: str, version: str) -> str:
    """One pin, its name as pip normalises it (PEP 503)."""
    return f"{re.sub(r'[-_.]+', '-', name).lower()}=={version}"


def missing_pins(folders: Collection[str], requirements: Path) -> list[str]:
    """The pins, as written, of which no folder is the `.dist-info` of that very version."""
    present = {
        pin(*folder.removesuffix(".dist-info").rsplit("-", 1))
        for folder in folders
        if folder.endswith(".dist-info") and "-" in folder.removesuffix(".dist-info")
    }
    return [line[0] for line in _lines(requirements) if pin(line[1], line[2]) not in present]
