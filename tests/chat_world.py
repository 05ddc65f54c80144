"""A visitor, the sandbox's Lex and the code hook before real tables: whole conversations.

Every event is one that Lex makes of the deployed bot, and every reply is held to Lex's limits.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.fulfillment import conversation_turn
from chalicelib.lead import Lead
from sandbox.aws_api import InvokeResult
from tests.fakes import an_invocation
from tests.lead_world import LeadWorld, lead_world
from tests.lex_shapes import problems
from tests.unit.sandbox_lex.lex_fakes import FakeLambda, Lex

SESSION = "visitor-1"


class CodeHook(FakeLambda):
    """The function behind the bot; keeps what it was asked and what it said."""

    def __init__(self, world: LeadWorld) -> None:
        super().__init__()
        self._world = world
        self.replies: list[Any] = []

    def invoke(self, function_arn: str, payload: bytes) -> InvokeResult:
        event = json.loads(payload)
        self.events.append(event)
        reply = conversation_turn(event, an_invocation(), self._world.services)
        assert problems(reply) == []
        self.replies.append(reply)
        return InvokeResult(json.dumps(reply).encode(), None, "1")


@dataclass
class ChatWorld:
    """`say` is one turn of the visitor's; `world` is everything behind the code hook."""

    world: LeadWorld
    lex: Lex = field(init=False)
    hook: CodeHook = field(init=False)

    def __post_init__(self) -> None:
        self.hook = CodeHook(self.world)
        self.lex = Lex()
        self.lex.function = self.hook
        self.lex.runtime = type(self.lex.runtime)(
            self.lex.state, self.hook, self.lex.clock, lambda: "request", 10
        )

    def say(self, text: str, session: str = SESSION, **params: Any) -> str:
        """What Lex answers, as one text."""
        response = self.lex.say(text, session, **params)
        return " ".join(self.lex.texts(response))

    def settings(self, **changes: Any) -> None:
        settings = replace(self.world.services.settings, **changes)
        self.world.with_services(settings=settings)

    @property
    def state(self) -> Any:
        """The session state of the code hook's last reply."""
        return self.hook.replies[-1]["sessionState"]

    @property
    def attributes(self) -> dict[str, str]:
        found: dict[str, str] = self.state["sessionAttributes"]
        return found

    @property
    def action(self) -> str:
        """The last reply's dialog action, with the slot that it asks for."""
        action = self.state["dialogAction"]
        return " ".join(filter(None, (action["type"], action.get("slotToElicit"))))

    def lead(self) -> Lead | None:
        """The lead of this session's interaction, offered or booked."""
        attributes = self.attributes
        known = attributes.get("interactionId") or attributes.get("bookedInteraction")
        return self.world.services.leads.get(known) if known else None

    def items(self, table: str) -> list[Any]:
        """Everything in one of the tables, as DynamoDB has it."""
        name = getattr(self.world.services.settings, table)
        found: list[Any] = self.world.wire.scan(TableName=name)["Items"]
        return found


@contextlib.contextmanager
def chat_world() -> Iterator[ChatWorld]:
    with lead_world() as world:
        yield ChatWorld(world)
