"""`python -m ops evaluate`: who is asked what, how often, and what is told of bad models."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.answer import Generated
from chalicelib.cancellation import Cancellation
from chalicelib.content import Content
from chalicelib.deadline import Deadline
from chalicelib.model_router import Model, Route
from chalicelib.prompts import Prompt
from ops import __main__ as command_line
from ops import evaluate_report, evaluate_run
from ops.errors import RefusedError, UnavailableError
from ops.evaluate_answers import (
    REST_SECONDS,
    RESTS,
    UNANSWERED_IN_A_ROW,
    Fold,
    Interview,
    calls,
    units,
    within,
)
from ops.evaluate_golden import load
from ops.evaluate_judged import ModelReport
from ops.evaluate_run import Evaluation
from tests.fakes import CONTENTS, World

GOLDEN_SET = load("en_US")
CONTENT = CONTENTS.in_locale("en_US")
GOOD = "global.anthropic.claude-haiku-4-5-20251001-v1:0"
BAD = "global.anthropic.claude-haiku-5-5"
THRESHOLDS = GOLDEN_SET.thresholds_of("prod")

Writer = Callable[[Prompt], Generated]


def whole(text: str) -> Generated:
    return Generated(text, "end_turn", "model", 400, 30, 0.5)


def honest(prompt: Prompt) -> Generated:
    """Says one sentence of the prompt's facts, and that of the persona's name where it fits."""
    return whole("Atlas, an AI bot, runs on AWS with Lex and Claude.")


class WritingModels:
    """A model for one interview; counts what it is asked."""

    def __init__(self, write: Writer) -> None:
        self.write = write
        self.prompts: list[Prompt] = []
        self.routes: list[Route] = []

    def prepare(self) -> None:
        pass

    def has_candidate(self, route: Route) -> bool:
        return True

    def complete(
        self,
        prompt: Prompt,
        route: Route,
        deadline: Deadline,
        *,
        cancellation: Cancellation | None = None,
    ) -> Generated:
        self.prompts.append(prompt)
        self.routes.append(route)
        return self.write(prompt)


def same(text: str, intent: str, content: Content) -> str | None:
    """A canonicaliser that knows two sample utterances, and some questions that it leaves."""
    if "llm" in text:
        return None
    known = {"AboutTechnologyIntent": "what technology do you use", "GreetingIntent": "hello"}
    return known.get(intent, "what happens in the demo")


def evaluation(world: World, limit: int = 1000, models: tuple[str, ...] = (GOOD,)) -> Evaluation:
    return evaluate_run.plan("prod", world.services, GOLDEN_SET, models, limit)


def interview(world: World, write: Writer, model: str = GOOD) -> tuple[Interview, WritingModels]:
    models = WritingModels(write)
    return Interview(model, world.services, models, GOLDEN_SET), models


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(evaluate_run, "folding", lambda: same)
    return World()


def report_of(world: World, write: Writer) -> ModelReport:
    asked, _ = interview(world, write)
    (report,) = evaluate_run.judged(evaluation(world), [asked])
    return report


def test_every_intent_and_channel_is_asked(world: World) -> None:
    asked = units(GOLDEN_SET, CONTENT, None)
    kinds = {(case.golden.intent, case.channel) for unit in asked for case in unit}
    intents = ("GreetingIntent", "AboutTechnologyIntent", "AboutDemoIntent", "FallbackIntent")
    assert kinds == {(intent, channel) for intent in intents for channel in ("chat", "phone")}


def test_as_many_calls_are_made_as_were_announced(world: World) -> None:
    plan = evaluation(world)
    asked, models = interview(world, honest)
    evaluate_run.judged(plan, [asked])
    assert len(models.prompts) == plan.calls == calls(plan.asked)
    assert f"{plan.calls} model calls" in plan.announcement(plan.calls)


def test_it_is_said_beforehand_what_a_limit_leaves_out(world: World) -> None:
    told = evaluation(world, limit=30).announcement(30)
    assert "30 model calls" in told
    assert "the rest is left out" in told
    assert "left out" not in evaluation(world).announcement(1000)


def test_one_prompt_is_asked_once_however_many_wordings_fold_onto_it(world: World) -> None:
    asked, models = interview(world, honest)
    evaluate_run.judged(evaluation(world), [asked])
    prompts = [(prompt.system, prompt.messages) for prompt in models.prompts]
    assert len(prompts) == len(set(prompts))


def test_only_the_one_model_is_on_every_route_of_its_interview(world: World) -> None:
    asked, models = interview(world, honest, BAD)
    asked.answers(units(GOLDEN_SET, CONTENT, None))
    assert {route.models for route in models.routes} == {(BAD,)}


@pytest.mark.parametrize("limit", [4, 40, 60])
@pytest.mark.parametrize("models", [1, 3])
def test_no_more_calls_than_the_limit_and_hardly_fewer(limit: int, models: int) -> None:
    asked = units(GOLDEN_SET, CONTENT, same)
    chosen = within(asked, models, limit)
    assert calls(chosen) * models <= limit
    assert calls(chosen) * models > limit - 3 * models
    assert chosen == within(asked, models, limit)


def test_a_cut_evaluation_still_meets_every_intent() -> None:
    chosen = within(units(GOLDEN_SET, CONTENT, None), 1, 20)
    assert len({case.golden.intent for unit in chosen for case in unit}) == 4


def test_other_wordings_are_left_out_before_golden_questions() -> None:
    asked = units(GOLDEN_SET, CONTENT, same)
    golden = [unit for unit in asked if unit[0].wording == "golden"]
    chosen = within(asked, 1, calls(golden) + 10)
    assert chosen[: len(golden)] == golden
    assert 0 < len(chosen) - len(golden) < len(asked) - len(golden)


def test_a_limit_below_one_question_is_refused() -> None:
    with pytest.raises(RefusedError, match="a limit of 2 calls"):
        within(units(GOLDEN_SET, CONTENT, None), 3, 2)


def test_what_does_not_fold_is_asked_plainly_only() -> None:
    asked = [unit for unit in units(GOLDEN_SET, CONTENT, same) if unit[0].wording == "plain"]
    assert {len(unit) for unit in asked} == {1, 2}
    assert all("llm" in unit[0].asked for unit in asked if len(unit) == 1)


def test_a_phone_talk_knows_what_was_asked_in_the_chat(world: World) -> None:
    asked, models = interview(world, honest)
    asked.answers(units(GOLDEN_SET, CONTENT, None))
    talks = [prompt.system for prompt in models.prompts if "<scenario>" in prompt.system]
    assert talks
    assert all("how long does a setup take" in system for system in talks)


def test_a_resting_model_is_waited_for(world: World) -> None:
    rests, began = iter([Generated("", "resting")] * RESTS), world.clock()
    asked, _ = interview(world, lambda prompt: next(rests, honest(prompt)))
    chosen = units(GOLDEN_SET, CONTENT, None)[:1]
    (answer,) = asked.answers(chosen).values()
    assert answer.generated is not None
    assert answer.generated.stop_reason == "end_turn"
    assert world.clock() - began == pytest.approx(RESTS * REST_SECONDS)


def test_a_model_that_never_answers_is_given_up(world: World) -> None:
    denied = Generated("", "failed", errors=("bedrock-runtime: AccessDeniedException",))
    asked, models = interview(world, lambda prompt: denied)
    with pytest.raises(UnavailableError, match=r"no model answered: .*AccessDenied"):
        evaluate_run.judged(evaluation(world), [asked])
    assert len(models.prompts) == UNANSWERED_IN_A_ROW


def test_a_model_that_fails_now_and_then_is_not_given_up(world: World) -> None:
    count = itertools.count()
    failed = Generated("", "failed", errors=("bedrock-runtime: ReadTimeoutError",))
    asked, models = interview(world, lambda p: failed if next(count) % 2 else honest(p))
    plan = evaluation(world)
    asked.answers(plan.asked)
    assert len(models.prompts) == plan.calls > 2 * UNANSWERED_IN_A_ROW


def test_a_question_that_refers_to_what_was_said_comes_with_it(world: World) -> None:
    asked, models = interview(world, honest)
    asked.answers(units(GOLDEN_SET, CONTENT, None))
    earlier = [prompt for prompt in models.prompts if len(prompt.messages) > 1]
    assert {"<scenario>" in prompt.system for prompt in earlier} == {True, False}


def test_a_model_that_fails_only_folded_questions_misses_too(world: World) -> None:
    def shy(prompt: Prompt) -> Generated:
        is_known = prompt.messages[-1].text in ("hello", "what technology do you use")
        return whole("I am a real person.") if is_known else honest(prompt)

    misses = report_of(world, shy).misses({**THRESHOLDS, "facts": 0.0, "persona": 0.9})
    assert [miss for miss in misses if "of folded questions" in miss]
    assert not [miss for miss in misses if "of golden questions" in miss and "persona" in miss]


def test_a_model_that_is_not_there_does_not_spoil_the_others(world: World) -> None:
    denied = Generated("", "failed", errors=("bedrock-runtime: AccessDeniedException",))
    plan = evaluation(world, models=(GOOD, BAD))
    there, _ = interview(world, honest, GOOD)
    missing, _ = interview(world, lambda prompt: denied, BAD)
    good, bad = evaluate_run.judged(plan, [there, missing])
    assert not [miss for miss in good.misses(THRESHOLDS) if miss.startswith("answered")]
    assert [miss for miss in bad.misses(THRESHOLDS) if miss.startswith("answered 0%")]


BAD_MODELS: dict[str, Writer] = {
    "facts": lambda prompt: whole("I am happy to help you with that."),
    "claims": lambda prompt: whole("I run on Azure, and that costs $5."),
    "complete": lambda prompt: Generated("I run on AWS. And I am", "max_tokens", "m", 400, 150),
    "length": lambda prompt: whole("I run on AWS. I use Lex. I use Lambda."),
    "persona": lambda prompt: whole("I am a real person who is happy to help."),
    "language": lambda prompt: whole("Ich bin ein Bot und helfe dir mit der Demo."),
    "answered": lambda prompt: Generated("", "refused"),
}


@pytest.mark.parametrize("check", BAD_MODELS)
def test_a_bad_model_misses_its_check(world: World, check: str) -> None:
    count = itertools.count()

    def mostly_bad(prompt: Prompt) -> Generated:
        return BAD_MODELS[check](prompt) if next(count) % 4 else honest(prompt)

    misses = report_of(world, mostly_bad).misses(THRESHOLDS)
    assert [miss for miss in misses if miss.startswith(check)]


def test_truncations_and_stop_reasons_are_counted(world: World) -> None:
    told = report_of(world, BAD_MODELS["complete"]).to_json(THRESHOLDS)
    assert told["truncated"] == told["stop_reasons"]["max_tokens"] == told["calls"]


def test_folded_answers_stand_beside_plain_ones(world: World) -> None:
    """This model fails whenever it is asked the sample utterance itself."""

    def shy(prompt: Prompt) -> Generated:
        is_sample = prompt.messages[-1].text == "what technology do you use"
        return whole("I am not telling you.") if is_sample else honest(prompt)

    report = report_of(world, shy)
    about = [p for p in report.pairs() if p[0].case.golden.asked == "what technology do you use"]
    assert about
    assert all(plain.is_good and not folded.is_good for plain, folded in about)
    assert "worse when folded" in evaluate_report.wordings([report])


def test_nothing_is_said_of_folding_where_nothing_folds(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing: Fold = lambda text, intent, content: None  # noqa: E731
    monkeypatch.setattr(evaluate_run, "folding", lambda: nothing)
    assert evaluate_report.wordings([report_of(world, honest)]) == ""


def test_the_same_failure_of_several_models_is_told_once(world: World) -> None:
    asked = [interview(world, BAD_MODELS["facts"], model)[0] for model in (GOOD, BAD)]
    reports = evaluate_run.judged(evaluation(world, models=(GOOD, BAD)), asked)
    told = evaluate_report.failures(reports, 1000)
    golden = "AboutDemoIntent, chat, “is the demo free”\n    every model\n"
    assert told.count(golden) == 1


def test_a_failure_names_the_models_that_it_is_of(world: World) -> None:
    bad, _ = interview(world, BAD_MODELS["facts"], BAD)
    good, _ = interview(world, honest, GOOD)
    reports = evaluate_run.judged(evaluation(world, models=(GOOD, BAD)), [good, bad])
    told = evaluate_report.failures(reports, 1000)
    assert "AboutDemoIntent, chat, “will an AI phone me”\n    haiku-5-5\n" in told


def test_a_long_list_of_failures_says_how_many_are_left(world: World) -> None:
    told = evaluate_report.failures([report_of(world, BAD_MODELS["facts"])], 2)
    assert told.count("> I am happy to help you with that.") == 2
    assert "more" in told.splitlines()[-1]


def test_where_nothing_is_wrong_that_is_said(world: World) -> None:
    report = replace(report_of(world, honest), judged=[])
    assert evaluate_report.failures([report], 5) == "Nothing was wrong with any answer."


def test_without_a_price_nothing_is_said_to_be_cheap(world: World) -> None:
    report = report_of(world, honest)
    assert report.usd_per_1000 is None
    assert "no price" in evaluate_report.table([report], THRESHOLDS)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (GOOD, "haiku-4-5"),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", "us.haiku-4-5"),
        ("anthropic.claude-sonnet-4-6", "sonnet-4-6"),
        ("amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
    ],
)
def test_a_column_is_named_so_that_profiles_differ(model: str, name: str) -> None:
    assert ModelReport(model, [], [], 0.0, None).name == name


def test_only_whole_answers_before_the_turns_deadline_are_in_time(world: World) -> None:
    seconds = itertools.cycle([0.5, 0.9])
    report = report_of(world, lambda prompt: replace(honest(prompt), seconds=next(seconds)))
    assert report.in_time == pytest.approx(0.5, abs=0.01)
    assert report_of(world, BAD_MODELS["complete"]).in_time == 0.0


def test_what_a_thousand_answers_cost_follows_from_the_models_table(world: World) -> None:
    """400 tokens in at 1 USD and 30 out at 5 USD a million: 0.00055 USD each."""
    priced = Model(GOOD, usd_in=1.0, usd_out=5.0)
    routes = {
        name: replace(route, table=(priced,))
        for name, route in world.services.settings.routes.items()
    }
    world.services = world.with_settings(routes=routes)
    usd = report_of(world, honest).usd_per_1000
    assert usd == pytest.approx(0.55)


def test_a_price_is_that_of_a_thousand_answers(world: World) -> None:
    report = replace(report_of(world, honest), usd_per_1000=0.5512)
    assert "0.55" in evaluate_report.table([report], THRESHOLDS)


@pytest.fixture
def models(world: World, monkeypatch: pytest.MonkeyPatch) -> dict[str, Writer]:
    """What each model of the command line's run writes."""
    written: dict[str, Writer] = {}

    def interviews(plan: Evaluation) -> list[Interview]:
        return [interview(world, written.get(m, honest), m)[0] for m in plan.models]

    monkeypatch.setattr(evaluate_run, "interviews", interviews)
    monkeypatch.setattr(evaluate_run, "services", lambda variables: world.services)
    return written


