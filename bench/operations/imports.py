"""Cold imports in fresh processes, and what each needs installed."""

from __future__ import annotations

import json
import re
import statistics
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.figures import table
from bench.operations.table import megabytes, ratio, spoken
from bench.peers.contenders import IMPORTS, Import
from bench.peers.processes import own_python, variables
from bench.peers_venv import ROOT
from ops.environment import environment

IMPORT_SECONDS = 120
HEAD = (
    *("contender", "imported", "wall, median", "min", "process's CPU, median", "wall to Atlas's"),
    *("peak memory", "installed", "processes"),
)
_TIMED = """
import time
wall = time.perf_counter()
{statement}
wall = time.perf_counter() - wall
cpu = time.process_time()
import json, os
status = open("/proc/self/status").read() if os.path.exists("/proc/self/status") else ""
print("\\n" + json.dumps([wall, cpu, status]))
"""
_GUARDED = """
from bench.peers import guard
guard.install()
{statement}
import json
print("\\n" + json.dumps(guard.refused))
"""


@dataclass
class Imported:
    """One row's processes: wall and CPU seconds and peak bytes of each."""

    row: Import
    python: Path
    environment: Mapping[str, str]
    measured: list[tuple[float, float, float]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    failed: str = ""

    def first(self) -> None:
        """Guarded and not counted; it leaves the bytecode behind."""
        self.refused = self._run(_GUARDED) or []

    def again(self) -> None:
        if found := self._run(_TIMED):
            wall, cpu, status = found
            self.measured.append((wall, cpu, peak_bytes(status)))

    def _run(self, script: str) -> Any:
        """What the script prints; None, now and from now on, when the import does not work."""
        if self.failed:
            return None
        command = [str(self.python), "-c", script.format(statement=self.row.statement)]
        done = subprocess.run(  # noqa: S603
            command,
            cwd=ROOT,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            timeout=IMPORT_SECONDS,
            check=False,
        )
        if done.returncode:
            self.failed = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            return None
        return json.loads(done.stdout.strip().splitlines()[-1])


def import_table(peers: Path | None, times: int, url: str, folder: str) -> tuple[str, list[str]]:
    """The table of `times` fresh processes each, in turns, and whom imports wanted to reach."""
    rows = [
        Imported(each, _python(each, peers), _environment(each, url, folder))
        for each in IMPORTS
        if peers is not None or not each.is_peer
    ]
    for row in rows:
        row.first()
    for _ in range(times):
        for row in rows:
            row.again()
    sizes = {row.row: _installed(row) for row in rows}
    shown = [_cells(row, rows[0], sizes[row.row]) for row in rows]
    return f"## Cold import and size\n\n{table(HEAD, shown)}\n", [
        whom for row in rows for whom in row.refused
    ]


def _python(row: Import, peers: Path | None) -> Path:
    return peers if row.is_peer and peers is not None else own_python()


def _environment(row: Import, url: str, folder: str) -> dict[str, str]:
    own = {} if row.is_peer else {**environment("local"), "LAMBDA_TASK_ROOT": str(ROOT / "atlas")}
    return variables(url, folder, row.is_peer, own)


def _installed(row: Imported) -> int:
    """Bytes of its packages and what they need; Atlas's own files too."""
    packages = row.row.packages if row.row.is_peer else "+".join(shipped_packages())
    own = 0 if row.row.is_peer else bytes_under(ROOT / "atlas")
    if not packages:
        return own
    done = subprocess.run(  # noqa: S603
        [str(row.python), "-m", "bench.peers.sizes", packages],
        cwd=ROOT,
        env=dict(row.environment),
        capture_output=True,
        text=True,
        timeout=IMPORT_SECONDS,
        check=True,
    )
    return own + int(json.loads(done.stdout)[packages])


def peak_bytes(status: str) -> float:
    """The most memory that a process has had since it began, from Linux's account of it; else 0.

    getrusage would give the parent's where that was more.
    """
    found = re.search(r"(?m)^VmHWM:\s+(\d+) kB$", status)
    return 1024.0 * int(found[1]) if found else 0.0


def shipped_packages() -> list[str]:
    """The names in atlas/requirements.txt."""
    text = (ROOT / "atlas" / "requirements.txt").read_text(encoding="utf-8")
    return re.findall(r"(?m)^([A-Za-z][\w.-]*)==", text)


def bytes_under(folder: Path) -> int:
    """All files but bytecode and Chalice's own."""
    return sum(
        file.stat().st_size
        for file in folder.rglob("*")
        if file.is_file() and not {"__pycache__", ".chalice"} & set(file.parts)
    )


def _cells(row: Imported, base: Imported, size: int) -> list[str]:
    name = [row.row.name, f"`{row.row.statement}`"]
    installed = megabytes(size)
    if row.failed or not row.measured:
        return [*name, f"not measured: {row.failed or 'no runs'}", *["-"] * 4, installed, "-"]
    walls, cpus, peaks = zip(*row.measured, strict=True)
    of_base = [wall for wall, _, _ in base.measured]
    return [
        *name,
        *(spoken(statistics.median(walls)), spoken(min(walls)), spoken(statistics.median(cpus))),
        ratio(statistics.median(walls), statistics.median(of_base) if of_base else 0),
        *(megabytes(statistics.median(peaks)), installed, str(len(row.measured))),
    ]
