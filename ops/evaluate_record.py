"""What stage dev keeps of an evaluation, for the preflight of a release to production.

The questions are answered by this checkout's code, so the record says which package that is, not
which one is live. It counts when it was whole: every model, every question, the set's own limits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from ops import records
from ops.answering_code import PROVING_STAGE, AnsweringCode, checkout_code
from ops.aws import clients
from ops.commit import commit
from ops.errors import OpsError
from ops.steps import Context
from ops.waiting import Waiter

if TYPE_CHECKING:
    from ops.evaluate_judged import ModelReport
    from ops.evaluate_run import Evaluation

Say = Callable[[str], None]


def judged_code(stage: str, say: Say) -> AnsweringCode | None:
    """What is going to be judged; None on a stage that keeps no record, or when it is not known."""
    if stage != PROVING_STAGE:
        return None
    say("building the package, to know which code is judged")
    try:
        return checkout_code(stage)
    except OpsError as error:
        say(f"which code this is cannot be told, so no record will be kept: {error}")
        return None


def shortcomings(
    evaluation: Evaluation, is_every_model: bool, has_own_thresholds: bool
) -> list[str]:
    """What keeps an evaluation from counting for a release; none when it is whole."""
    found = [
        (evaluation.is_cut, "questions were left out to stay within --limit"),
        (not is_every_model, "not every model was asked"),
        (not has_own_thresholds, "--threshold took the place of the golden set's own limits"),
    ]
    return [text for is_so, text in found if is_so]


def keep(
    evaluation: Evaluation,
    code: AnsweringCode | None,
    reports: Sequence[ModelReport],
    thresholds: Mapping[str, float],
    lacking: Sequence[str],
    say: Say,
) -> None:
    """Write the record; a stage without its table keeps none, and is told so."""
    if code is None:
        return
    misses = [f"{report.name} {miss}" for report in reports for miss in report.misses(thresholds)]
    facts: dict[str, Any] = {
        **code.to_json(),
        "commit": commit(),
        "locale": evaluation.golden_set.locale,
        "models": [report.model for report in reports],
        "calls": evaluation.calls,
        "misses": misses,
        "lacking": list(lacking),
        "passed": not misses and not lacking,
    }
    stage = evaluation.stage
    try:
        records.write(Context(stage, clients(stage), Waiter(say)), "evaluation", **facts)
    except (OpsError, ClientError, BotoCoreError) as error:
        say(f"no record was kept, so this counts for no release: {error}")
        return
    word = "passed" if facts["passed"] else "not passed"
    say(f"kept on stage {stage}: code {code.short}, {word}{''.join(f'; {t}' for t in lacking)}")
