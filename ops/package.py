"""Builds the deployment package that every deployment uploads, and looks inside it."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ops.build import build, left_out
from ops.chalice_run import run_chalice
from ops.stage_files import ROOT

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


def package(stage: str, out: Path, root: Path = ROOT, architecture: str = "") -> Package:
    """Build `<out>/deployment.zip` for `stage` from scratch, and Chalice's template beside it.

    `architecture` as Chalice writes it, "" for the stage's own. RefusedError when a pin has
    no wheel for it, or Chalice fails; UnavailableError without a network.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / ".gitignore").write_text("*\n", encoding="utf-8")
    with project_copy(root) as project:
        if architecture:
            _set_architecture(project, architecture)
        build(project, architecture or architecture_of(project, stage))
        run_chalice(project, "package", "--stage", stage, str(out.resolve()))
    return measured(out / "deployment.zip")


@contextmanager
def project_copy(root: Path = ROOT) -> Iterator[Path]:
    """A copy of the Chalice project without packages, records of deployments and bytecode."""
    with tempfile.TemporaryDirectory(prefix="atlas-package-") as folder:
        project = Path(folder) / "atlas"
        shutil.copytree(root / "atlas", project, ignore=left_out)
        yield project


def architecture_of(project: Path, stage: str) -> str:
    """As config.json says it, or Chalice's default."""
    settings = json.loads((project / ".chalice/config.json").read_text(encoding="utf-8"))
    of_all = settings.get("lambda_architecture", "x86_64")
    return str(settings.get("stages", {}).get(stage, {}).get("lambda_architecture", of_all))


def _set_architecture(project: Path, architecture: str) -> None:
    config = project / ".chalice/config.json"
    settings = json.loads(config.read_text(encoding="utf-8"))
    settings["lambda_architecture"] = architecture
    config.write_text(json.dumps(settings), encoding="utf-8")


def measured(built: Path) -> Package:
    """What the zip is made of."""
    sizes: Counter[str] = Counter()
    with zipfile.ZipFile(built) as archive:
        for item in archive.infolist():
            sizes[item.filename.split("/")[0]] += item.file_size
    largest = dict(sizes.most_common(_SHOWN))
    return Package(str(built), built.stat().st_size, sizes.total(), largest)


def _mb(size: int) -> str:
    return f"{size / 1_000_000:.2f} MB"
