"""What stage dev keeps of an evaluation: of which code, whether it passed, what it lacks."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from ops_fakes import FakeLambda, World

from ops import __main__ as command_line
from ops import answering_code, evaluate_record, evaluate_run, records
from ops.answering_code import AnsweringCode, checkout_code, deployed_code, models_sha256
from ops.environment import environment
from ops.errors import UnavailableError
from ops.evaluate_golden import load
from ops.stages import MODEL_ROUTES

CODE = AnsweringCode("code-1", "models-1")
GOLDEN_SET = load("en_US")


class Report:
    """Of one model, what the record asks for."""

    def __init__(self, *misses: str) -> None:
        self.model = self.name = "haiku"
        self._misses = list(misses)

    def misses(self, thresholds: Any) -> list[str]:
        return self._misses


def evaluation(**changes: Any) -> Any:
    facts = {"stage": "dev", "is_cut": False, "calls": 452, "golden_set": GOLDEN_SET}
    return SimpleNamespace(**facts | changes)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World("dev")
    monkeypatch.setattr(evaluate_record, "clients", lambda stage: world.context().clients)
    monkeypatch.setattr(evaluate_record, "commit", lambda: "abc")
    return world


@pytest.fixture
def said() -> list[str]:
    return []


def keep(said: list[str], reports: Sequence[Any], lacking: Sequence[str] = ()) -> None:
    evaluate_record.keep(evaluation(), CODE, reports, {}, lacking, said.append)


def kept(world: World) -> dict[str, Any]:
    record = records.latest(world.context(), "evaluation")
    assert record is not None
    return record


def test_what_passed_is_kept_with_its_code(world: World, said: list[str]) -> None:
    keep(said, [Report()])
    record = kept(world)
    assert record["passed"] is True
    assert (record["code_sha256"], record["models_sha256"]) == ("code-1", "models-1")
    assert (record["commit"], record["models"], record["calls"]) == ("abc", ["haiku"], 452)
    assert said == ["kept on stage dev: code code-1, passed"]


def test_what_missed_a_limit_has_not_passed(world: World, said: list[str]) -> None:
    keep(said, [Report("facts 40% of golden questions, 80% needed")])
    assert kept(world)["passed"] is False
    assert kept(world)["misses"] == ["haiku facts 40% of golden questions, 80% needed"]


def test_what_was_not_whole_has_not_passed(world: World, said: list[str]) -> None:
    keep(said, [Report()], ["not every model was asked"])
    assert kept(world)["passed"] is False
    assert said == ["kept on stage dev: code code-1, not passed; not every model was asked"]


@pytest.mark.parametrize(
    ("is_cut", "is_every_model", "has_own_thresholds", "text"),
    [
        (True, True, True, "--limit"),
        (False, False, True, "not every model"),
        (False, True, False, "--threshold"),
    ],
)
def test_each_shortcoming_is_named(
    is_cut: bool, is_every_model: bool, has_own_thresholds: bool, text: str
) -> None:
    of = evaluation(is_cut=is_cut)
    [told] = evaluate_record.shortcomings(of, is_every_model, has_own_thresholds)
    assert text in told


def test_whole_evaluation_lacks_nothing() -> None:
    assert evaluate_record.shortcomings(evaluation(), True, True) == []


def test_unknown_code_is_not_kept(world: World, said: list[str]) -> None:
    evaluate_record.keep(evaluation(), None, [Report()], {}, [], said.append)
    assert not world.dynamodb.items


def test_missing_table_is_told_and_costs_no_result(world: World, said: list[str]) -> None:
    world.dynamodb.tables.clear()
    keep(said, [Report()])
    assert said[0].startswith(
        "no record was kept, so this counts for no release: there is no table"
    )


@pytest.mark.parametrize("stage", ["local", "prod"])
def test_other_stages_build_nothing(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate_record, "checkout_code", pytest.fail)
    assert evaluate_record.judged_code(stage, pytest.fail) is None


def test_package_that_cannot_be_built_is_told(
    said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(stage: str) -> AnsweringCode:
        raise UnavailableError("pip has no network")

    monkeypatch.setattr(evaluate_record, "checkout_code", fail)
    assert evaluate_record.judged_code("dev", said.append) is None
    assert said[-1].endswith("no record will be kept: pip has no network")


def test_code_of_the_checkout_is_what_lambda_would_call_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    package = tmp_path / "package.zip"
    package.write_bytes(b"the package")
    monkeypatch.setattr(answering_code, "build", lambda *_: SimpleNamespace(path=package))
    digest = base64.b64encode(hashlib.sha256(b"the package").digest()).decode()
    lambda_ = FakeLambda([])
    lambda_.deploy("prod", digest)
    deployed = lambda_.functions["atlas-prod-lex_fulfillment"]
    assert checkout_code("dev") == deployed_code(deployed)


def test_models_are_compared_by_their_meaning() -> None:
    variables = environment("prod")
    spaced = variables | {"MODEL_ROUTES": json.dumps(MODEL_ROUTES, indent=2)}
    other = variables | {"MODEL_ROUTES": "{}"}
    assert models_sha256(variables) == models_sha256(spaced) == models_sha256(environment("dev"))
    assert models_sha256(other) != models_sha256(variables)
    assert models_sha256({"MODEL_TABLE": "not JSON"}) != models_sha256({})


@pytest.mark.parametrize(
    ("words", "lacking"),
    [((), []), (("--threshold", "0"), ["--threshold"]), (("--limit", "40"), ["--limit"])],
)
def test_evaluate_of_dev_keeps_what_it_was(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    lacking: list[str],
) -> None:
    asked: list[Callable[..., Any]] = []
    monkeypatch.setattr(evaluate_record, "checkout_code", lambda stage: CODE)
    monkeypatch.setattr(evaluate_run, "interviews", lambda evaluation: [])
    monkeypatch.setattr(evaluate_run, "judged", lambda *given: asked.append(given) or [])  # type: ignore[func-returns-value, arg-type]
    assert command_line.main(["evaluate", "--stage", "dev", "--json", *words]) == 0
    assert len(asked) == 1
    told = kept(world)["lacking"]
    assert len(told) == len(lacking)
    assert all(word in text for word, text in zip(lacking, told, strict=True))
