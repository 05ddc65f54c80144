"""The team of the show: a clone of the committed project, a team's file, and what it types."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sandbox.connect.names import INSTANCES
from sandbox.conversation.child import ROOT
from sandbox.local_environment import child_environment

STAGE = "prod"
NAME = f"atlas-{STAGE}"
LIMIT_SECONDS = 300.0
PHONE = next(instance for instance in INSTANCES if instance.alias == NAME)
# No phone of the show is a person's, so none has a night; the address belongs to nobody (RFC 2606).
VALUES = {
    "connect_instance_id": PHONE.id,
    "connect_source_phone_number": PHONE.number,
    "alarm_email": "sales-operations@example.com",
    "quiet_hours": "off",
}
_CODE = Path("atlas/chalicelib/fulfillment.py")
_TURN_BEGINS = "    turn = lex.parse(event)\n"
_AUTHOR = ("-c", "user.name=Team", "-c", "user.email=team@example.com")


class TeamError(Exception):
    """What the team typed did not end as it should; `str()` says how it ended."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that ended: its code, what it printed on stdout, and how long it took."""

    code: int
    out: str
    err: str
    seconds: float

    def json(self) -> Any:
        """What `--json` printed."""
        return json.loads(self.out)

    @property
    def last(self) -> str:
        """The last line that it told a person."""
        lines = [line for line in (self.err or self.out).splitlines() if line.strip()]
        return lines[-1].strip() if lines else f"exit code {self.code}"


class Team:
    """Types `python -m ops` in its own checkout; everything that it typed is told."""

    def __init__(self, folder: Path, endpoint: str, tell: Callable[[str], None]) -> None:
        self.checkout, self._tell = folder / "atlas", tell
        _run("git", "clone", "--quiet", "--shared", str(ROOT), str(self.checkout))
        self._own = (self.checkout / _CODE).read_text(encoding="utf-8")
        file = folder / "team" / "team.toml"
        file.parent.mkdir()
        text = (self.checkout / "ops/team.toml").read_text(encoding="utf-8")
        file.write_text(filled_in(text, VALUES), encoding="utf-8")
        self._environment = child_environment(endpoint, os.environ) | {
            "ATLAS_TEAM_FILE": str(file),
            "COLUMNS": "150",
            "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
        }
        self._environment.pop("PYTHONDONTWRITEBYTECODE")

    @property
    def commit(self) -> str:
        """What the checkout stands on, shortened."""
        return _run("git", "-C", str(self.checkout), "rev-parse", "--short", "HEAD").strip()

    def change_code(self, message: str, lines: str) -> None:
        """Commit the project's own code with these lines where a turn begins."""
        if self._own.count(_TURN_BEGINS) != 1:
            raise TeamError(f"{_CODE} has no single place where a turn begins")
        text = self._own.replace(_TURN_BEGINS, f"{lines}{_TURN_BEGINS}")
        text += "\n\nimport itertools\n\n_TURNS = itertools.count()\n"
        (self.checkout / _CODE).write_text(text, encoding="utf-8")
        git = ("git", "-C", str(self.checkout), *_AUTHOR)
        _run(*git, "commit", "--quiet", "--message", message, str(_CODE))
        self._tell(f"    (committed: {message})")

    def ops(self, verb: str, *words: str, expected: tuple[int, ...] = (0,)) -> Ran:
        """One verb on the stage, its lines told as they come; TeamError for another exit code."""
        typed = ["ops", verb, "--stage", STAGE, *words]
        self._tell(f"  $ python -m {' '.join(typed)}")
        ran = self._typed([sys.executable, "-m", *typed], is_data="--json" in words)
        if ran.code not in expected:
            raise TeamError(f"`ops {verb}` ended with {ran.code}: {ran.last}")
        return ran

    def _typed(self, command: list[str], *, is_data: bool) -> Ran:
        began, out, err = time.monotonic(), list[str](), list[str]()
        process = subprocess.Popen(  # noqa: S603
            command,
            cwd=self.checkout,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        over = threading.Timer(LIMIT_SECONDS, process.kill)
        over.start()
        try:
            errors = threading.Thread(target=self._read, args=(process.stderr, err, True))
            errors.start()
            self._read(process.stdout, out, not is_data)
            errors.join()
            code = process.wait()
        finally:
            over.cancel()
            process.kill()
        return Ran(code, "".join(out), "".join(err), time.monotonic() - began)

    def _read(self, stream: IO[str] | None, lines: list[str], is_told: bool) -> None:
        for line in stream or ():
            lines.append(line)
            if is_told:
                self._tell(f"    {line.rstrip()}")


def filled_in(text: str, values: Mapping[str, str]) -> str:
    """The team's file with these values in the stage's table."""
    before, head, table = text.partition(f"[{STAGE}]\n")
    for name, value in values.items():
        table, count = re.subn(rf"(?m)^{name} = .*$", f'{name} = "{value}"', table, count=1)
        if not count:
            raise TeamError(f"the team's file has no {name} for {STAGE}")
    return before + head + table


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
    if done.returncode:
        raise TeamError(f"{' '.join(command[:2])} failed: {done.stderr.strip()}")
    return done.stdout
