"""`chalice deploy --stage local` in a copy of the project, with its package cache kept and checked.

The copy keeps `.chalice/deployed` of two sandboxes apart. The zip that Chalice builds is named by
a hash of requirements and code, so an unchanged project finds it again and needs no pip.
"""

from __future__ import annotations

import platform
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from ops.pins import missing_pins
from sandbox.steps import Finished, StartError, run

DEPLOY_LIMIT_SECONDS = 300.0
NO_DEPENDENCIES = 3
_KEPT_ZIPS = 5
_WARNING = "Could not install dependencies"
_PIP_TROUBLE = re.compile(
    r"PackageDownloadError|NoSuchPackageError|No matching distribution|Could not find a version|"
    r"ConnectionError|NewConnectionError|Temporary failure in name resolution|ProxyError"
)
_RUN_CHALICE = "import sys; from chalice.cli import main; sys.exit(main())"


@dataclass(frozen=True, slots=True)
class Project:
    """A copy of the project with the packages that were kept: all that Chalice needs."""

    copy: Path
    cache: Path
    packages: Path
    kept: frozenset[str]

    def deploy(self, stage: str, environment: Mapping[str, str]) -> bool:
        """True when the package was there already. StartError when it cannot be deployed."""
        command = [sys.executable, "-c", _RUN_CHALICE, "--project-dir", str(self.copy), "deploy"]
        finished = run([*command, "--stage", stage], self.copy, environment, DEPLOY_LIMIT_SECONDS)
        _require_success(finished)
        built = [path for path in self.packages.glob("*.zip") if path.name not in self.kept]
        for package in built:
            _require_pins(package, self.copy / "requirements.txt")
            _store(package, self.cache)
        return not built


def prepare(project: Path, work_dir: Path, cache_root: Path) -> Project:
    """Copy `project` into `work_dir` and put to it what is kept under `cache_root`."""
    copy = work_dir / "atlas"
    shutil.copytree(project, copy, ignore=_left_out)
    cache, packages = cache_root / _platform_key(), copy / ".chalice" / "deployments"
    kept = _fetch(cache, packages, copy / "requirements.txt")
    return Project(copy, cache, packages, frozenset(kept))


def _require_pins(package: Path, requirements: Path) -> None:
    if missing := missing_pins(package, requirements):
        raise StartError(
            f"the deployed zip lacks {', '.join(missing)}: no wheel fits this Python; "
            "change the pin in atlas/requirements.txt",
            NO_DEPENDENCIES,
        )


def _require_success(finished: Finished) -> None:
    """StartError for a failure, and for the one that Chalice itself counts as a success.

    Chalice prints "Could not install dependencies", exits 0 and ships a zip without the package
    (https://github.com/aws/chalice/issues/492).
    """
    if _WARNING in finished.output:
        _, _, names = finished.output.partition(_WARNING)
        missing = " ".join(re.findall(r"^\s*([A-Za-z0-9._-]+==\S+)\s*$", names, re.MULTILINE))
        raise StartError(
            f"pip found no wheel for {missing or 'a package'} of atlas/requirements.txt "
            "(is there a network?)",
            NO_DEPENDENCIES,
        )
    if finished.returncode and _PIP_TROUBLE.search(finished.output):
        errors = [line for line in finished.output.splitlines() if _PIP_TROUBLE.search(line)]
        raise StartError(
            "pip could not fetch the packages of atlas/requirements.txt (is there a network?): "
            + errors[-1].rpartition("Error: ")[2].strip()[:300],
            NO_DEPENDENCIES,
        )
    if finished.returncode:
        raise StartError("chalice deploy failed:\n" + finished.last_lines())


_left_out = shutil.ignore_patterns("__pycache__", "deployed", "deployments")


def _platform_key() -> str:
    python = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    machine = f"{platform.system()}-{platform.machine()}".lower()
    return f"{python}-{machine}-chalice{version('chalice')}"


def _fetch(cache: Path, packages: Path, requirements: Path) -> set[str]:
    """Offer Chalice every package kept that holds today's pins; what is damaged goes."""
    packages.mkdir(parents=True, exist_ok=True)
    offered = set()
    for kept in cache.glob("*.zip"):
        try:
            if not missing_pins(kept, requirements):
                shutil.copyfile(kept, packages / kept.name)
                offered.add(kept.name)
        except (OSError, zipfile.BadZipFile):
            kept.unlink(missing_ok=True)
    return offered


def _store(built: Path, cache: Path) -> None:
    """Keep the package whole or not at all; a cache that cannot be written only costs time."""
    target = cache / built.name
    try:
        if not target.exists():
            cache.mkdir(parents=True, exist_ok=True)
            _copy_whole(built, target)
        by_age = sorted(cache.glob("*.zip"), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in by_age[_KEPT_ZIPS:]:
            old.unlink(missing_ok=True)
    except OSError:
        return


def _copy_whole(source: Path, target: Path) -> None:
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as partial:
        try:
            with source.open("rb") as stream:
                shutil.copyfileobj(stream, partial)
            partial.flush()
            Path(partial.name).replace(target)
        except BaseException:
            Path(partial.name).unlink(missing_ok=True)
            raise
