"""bench/results/production.md: the lines, the audit's table, the waterfalls, the bill."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from bench.figures import load, table
from bench.production.acts import PERSON_STEPS
from bench.production.show import Line, Show

_TEXTS = (
    ("audit", "`ops audit --stage prod --strict`"),
    ("turn", "`ops trace ID`, one turn"),
    ("lead", "`ops trace --interaction ID`, one whole lead"),
    ("cost", "`ops cost --stage prod --measured stage`"),
    ("status", "`ops status --stage prod`"),
)


def report(show: Show, seconds: float) -> str:
    """The results as Markdown."""
    python = ".".join(map(str, sys.version_info[:2]))
    head = (
        f"`python -m bench.production`, {datetime.now(UTC):%Y-%m-%d}, commit `{show.commit}`, "
        f"Python {python}, {load()}: {seconds:.0f} s in all, "
        f"{sum(line.came_out for line in show.lines)} of {len(show.lines)} acts came out.\n"
        "A sandbox of its own with the latencies `reported`; CloudFormation on AWS takes minutes "
        "where this one takes seconds."
    )
    rows = table(("act", "s", "what came of it"), [_row(line) for line in show.lines])
    steps = "\n".join(f"{n}. {step}" for n, step in enumerate(PERSON_STEPS, 1))
    parts = ["# The life of a stage", head, rows, f"What a person has to do:\n\n{steps}"]
    parts += [_text(title, show.kept[name]) for name, title in _TEXTS if name in show.kept]
    return "\n\n".join(parts) + "\n"


def _row(line: Line) -> tuple[str, str, str]:
    mark = "" if line.came_out else "**FAILED** "
    return (line.title, f"{line.seconds:.0f}", mark + line.text.replace("|", "/"))


def _text(title: str, text: str) -> str:
    return f"## {title}\n\n```\n{text}\n```"
