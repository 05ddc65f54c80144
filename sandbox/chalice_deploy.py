"""`chalice deploy --stage local` in a copy of the project, with the slim package that `ops` builds.

The copy keeps `.chalice/deployed` of two sandboxes apart. Packages are kept between starts, so an
unchanged project needs neither pip nor a build, and changed code needs no pip.
"""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.build import build, left_out
from ops.chalice_run import COMMAND, reuse_problem
from ops.errors import OpsError
from ops.kept import Kept
from sandbox.steps import StartError, run

DEPLOY_LIMIT_SECONDS = 300.0
NO_DEPENDENCIES = 3


@dataclass(frozen=True, slots=True)
class Project:
    """A copy of the project, and the packages that were kept."""

    copy: Path
    kept: Kept

    def deploy(self, stage: str, environment: Mapping[str, str]) -> bool:
        """True when the package was there already. StartError when it cannot be deployed."""
        try:
            built = build(self.copy, kept=self.kept)
        except OpsError as exc:
            raise StartError(str(exc), NO_DEPENDENCIES) from exc
        command = [*COMMAND, "--project-dir", str(self.copy), "deploy", "--stage", stage]
        finished = run(command, self.copy, environment, DEPLOY_LIMIT_SECONDS)
        if finished.returncode:
            raise StartError("chalice deploy failed:\n" + finished.last_lines())
        if problem := reuse_problem(finished.output, self.copy):
            raise StartError(f"chalice deploy did not take the package built for it: {problem}")
        return built.was_kept


def prepare(project: Path, work_dir: Path, cache_root: Path) -> Project:
    """Copy `project` into `work_dir`, and put to it what is kept under `cache_root`."""
    copy = work_dir / "atlas"
    shutil.copytree(project, copy, ignore=left_out)
    return Project(copy, Kept(cache_root / _platform_key()))


def kept_packages(root: Path) -> Kept:
    """Where the sandboxes of the checkout at `root` keep theirs."""
    return Kept(root / ".sandbox" / "packages" / _platform_key())


def _platform_key() -> str:
    python = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return f"{python}-{platform.system()}-{platform.machine()}-slim".lower()
