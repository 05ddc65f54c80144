"""Builds the slim deployment package and leaves it where Chalice looks for one that exists already.

Chalice names its package by a hash of requirements and code, and takes a zip of that name as it is
("Reusing existing deployment package"): so `chalice deploy` and `chalice package` carry this one,
and know nothing of slimming. The project has to be a copy without bytecode of its own.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import chalice.app
from chalice.deploy.packager import LambdaDeploymentPackager
from chalice.utils import UI, OSUtils

from ops import archive, libraries, service_models, slimming
from ops.errors import RefusedError
from ops.imports import missing_imports
from ops.kept import Kept
from ops.pins import pins
from ops.wheels import Target

OPS = Path(__file__).parent
BY_CHALICE_ARCHITECTURE = {"x86_64": "x86_64", "arm64": "aarch64"}
CONTENTS = "package.json"
"""In the zip: what it was made for and from, for whoever looks into it later."""


@dataclass(frozen=True, slots=True)
class Built:
    """The package in its project; `was_kept`: nothing had to be made."""

    path: Path
    was_kept: bool


def left_out(_: str, names: list[str]) -> set[str]:
    """For shutil.copytree: what a copy of the project must not bring along."""
    return {name for name in names if name in ("__pycache__", "deployed", "deployments")}


def build(project: Path, architecture: str = "x86_64", kept: Kept | None = None) -> Built:
    """Put the package for the running Python into `project`/.chalice/deployments.

    `architecture` as Chalice writes it. `kept` saves work already done. RefusedError when a pin
    has no wheel or a module does not compile; UnavailableError without a network.
    """
    target = Target(running_python(), BY_CHALICE_ARCHITECTURE[architecture])
    path = Path(_packager(architecture).deployment_package_filename(str(project), _runtime()))
    path.parent.mkdir(parents=True, exist_ok=True)
    name = _package_name(project, target)
    if kept is not None and kept.fetch(name, path):
        return Built(path, was_kept=True)
    with tempfile.TemporaryDirectory(prefix="atlas-build-") as folder:
        content = Path(folder) / "content"
        _with_libraries(project, target, content, kept)
        add_app(project, content)
        archive.compile_all(content, "chalicelib", "app.py")
        _require_imports(content)
        archive.write_zip(content, path)
    if kept is not None:
        kept.store(path, name)
    return Built(path, was_kept=False)


def running_python() -> str:
    """As Lambda names its runtimes: Chalice deploys for the Python that runs it, and so do we."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def _package_name(project: Path, target: Target) -> str:
    """Changes with whatever is in the package."""
    digest = hashlib.sha256(_made_by(target).encode())
    code = (file for file in (project / "chalicelib").rglob("*") if file.is_file())
    for file in sorted((project / "requirements.txt", project / "app.py", *code)):
        digest.update(f"{file.relative_to(project).as_posix()} {file.stat().st_size} ".encode())
        digest.update(file.read_bytes())
    return f"package-{digest.hexdigest()[:32]}"


def _made_by(target: Target) -> str:
    """Changes with the builder itself and with what it builds for."""
    digest = hashlib.sha256(f"{target.name} chalice {version('chalice')}".encode())
    for file in _own_sources():
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _libraries_name(project: Path, target: Target) -> str:
    """Changes with whatever the slim libraries are made from, and not with the rest of the code."""
    chalicelib, requirements = project / "chalicelib", project / "requirements.txt"
    called = service_models.called(chalicelib)
    facts = json.dumps([_made_by(target), called, requirements.read_text(encoding="utf-8")])
    return f"libraries-{hashlib.sha256(facts.encode()).hexdigest()[:32]}"


def _own_sources() -> Iterable[Path]:
    names = ("archive", "build", "libraries", "service_models", "slimming", "wheels")
    yield from (OPS / f"{name}.py" for name in names)
    yield from sorted(slimming.STAND_INS.rglob("*.py"))


def _packager(architecture: str) -> LambdaDeploymentPackager:
    return LambdaDeploymentPackager(OSUtils(), None, UI(), architecture)


def _runtime() -> str:
    return f"python{running_python()}"


def _with_libraries(project: Path, target: Target, content: Path, kept: Kept | None) -> None:
    """Fill `content` with the slim libraries, compiled."""
    zipped, name = content.with_suffix(".zip"), _libraries_name(project, target)
    if kept is not None and kept.fetch(name, zipped):
        with zipfile.ZipFile(zipped) as archived:
            archived.extractall(content)
        return
    requirements = project / "requirements.txt"
    libraries.install(requirements, target, content)
    slimming.slim(content, project / "chalicelib")
    add_chalice(content)
    _note_contents(content, requirements, target)
    archive.compile_all(content, ".")
    if kept is not None:
        archive.write_zip(content, zipped, zipfile.ZIP_STORED)
        kept.store(zipped, name)


def add_chalice(content: Path) -> None:
    """The two files that Chalice itself puts into every package."""
    for module in (chalice, chalice.app):
        source = inspect.getsourcefile(module)
        if source is None:
            raise RefusedError("chalice is installed without its sources")
        target = content / "chalice" / Path(source).name
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(source, target)


def _note_contents(content: Path, requirements: Path, target: Target) -> None:
    facts = {"target": target.name, "pins": pins(requirements)}
    (content / CONTENTS).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def _require_imports(content: Path) -> None:
    if missing := missing_imports(content):
        raise RefusedError(f"the package lacks what it imports: {'; '.join(missing[:5])}")


def add_app(project: Path, content: Path) -> None:
    shutil.copyfile(project / "app.py", content / "app.py")
    shutil.copytree(project / "chalicelib", content / "chalicelib", ignore=left_out)
