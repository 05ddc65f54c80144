"""Asks models the golden questions, by the code that answers visitors, within a budget of calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

from chalicelib import answers
from chalicelib.answer import Answer
from chalicelib.content import Content
from chalicelib.deadline import Deadline
from chalicelib.intents.grounded import GROUNDED_INTENTS, Grounded
from chalicelib.lex import Channel
from chalicelib.questions import Question, canonical
from chalicelib.scenario import composed
from chalicelib.services import Models, Services
from ops.errors import RefusedError
from ops.evaluate_golden import OPEN, Golden, GoldenSet

PATIENCE_SECONDS = 30.0
"""No visitor waits here: an answer is judged whole, and its seconds are reported beside it."""
REST_SECONDS = 5.0
RESTS = 4
"""How often a model that is left alone after throttling is waited for."""
UNANSWERED_IN_A_ROW = 5
"""After so many a model is given up: it is not there, or not permitted."""

Wording = Literal["golden", "plain", "folded"]
Fold = Callable[[str, str, Content], str | None]
_GROUNDED: Mapping[str, Grounded] = {each.intent: each for each in GROUNDED_INTENTS}


@dataclass(frozen=True, slots=True)
class Case:
    """One question as it is put to each model; `text` is what its prompt holds."""

    golden: Golden
    channel: Channel
    wording: Wording
    asked: str
    text: str

    @property
    def prompt(self) -> tuple[object, ...]:
        """What decides the prompt: cases that share it share the model's one answer."""
        return self.golden.intent, self.channel, self.text, self.golden.history


Unit = tuple[Case, ...]
"""Cases that are only worth asking together: a wording plain and folded."""


def units(golden_set: GoldenSet, content: Content, fold: Fold | None) -> list[Unit]:
    """All that there is to ask, wordings last; without a `fold` each golden question only."""
    asked: list[Unit] = [
        (Case(golden, channel, "golden", golden.asked, _plain(golden, golden.asked)),)
        for golden in golden_set.questions
        for channel in golden.channels
    ]
    if fold is not None:
        for golden in golden_set.questions:
            asked.extend(_both_ways(golden, each, content, fold) for each in golden.wordings)
    return asked


def _both_ways(golden: Golden, wording: str, content: Content, fold: Fold) -> Unit:
    """Plain, and folded where it folds; what does not fold is asked plainly in production too."""
    channel = golden.channels[0]
    plain = Case(golden, channel, "plain", wording, canonical(wording))
    folded = fold(wording, golden.intent, content)
    if folded is None:
        return (plain,)
    return plain, replace(plain, wording="folded", text=folded)


def _plain(golden: Golden, text: str) -> str:
    return canonical(text) if golden.intent in _GROUNDED else text


def calls(chosen: Sequence[Unit]) -> int:
    """How many calls each model gets for them."""
    return len({case.prompt for unit in chosen for case in unit})


def within(asked: Sequence[Unit], models: int, limit: int) -> list[Unit]:
    """As many units as `limit` calls in all allow; other wordings are left out first.

    Evenly spaced, so that every intent is there. RefusedError when there is room for none.
    """
    golden = [unit for unit in asked if unit[0].wording == "golden"]
    others = [unit for unit in asked if unit[0].wording != "golden"]
    chosen = _fitting([], golden, limit // models)
    if not chosen:
        raise RefusedError(f"a limit of {limit} calls is less than one question to {models} models")
    return [*chosen, *_fitting(chosen, others, limit // models)]


def _fitting(taken: Sequence[Unit], more: Sequence[Unit], limit: int) -> list[Unit]:
    for count in range(len(more), 0, -1):
        chosen = [more[at * len(more) // count] for at in range(count)]
        if calls([*taken, *chosen]) <= limit:
            return chosen
    return []


class Interview:
    """Puts cases to one model as a visitor's turn does, but with patience."""

    def __init__(
        self, model: str, services: Services, models: Models, golden_set: GoldenSet
    ) -> None:
        routes = {
            name: replace(route, models=(model,))
            for name, route in services.settings.routes.items()
        }
        settings = replace(services.settings, routes=routes)
        self._services = replace(services, settings=settings, models=models)
        self._content = services.contents.in_locale(golden_set.locale)
        self._phone_asked = golden_set.phone_asked
        self.model = model

    def answers(self, asked: Sequence[Unit]) -> dict[tuple[object, ...], Answer]:
        """An answer for each prompt, each asked once; fewer where the model was given up."""
        found: dict[tuple[object, ...], Answer] = {}
        failures = 0
        for case in _each_prompt(asked):
            answer = self._rested(case)
            found[case.prompt] = answer
            is_answered = answer.generated is not None and bool(answer.generated.text)
            failures = 0 if is_answered else failures + 1
            if failures == UNANSWERED_IN_A_ROW:
                break
        return found

    def _rested(self, case: Case) -> Answer:
        """The answer; a model that is resting was not called, and is waited for."""
        answer = self._answer(case)
        for _ in range(RESTS):
            if answer.generated is None or answer.generated.stop_reason != "resting":
                break
            self._services.sleep(REST_SECONDS)
            answer = self._answer(case)
        return answer

    def _answer(self, case: Case) -> Answer:
        golden, locale = case.golden, self._content.locale
        deadline = Deadline.after(PATIENCE_SECONDS)
        if golden.intent != OPEN:
            question = _question(case, locale)
            return answers.grounded_answer.make(question, deadline, self._services)
        if case.channel == "phone":
            scenario = composed(
                self._content, "", self._phone_asked, self._content.scenario["notes"]
            )
            return answers.spoken_answer(
                case.text, golden.history, scenario, locale, deadline, self._services
            )
        return answers.open_answer(
            case.text, golden.history, locale, case.channel, deadline, self._services
        )


def _question(case: Case, locale: str) -> Question:
    grounded = _GROUNDED[case.golden.intent]
    return Question(
        *(grounded.intent, grounded.grounding, case.text, locale, case.channel, grounded.route),
        is_folded=case.wording == "folded",
    )


def _each_prompt(asked: Sequence[Unit]) -> Iterator[Case]:
    yield from {case.prompt: case for unit in asked for case in unit}.values()


def interviewed(
    interviews: Sequence[Interview], asked: Sequence[Unit]
) -> dict[str, dict[tuple[object, ...], Answer]]:
    """Every model's answers; the models are asked side by side, each one question at a time."""
    with ThreadPoolExecutor(len(interviews)) as pool:
        found = pool.map(lambda interview: interview.answers(asked), interviews)
        return {each.model: given for each, given in zip(interviews, found, strict=True)}
