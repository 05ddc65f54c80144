"""An environment of Atlas in a process of the benchmark: the real handler, the real services."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from typing import Any

from bench.turns.events import interaction_key
from chalicelib import content as contents
from chalicelib import prompts
from chalicelib.background import GenerateAnswerInput, finish_answer
from chalicelib.fulfillment import conversation_turn
from chalicelib.invocation import Invocation
from chalicelib.lead import Lead
from chalicelib.scenario import Scenario, grounded_scenario
from chalicelib.services import Services, services_from_env
from chalicelib.warm_start import warm_up
from chalicelib.warming import warm_answers

ARN = "arn:aws:lambda:us-east-1:123456789012:function:atlas-local-lex_fulfillment:live"
LOCALE = "en_US"
TRACED_EVERY = 20
"""Lambda samples 5% of the requests beyond one a second."""
_WORDS = {1: "one sentence", 2: "two sentences", 3: "three sentences", 4: "four sentences"}
_ASKED = ("how does the demo work",)
_CALL_SECONDS = 3_600
_COMPONENTS = {
    "models": {"complete": "model"},
    "workflow": {"start": "workflow"},
    "leads": {"get": "table", "offer": "table", "withdraw_offer": "table"},
    "consents": {"record": "table"},
}
"""Which calls of which service count for which component; those of the answers' table run beside
the turn, and show in what is left.
"""


class Timed:
    """A service whose named methods add their seconds to a component; the rest passes through."""

    def __init__(self, inner: Any, components: Mapping[str, str], spent: dict[str, float]) -> None:
        self._inner, self._components, self._spent = inner, components, spent

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        component = self._components.get(name)
        return self._timed(found, component) if component else found

    def _timed(self, call: Callable[..., Any], component: str) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            started = time.perf_counter()
            try:
                return call(*args, **kwargs)
            finally:
                spent = time.perf_counter() - started
                self._spent[component] = self._spent.get(component, 0.0) + spent

        return timed


class InProcess:
    """Background work whose answers are made in this process: for what no deployment can say."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._services = services_from_env(in_background=True)
        self._pool = ThreadPoolExecutor(2)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def generate(self, question: Any, claim: Any, deadline: Any) -> None:
        task = GenerateAnswerInput(question, claim.lease, claim.lease_until).to_json()
        invocation = Invocation("background", "1", "warm")
        self._pool.submit(finish_answer, task, invocation, self._services)


class Environment:
    """`chat_sentences`: how long chat answers may be, where not as the content says."""

    def __init__(self, chat_sentences: int = 0) -> None:
        self._is_longer = bool(chat_sentences)
        if chat_sentences:
            _lengthen(chat_sentences)
        self._spent: dict[str, float] = {}
        self._numbers = count(1)
        self._services: Services | None = None

    def start(self) -> None:
        """What Lambda's init phase does; whatever an earlier environment remembered is gone."""
        services = services_from_env()
        warm_up(services, "lex_fulfillment")
        services.account.learn(ARN)
        timed: dict[str, Any] = {
            name: Timed(getattr(services, name), components, self._spent)
            for name, components in _COMPONENTS.items()
        }
        if self._is_longer:
            timed["background"] = InProcess(services.background)
        self._services = replace(services, **timed)

    def keep_warm(self) -> dict[str, int]:
        """One run over the sample utterances, as the function of that name does it."""
        services = services_from_env(in_background=True)
        return warm_answers(Invocation("keep-warm", "1", "warm"), services).to_json()

    def turn(self, event: dict[str, Any]) -> dict[str, Any]:
        if self._services is None:
            self.start()
        assert self._services is not None  # noqa: S101
        number = next(self._numbers)
        # As Lambda's runtime client does with each event.
        os.environ["_X_AMZN_TRACE_ID"] = _trace_id(number)
        invocation = Invocation(f"turn-{number}", "1", "warm", function_arn=ARN)
        reply: Any = conversation_turn(event, invocation, self._services)
        answered: dict[str, Any] = reply
        return answered

    def take_spent(self) -> dict[str, float]:
        """The seconds by component since the last time."""
        taken = dict(self._spent)
        self._spent.clear()
        return taken

    def write_calls(self, sessions: list[str]) -> None:
        """Leads whose calls are open, with their scenarios: what a phone turn's key opens."""
        services = services_from_env()
        for session in sessions:
            _write_call(session, services)


def _trace_id(number: int) -> str:
    is_sampled = int(number % TRACED_EVERY == 0)
    return f"Root=1-5759e988-{number:024x};Parent={number:016x};Sampled={is_sampled}"


def _write_call(session: str, services: Services) -> None:
    key = interaction_key(session)
    interaction, name = key[:32], "Vera Winter"
    lead = Lead(interaction, "offered", name, "+14155550199", "bench", LOCALE, "bench", _ASKED)
    services.leads.offer(replace(lead, offered_at=services.clock()))
    changes = {"status": "consented", "call_key": key[32:], "expires_at": 0.0}
    services.leads.update(interaction, changes)
    services.scenarios.draft(interaction, name, _ASKED, LOCALE)
    claim = services.scenarios.claim(interaction)
    text = grounded_scenario(services.contents.in_locale(LOCALE), name, _ASKED)
    services.scenarios.store(interaction, claim.lease, Scenario(text, "made"), _CALL_SECONDS)


def _lengthen(sentences: int) -> None:
    """Other lengths are a change of the code, not of a setting: this process alone makes it."""
    by_channel: Any = contents.SENTENCES_BY_CHANNEL
    by_channel["chat"] = sentences
    words: Any = prompts._COUNTS
    words.update(_WORDS)
