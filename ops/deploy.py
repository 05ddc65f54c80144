"""Builds the slim package and has Chalice deploy it: `chalice deploy`, from a copy of the project.

Chalice's record of what it deployed stays in `atlas/.chalice/deployed`, where bare `chalice deploy`
and `chalice delete` look for it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ops.aws import local_variables
from ops.build import build
from ops.chalice_run import run_chalice
from ops.package import Package, architecture_of, measured, project_copy
from ops.stage_files import ROOT


def deploy(stage: str, say: Callable[[str], None], root: Path = ROOT) -> Package:
    """Put the package on $LATEST of every function of `stage`; run it again after a failure.

    RefusedError when the package cannot be built whole or Chalice fails; what Chalice did until
    then is in its record. Stage `local` goes to the sandbox and never to AWS.
    """
    variables = local_variables() if stage == "local" else {}
    with project_copy(root) as project:
        built = build(project, architecture_of(project, stage))
        made = measured(built.path)
        say(made.table())
        _share_record(root, project)
        say(run_chalice(project, "deploy", "--stage", stage, variables=variables).rstrip())
    return made


def _share_record(root: Path, project: Path) -> None:
    """Let the copy write the project's own record, so that nothing is lost when it is stopped."""
    record = (root / "atlas/.chalice/deployed").resolve()
    record.mkdir(parents=True, exist_ok=True)
    (project / ".chalice/deployed").symlink_to(record, target_is_directory=True)
