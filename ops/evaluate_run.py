"""One evaluation from end to end: what is asked of whom, within a budget, and what came of it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from chalicelib.answer import Answer, Generated
from chalicelib.bedrock import BedrockModels
from chalicelib.breakers import Breakers
from chalicelib.content import Content, Contents
from chalicelib.observability import Log
from chalicelib.services import Services, build_services
from chalicelib.settings import Settings
from ops.aws import client
from ops.errors import UnavailableError
from ops.evaluate_answers import Fold, Interview, Unit, calls, interviewed, units, within
from ops.evaluate_checks import Asked, problems
from ops.evaluate_golden import GoldenSet
from ops.evaluate_judged import Judged, ModelReport


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What is asked of whom, on which stage."""

    stage: str
    services: Services
    golden_set: GoldenSet
    models: tuple[str, ...]
    asked: Sequence[Unit]
    calls_in_all: int
    """What asking everything would take."""

    @property
    def content(self) -> Content:
        return self.services.contents.in_locale(self.golden_set.locale)

    @property
    def calls(self) -> int:
        return calls(self.asked) * len(self.models)

    def announcement(self, limit: int) -> str:
        """What it is going to cost, before it does."""
        golden = sum(case.wording == "golden" for unit in self.asked for case in unit)
        left_out = f" of {self.calls_in_all}, the rest is left out" if self.is_cut else ""
        return (
            f"{golden} golden questions, {len(self.asked) - golden} other wordings, "
            f"{len(self.models)} models: {self.calls} model calls{left_out} (limit {limit})"
        )

    @property
    def is_cut(self) -> bool:
        return self.calls < self.calls_in_all


def plan(
    stage: str, services: Services, golden_set: GoldenSet, models: Sequence[str], limit: int
) -> Evaluation:
    """As many of the questions as `limit` calls allow; RefusedError when that is none."""
    content = services.contents.in_locale(golden_set.locale)
    everything = units(golden_set, content, folding())
    asked = within(everything, len(models), limit)
    in_all = calls(everything) * len(models)
    return Evaluation(stage, services, golden_set, tuple(models), asked, in_all)


def judged(evaluation: Evaluation, interviews: Sequence[Interview]) -> list[ModelReport]:
    """Ask, and judge; UnavailableError when no model answered anything."""
    found = interviewed(interviews, evaluation.asked)
    reports = [_report(evaluation, model, answers) for model, answers in found.items()]
    if all(not any(each.text for each in report.generated) for report in reports):
        hint = "; is the sandbox up (`make run`)?" if evaluation.stage == "local" else ""
        raise UnavailableError(f"no model answered: {_first_error(reports)}{hint}")
    return reports


def _report(
    evaluation: Evaluation, model: str, answers: Mapping[tuple[object, ...], Answer]
) -> ModelReport:
    rows = []
    for case in (case for unit in evaluation.asked for case in unit):
        answer = answers.get(case.prompt)
        if answer is not None:
            asked = Asked(case.golden, case.channel, evaluation.golden_set, evaluation.content)
            rows.append(Judged(case, answer, problems(answer, asked)))
    generated = [answer.generated for answer in answers.values() if answer.generated]
    settings = evaluation.services.settings
    usd = _usd_per_1000(settings, model, generated)
    return ModelReport(model, rows, generated, _in_time(settings, rows), usd)


def _in_time(settings: Settings, rows: Sequence[Judged]) -> float:
    by_prompt = {row.case.prompt: row for row in rows}.values()
    return fmean(
        [
            row.answer.generated is not None
            and row.answer.generated.is_whole
            and row.answer.generated.seconds <= settings.deadline_seconds(row.case.channel)
            for row in by_prompt
        ]
        or [0]
    )


def _usd_per_1000(settings: Settings, model: str, generated: Sequence[Generated]) -> float | None:
    priced = next((m for r in settings.routes.values() if (m := r.model(model)).usd_out), None)
    counted = [each for each in generated if each.input_tokens]
    if priced is None or not counted:
        return None
    return 1000 * fmean(priced.usd(each.input_tokens, each.output_tokens) for each in counted)


def _first_error(reports: Sequence[ModelReport]) -> str:
    errors = (e for report in reports for each in report.generated for e in each.errors)
    return next(errors, "there is nothing to say why")


def services(variables: Mapping[str, str]) -> Services:
    """What the stage's functions would be given, without a line of log in between."""
    built = build_services(Settings.from_env(variables), Contents.load(), in_background=True)
    return replace(built, log=Log(write=lambda line: None))


def interviews(evaluation: Evaluation) -> list[Interview]:
    """One for each model, with breakers of its own, by the clients that every verb uses."""
    return [
        Interview(model, evaluation.services, _models(evaluation.stage), evaluation.golden_set)
        for model in evaluation.models
    ]


def _models(stage: str) -> BedrockModels:
    bedrock = client(stage, "bedrock-runtime")
    return BedrockModels(lambda: bedrock, Breakers())


def folding() -> Fold | None:
    """The canonicaliser, or None where there is none."""
    try:
        module: Any = importlib.import_module("chalicelib.canonical_questions")
    except ModuleNotFoundError:
        return None
    fold: Fold = module.fold
    return fold


def router_models(settings: Settings) -> list[str]:
    """Every model that any route names, in the order in which they are named."""
    return list(dict.fromkeys(m for route in settings.routes.values() for m in route.models))