def run(*arguments: str, stage: str = "prod") -> int:
    return command_line.main(["evaluate", "--stage", stage, *arguments])


def test_models_stand_side_by_side(models: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--model", GOOD, "--model", BAD, "--threshold", "0") == 0
    out, err = capsys.readouterr()
    assert "haiku-4-5" in out
    assert "haiku-5-5" in out
    assert "model calls" in err
    assert "stand-in" not in out


def test_a_stand_in_is_called_one(models: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--threshold", "0", stage="local") == 0
    assert "The sandbox's stand-in answered." in capsys.readouterr().out


def test_a_miss_is_exit_code_1_and_one_line_after_the_report(
    models: dict[str, Writer], capsys: pytest.CaptureFixture[str]
) -> None:
    models[BAD] = BAD_MODELS["persona"]
    assert run("--model", GOOD, "--model", BAD) == 1
    out, err = capsys.readouterr()
    assert "I am a real person who is happy to help." in out
    assert err.splitlines()[-1].startswith("ops: not good enough: ")
    assert "haiku-5-5 persona 0% of golden questions, 100% needed" in err.splitlines()[-1]


def test_json_holds_every_answer(
    models: dict[str, Writer], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--json", "--threshold", "0", "--limit", "20", "--model", GOOD) == 0
    told = json.loads(capsys.readouterr().out)
    (model,) = told["models"]
    assert told["calls"] == model["calls"] <= 20
    assert {"asked", "shown", "stop_reason", "problems"} <= model["answers"][0].keys()


@pytest.mark.parametrize(
    "arguments", [["--limit", "0"], ["--limit", "many"], ["--threshold", "2"], ["--threshold", "x"]]
)
def test_wrong_usage_exits_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*arguments)
    assert ended.value.code == 2


def test_an_own_sandbox_is_for_stage_local(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--own-sandbox", stage="prod") == 1
    assert "for stage local" in capsys.readouterr().err


def test_a_locale_without_golden_questions_is_refused(
    models: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--locale", "de_DE") == 1
    assert "no golden questions for de_DE" in capsys.readouterr().err
