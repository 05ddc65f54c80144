"""How many bytes packages and all they need take on disk, without bytecode.

python -m bench.peers.sizes NAMES... prints {"NAMES": bytes}, where NAMES is name+name[extra]
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def needed(names: str) -> dict[str, Distribution]:
    """The distributions and all that they require on this machine, by canonical name."""
    found: dict[str, Distribution] = {}
    waiting = [required(name) for name in names.split("+")]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        wanted = waiting.pop()
        if wanted in seen:
            continue
        seen.add(wanted)
        try:
            found[canonicalize_name(wanted[0])] = installed = distribution(wanted[0])
        except PackageNotFoundError:
            # Nothing that is not there takes room; pip has checked what must be.
            continue
        waiting += [required(line) for line in installed.requires or () if applies(line, wanted[1])]
    return found


def required(line: str) -> tuple[str, frozenset[str]]:
    requirement = Requirement(line)
    return canonicalize_name(requirement.name), frozenset(requirement.extras)


def applies(line: str, extras: frozenset[str]) -> bool:
    """Whether a requirement holds on this machine, with one of these extras or without any."""
    marker = Requirement(line).marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def bytes_of(installed: Distribution) -> int:
    """The files that pip noted; bytecode is left out, since some have it and some not yet."""
    return sum(
        file.locate().stat().st_size  # type: ignore[attr-defined]
        for file in installed.files or ()
        if "__pycache__" not in file.parts and file.locate().exists()  # type: ignore[attr-defined]
    )


def main() -> None:
    sizes = {
        names: sum(bytes_of(installed) for installed in needed(names).values())
        for names in sys.argv[1:]
    }
    print(json.dumps(sizes))


if __name__ == "__main__":
    main()
