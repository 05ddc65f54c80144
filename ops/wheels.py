"""The proof that every pin that ships has a wheel for every Lambda runtime Atlas supports.

Chalice leaves a package out of the zip, prints a warning and exits 0 when no wheel fits, and
`chalice deploy` cannot be stopped from doing so. What can be done is to know beforehand.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ops.errors import UnavailableError
from ops.pins import pin, pins

REQUIREMENTS = Path(__file__).parent.parent / "atlas" / "requirements.txt"
TIMEOUT_SECONDS = 180
ARCHITECTURES = ("x86_64", "aarch64")
# The newest glibc of each runtime: Amazon Linux 2 under 3.11, Amazon Linux 2023 from 3.12 on.
GLIBC_BY_PYTHON = {"3.11": (17, 24, 26), "3.12": (17, 28, 34), "3.13": (17, 28, 34)}


@dataclass(frozen=True, slots=True)
class Target:
    """One Lambda runtime on one architecture."""

    python: str
    architecture: str

    @property
    def name(self) -> str:
        return f"python{self.python} {self.architecture}"

    def platforms(self) -> Iterator[str]:
        """The wheel platform tags that run there; manylinux2014 is 2_17's older name."""
        yield f"manylinux2014_{self.architecture}"
        yield from (f"manylinux_2_{m}_{self.architecture}" for m in GLIBC_BY_PYTHON[self.python])

    def pip_options(self) -> list[str]:
        """What makes pip choose wheels for this runtime, and nothing but wheels."""
        platforms = [part for tag in self.platforms() for part in ("--platform", tag)]
        chosen = ["--only-binary=:all:", "--implementation", "cp", "--python-version", self.python]
        return [*chosen, *platforms]


TARGETS = tuple(Target(p, a) for p in GLIBC_BY_PYTHON for a in ARCHITECTURES)


@dataclass(frozen=True, slots=True)
class Proof:
    """What pip would put into one target's zip; `problem` is empty when the proof holds."""

    target: Target
    wheels: tuple[str, ...]
    problem: str

    def line(self) -> str:
        """The proof as a person reads it."""
        return f"{self.target.name:19} {self.problem or f'{len(self.wheels)} wheels, all pinned'}"

    def to_json(self) -> dict[str, object]:
        return {"target": self.target.name, "wheels": self.wheels, "problem": self.problem}


def prove(requirements: Path = REQUIREMENTS) -> list[Proof]:
    """One proof per target. UnavailableError when pip cannot ask its index at all."""
    return [_prove(target, requirements) for target in TARGETS]


def _prove(target: Target, requirements: Path) -> Proof:
    run = _resolve(target, requirements)
    if run.returncode:
        return Proof(target, (), pip_failure(run.stderr))
    installs = json.loads(run.stdout)["install"]
    found = {pin(i["metadata"]["name"], i["metadata"]["version"]) for i in installs}
    unpinned = found - set(pins(requirements))
    problem = f"not pinned: {', '.join(sorted(unpinned))}" if unpinned else ""
    return Proof(target, tuple(sorted(found)), problem)


def _resolve(target: Target, requirements: Path) -> subprocess.CompletedProcess[str]:
    """Let pip resolve for the target, from wheels alone, without installing anything."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed"),
            *("--quiet", "--report", "-", "--disable-pip-version-check"),
            *("--target", folder, *target.pip_options(), "-r", str(requirements)),
        ]
        try:
            return subprocess.run(  # noqa: S603 - our own interpreter and arguments
                command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
            )
        except subprocess.TimeoutExpired as exc:
            raise UnavailableError(
                f"pip did not answer in {TIMEOUT_SECONDS} s; is there a network?"
            ) from exc


_NO_NETWORK = (
    "ConnectionError",
    "Name or service not known",
    "Temporary failure",
    "ProxyError",
    "ConnectTimeout",
    "ReadTimeout",
    "Max retries exceeded",
)


def pip_failure(stderr: str) -> str:
    """pip's first error as one line; UnavailableError when it could not reach its index."""
    if any(sign in stderr for sign in _NO_NETWORK):
        raise UnavailableError(
            "pip cannot reach its package index; wheels cannot be proven offline"
        )
    errors = [line for line in stderr.splitlines() if line.startswith("ERROR: ")]
    return errors[0].removeprefix("ERROR: ") if errors else "pip failed without a reason"
