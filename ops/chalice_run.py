"""Runs Chalice's own commands, and counts as failures what Chalice itself does not.

When no wheel fits, Chalice prints a warning, exits 0 and ships a zip without the package
(https://github.com/aws/chalice/issues/492).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ops.errors import RefusedError

WARNING = "Could not install dependencies"
REUSED = "Reusing existing deployment package"
COMMAND = (sys.executable, "-c", "import sys; from chalice.cli import main; sys.exit(main())")


def run_chalice(
    project: Path, verb: str, *arguments: str, variables: dict[str, str] | None = None
) -> str:
    """Chalice's output; RefusedError unless it took the package that was built for it."""
    # Chalice asks for a region even where it calls nobody; the zip is the same in every region.
    region = {"AWS_DEFAULT_REGION": "us-east-1"}
    # Bytecode of the project would change the package's name while Chalice runs.
    environment = region | os.environ | (variables or {}) | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(  # noqa: S603
        [*COMMAND, "--project-dir", str(project), verb, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    output = done.stdout + done.stderr
    if done.returncode:
        raise RefusedError(f"chalice {verb} failed: {_last(output)}")
    if problem := reuse_problem(output, project):
        raise RefusedError(f"chalice {verb} did not take the package that was built: {problem}")
    return output


def reuse_problem(output: str, project: Path) -> str:
    """Why Chalice made a package of its own; "" when it took the one that it found."""
    if WARNING in output:
        return _last(output[output.index(WARNING) :])
    packages = list((project / ".chalice/deployments").glob("*.zip"))
    if REUSED not in output or len(packages) != 1:
        return f"{len(packages)} packages in {project / '.chalice/deployments'}"
    return ""


def _last(output: str, lines: int = 4) -> str:
    return " / ".join([line for line in output.splitlines() if line.strip()][-lines:])
