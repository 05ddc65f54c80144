"""`python -m ops evaluate`: are the answers good, for each model of the router side by side?

Speed bought with worse answers is no gain, so this is what a team runs before it moves an intent
to a cheaper model, or changes a prompt, a grounding or the way in which questions are folded.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ops.environment import environment
from ops.errors import RefusedError, UnavailableError
from ops.stages import STAGES

if TYPE_CHECKING:
    from ops.evaluate_judged import ModelReport
    from ops.evaluate_run import Evaluation

LIMIT = 600
FAILURES_SHOWN = 10
EVALUATE = """
Ask every model of the router's table the golden questions of ops/golden/<locale>.toml, through the
code that answers visitors, and judge what would be shown: answered at all, complete, required
facts, forbidden claims, length, persona, language. Wordings of the same questions are asked plain
and folded, to see what sharing an answer costs. The number of model calls is printed first and
never exceeds --limit; botocore's own repeats after throttling come on top.

On stage dev the result is kept with the package that this checkout makes: `ops preflight --stage
prod` asks for one that passed with every model, every question and the golden file's limits."""
_STAND_IN = """\
The sandbox's stand-in answered. It puts sentences of the prompt together and understands nothing,
so these figures prove the harness and not a model: facts are found where question and fact share
words, nothing is ever invented, and the models differ in tokens and pace alone. For a verdict:
python -m ops evaluate --stage dev, with AWS credentials."""


def add_evaluate(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--stage", required=True, choices=STAGES)
    verb.add_argument("--json", action="store_true", help="all answers and figures as JSON")
    verb.add_argument("--locale", default="en_US", help="default %(default)s")
    verb.add_argument("--model", action="append", help="only this id; may be repeated")
    verb.add_argument("--limit", type=_count, default=LIMIT, help="model calls; %(default)s")
    verb.add_argument("--threshold", type=_share, help="of every check, for the golden file's own")
    verb.add_argument(
        "--failures", type=_count, default=FAILURES_SHOWN, help="how many to show; %(default)s"
    )
    verb.add_argument(
        "--own-sandbox", action="store_true", help="stage local on a sandbox of its own"
    )
    verb.set_defaults(run=_evaluate)


def _evaluate(arguments: argparse.Namespace) -> int:
    if arguments.own_sandbox and arguments.stage != "local":
        raise RefusedError("--own-sandbox is for stage local")
    with _place(arguments):
        return _evaluated(arguments)


def _evaluated(arguments: argparse.Namespace) -> int:
    # The app's own modules take a moment to import, and no other verb needs all of them.
    from ops import evaluate_record, evaluate_run
    from ops.evaluate_golden import CHECKS, load

    golden_set = load(arguments.locale)
    thresholds = golden_set.thresholds_of(arguments.stage)
    if arguments.threshold is not None:
        thresholds = dict.fromkeys(CHECKS, arguments.threshold)
    services = evaluate_run.services(environment(arguments.stage))
    models = arguments.model or evaluate_run.router_models(services.settings)
    evaluation = evaluate_run.plan(arguments.stage, services, golden_set, models, arguments.limit)
    _note(evaluation.announcement(arguments.limit))
    code = evaluate_record.judged_code(arguments.stage, _note)
    reports = evaluate_run.judged(evaluation, evaluate_run.interviews(evaluation))
    print(_told(evaluation, reports, thresholds, arguments))
    lacking = evaluate_record.shortcomings(
        evaluation,
        is_every_model=not arguments.model,
        has_own_thresholds=arguments.threshold is None,
    )
    evaluate_record.keep(evaluation, code, reports, thresholds, lacking, _note)
    if bad := [f"{each.name} {miss}" for each in reports for miss in each.misses(thresholds)]:
        raise RefusedError("not good enough: " + "; ".join(bad))
    return 0


def _told(
    evaluation: Evaluation,
    reports: Sequence[ModelReport],
    thresholds: Mapping[str, float],
    arguments: argparse.Namespace,
) -> str:
    from ops import evaluate_report as report

    if arguments.json:
        return json.dumps(_as_json(evaluation, reports, thresholds), indent=2)
    parts = [
        f"Answers in {evaluation.golden_set.locale} on stage {evaluation.stage}",
        _STAND_IN if evaluation.stage == "local" else "",
        report.table(reports, thresholds),
        report.wordings(reports),
        report.failures(reports, arguments.failures),
    ]
    return "\n\n".join(filter(None, parts))


def _as_json(
    evaluation: Evaluation, reports: Sequence[ModelReport], thresholds: Mapping[str, float]
) -> dict[str, Any]:
    return {
        "stage": evaluation.stage,
        "locale": evaluation.golden_set.locale,
        "is_stand_in": evaluation.stage == "local",
        "calls": evaluation.calls,
        "thresholds": dict(thresholds),
        "models": [each.to_json(thresholds) for each in reports],
    }


@contextlib.contextmanager
def _place(arguments: argparse.Namespace) -> Iterator[None]:
    """Stage local never goes to AWS: to a sandbox of its own, to AWS_ENDPOINT_URL, or as usual."""
    if not arguments.own_sandbox:
        yield
        return
    # Only here does a verb need the sandbox's code; it is no part of what is released.
    from sandbox.conversation.child import SandboxError, own_bare_sandbox

    before = os.environ.get("AWS_ENDPOINT_URL")
    try:
        with own_bare_sandbox(_note) as endpoint:
            os.environ["AWS_ENDPOINT_URL"] = endpoint
            yield
    except SandboxError as exc:
        raise UnavailableError(str(exc)) from exc
    finally:
        os.environ.pop("AWS_ENDPOINT_URL", None)
        if before is not None:
            os.environ["AWS_ENDPOINT_URL"] = before


def _note(line: str) -> None:
    """Progress goes to stderr, so that stdout holds the result alone."""
    if line:
        print(line, file=sys.stderr, flush=True)


def _count(text: str) -> int:
    if text.isdecimal() and 0 < int(text) <= 100_000:
        return int(text)
    raise argparse.ArgumentTypeError(f"must be a whole number from 1 to 100000, not {text!r}")


def _share(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 <= float(text) <= 1:
            return float(text)
    raise argparse.ArgumentTypeError(f"must be a number from 0 to 1, not {text!r}")
