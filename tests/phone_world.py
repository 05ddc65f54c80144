"""A call that is open, in a world of real tables: turns of the phone and what they carry on."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.lead import Lead
from chalicelib.lex import Turn
from chalicelib.scenario import Scenario
from chalicelib.scenario_table import ScenarioTable
from tests.lead_world import INTERACTION, SESSION_ID, LeadWorld, lead_world

CALL_KEY = "cd" * 16
KEY = INTERACTION + CALL_KEY
MADE = Scenario("Hello Maria Lopez, thank you.\nThey want to know what it runs on.", "made")


class HeldScenarios(ScenarioTable):
    """The real table behind a gate: cleared, what runs beside a turn does not come back in time."""

    def __init__(self, world: LeadWorld) -> None:
        name = world.services.settings.scenario_cache_table
        super().__init__(lambda: world.wire, name, world.clock)
        self.leads_open, self.scenarios_open = threading.Event(), threading.Event()
        self.leads_open.set()
        self.scenarios_open.set()

    def beside(self, call: Any) -> Any:
        def when_open() -> Any:
            assert self.leads_open.wait(10), "a test forgot to let the table go on"
            return call()

        return super().beside(when_open)

    def read(self, interaction_id: str) -> Scenario | None:
        assert self.scenarios_open.wait(10), "a test forgot to let the table go on"
        return super().read(interaction_id)

    def finish(self) -> None:
        """Let late reads end while their tables still stand."""
        self._workers.shutdown(wait=True)

    @contextlib.contextmanager
    def late(self, gate: threading.Event) -> Iterator[None]:
        gate.clear()
        try:
            yield
        finally:
            gate.set()


@dataclass
class PhoneWorld:
    """`scenarios` can be made late; `world` is everything else."""

    world: LeadWorld
    scenarios: HeldScenarios = field(init=False)

    def __post_init__(self) -> None:
        self.scenarios = HeldScenarios(self.world)
        self.world.with_services(scenarios=self.scenarios)

    def open_call(self, **changes: Any) -> Lead:
        return self.world.consented(call_key=CALL_KEY, **changes)

    def keep(self, scenario: Scenario = MADE) -> None:
        lease = self.scenarios.claim(INTERACTION).lease
        assert self.scenarios.store(INTERACTION, lease, scenario, 86_400.0)

    @property
    def reads(self) -> int:
        return self.world.wire.calls.count("get_item")

    def verdicts(self) -> list[str]:
        return [record["key"] for record in self.world.lines.of("phone call")]


@contextlib.contextmanager
def phone_world() -> Iterator[PhoneWorld]:
    with lead_world() as world:
        phone = PhoneWorld(world)
        try:
            yield phone
        finally:
            phone.scenarios.finish()


def a_turn(attributes: Mapping[str, str], text: str = "hello", **changes: Any) -> Turn:
    fields: dict[str, Any] = {
        "session_id": SESSION_ID,
        "locale": "en_US",
        "channel": "phone",
        "source": "FulfillmentCodeHook",
        "intent": "FallbackIntent",
        "text": text,
        "attributes": attributes,
    }
    return Turn(**{**fields, **changes})
