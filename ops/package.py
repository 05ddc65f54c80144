"""Builds the deployment zip and looks inside it, because Chalice ships one that lacks a package.

When no wheel fits, Chalice prints a warning, exits 0 and leaves the package out
(https://github.com/aws/chalice/issues/492), and the next run silently reuses that zip.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ops.errors import RefusedError
from ops.pins import missing_pins
from ops.stage_files import ROOT

WARNING = "Could not install dependencies"
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Package:
    """A built zip; sizes in bytes, `largest` unpacked by top-level name."""

    path: str
    zipped_bytes: int
    unpacked_bytes: int
    largest: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """The package as plain data."""
        return asdict(self)

    def table(self) -> str:
        """The size and what dominates it, as lines."""
        head = f"{self.path}: {_mb(self.zipped_bytes)} zipped, {_mb(self.unpacked_bytes)} unpacked"
        rows = [f"  {_mb(size):>9}  {name}" for name, size in self.largest.items()]
        return "\n".join([head, *rows])


def package(stage: str, out: Path, root: Path = ROOT) -> Package:
    """Build `<out>/deployment.zip` for `stage` from a clean copy of the Chalice project.

    Raises RefusedError when Chalice fails or when a pin of requirements.txt is not in the zip.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / ".gitignore").write_text("*\n", encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="atlas-package-") as folder:
        # A copy has no `.chalice/deployments`, so that no older zip is reused.
        project = Path(folder) / "atlas"
        shutil.copytree(root / "atlas", project, ignore=_left_out)
        _run_chalice(project, stage, out.resolve())
    built = out / "deployment.zip"
    _require_pins(built, root / "atlas/requirements.txt")
    return _measured(built)


_left_out = shutil.ignore_patterns("__pycache__", "deployments", "deployed")


def _run_chalice(project: Path, stage: str, out: Path) -> None:
    command = [sys.executable, "-c", "import sys; from chalice.cli import main; sys.exit(main())"]
    arguments = ["--project-dir", str(project), "package", "--stage", stage, str(out)]
    # Chalice asks for a region even where it calls nobody; the zip is the same in every region.
    environment = {"AWS_DEFAULT_REGION": "us-east-1"} | os.environ
    done = subprocess.run(  # noqa: S603
        [*command, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    output = done.stdout + done.stderr
    if done.returncode or WARNING in output:
        lines = [line for line in output.splitlines() if line.strip()]
        raise RefusedError(f"chalice package failed: {' / '.join(lines[-4:])}")


def _require_pins(built: Path, requirements: Path) -> None:
    if missing := missing_pins(built, requirements):
        raise RefusedError(
            f"{built} lacks {', '.join(missing)}: no wheel fits Lambda's Python or architecture; "
            "change the pin in atlas/requirements.txt"
        )


def _measured(built: Path) -> Package:
    sizes: Counter[str] = Counter()
    with zipfile.ZipFile(built) as archive:
        for item in archive.infolist():
            sizes[item.filename.split("/")[0]] += item.file_size
    largest = dict(sizes.most_common(_SHOWN))
    return Package(str(built), built.stat().st_size, sizes.total(), largest)


def _mb(size: int) -> str:
    return f"{size / 1_000_000:.2f} MB"
