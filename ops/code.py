"""Builds the slim package and has Chalice upload it: `chalice deploy`, from a copy of the project.

Chalice's record of what it deployed stays in `atlas/.chalice/deployed`, where bare `chalice deploy`
and `chalice delete` look for it; with a team's file of its own, it lies beside that.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ops.aws import local_variables
from ops.build import build
from ops.chalice_run import run_chalice
from ops.package import Package, architecture_of, measured, project_copy
from ops.stage_files import ROOT, chalice_files
from ops.team import TEAM_FILE, team_file


def deploy_code(stage: str, say: Callable[[str], None], root: Path = ROOT) -> Package:
    """Put the package on $LATEST of every function of `stage`; run it again after a failure.

    RefusedError when the package cannot be built whole or Chalice fails; what Chalice did until
    then is in its record. Stage `local` goes to the sandbox and never to AWS.
    """
    variables = local_variables() if stage == "local" else {}
    with project_copy(root) as project:
        _settle(project)
        built = build(project, architecture_of(project, stage))
        made = measured(built.path)
        say(made.table())
        _share_record(records_folder(root), project)
        say(run_chalice(project, "deploy", "--stage", stage, variables=variables).rstrip())
    return made


def records_folder(root: Path = ROOT) -> Path:
    """Where Chalice's record lies: what it says of one account must not be told another."""
    own = team_file()
    return root / "atlas/.chalice/deployed" if own == TEAM_FILE else own.with_name("deployed")


def _settle(project: Path) -> None:
    """Settings and policies as they follow now, with what the stacks have just given out."""
    for path, text in chalice_files().items():
        (project / ".chalice" / path.name).write_text(text, encoding="utf-8")


def _share_record(record: Path, project: Path) -> None:
    """Let the copy write the record itself, so that nothing is lost when it is stopped."""
    record.mkdir(parents=True, exist_ok=True)
    (project / ".chalice/deployed").symlink_to(record.resolve(), target_is_directory=True)
