"""Installs the pins of atlas/requirements.txt for a Lambda runtime, all from wheels or none.

pip is asked itself, because Chalice prints a warning, exits 0 and ships a zip without the package
when no wheel fits (https://github.com/aws/chalice/issues/492).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ops.errors import RefusedError, UnavailableError
from ops.pins import missing_pins
from ops.wheels import Target, pip_failure

TIMEOUT_SECONDS = 300


def install(requirements: Path, target: Target, folder: Path) -> None:
    """Unpack every pin's wheel into `folder`, with its `.dist-info`, nothing compiled.

    RefusedError when a pin has no wheel for that runtime; UnavailableError without a network.
    """
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--no-input", "--no-deps", "--no-compile", "--target", str(folder)),
        *target.pip_options(),
        *("-r", str(requirements)),
    ]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and arguments
            command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as exc:
        raise UnavailableError(f"pip took over {TIMEOUT_SECONDS} s; is there a network?") from exc
    if done.returncode:
        raise RefusedError(f"no package for {target.name}: {pip_failure(done.stderr)}")
    present = {path.name for path in folder.iterdir()}
    if missing := missing_pins(present, requirements):
        raise RefusedError(f"pip left out {', '.join(missing)} for {target.name}")
