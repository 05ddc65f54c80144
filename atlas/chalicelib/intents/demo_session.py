"""What the session keeps while a demo is being arranged. Pure.

A client may write these attributes, so they only save work and count tries: whether a call was
offered, and to whom, stands in the leads table alone.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace

from chalicelib.intents.outcome import MAX_TRIES
from chalicelib.lead import is_interaction_id
from chalicelib.lex import Turn

INTERACTION, TRIES = "interactionId", "demoTries"
NAME, NUMBER, CONSENT = range(3)

ENDED: Mapping[str, str | None] = {INTERACTION: None, TRIES: None}
"""The attributes of a demo that is not being arranged any more."""

_PROGRESS = re.compile(r"([0-3])([0-3])([0-3])(p?)")


@dataclass(frozen=True, slots=True)
class DemoSession:
    """`tries`: how often name, number and consent were answered in vain.

    `is_prepared`: the scenario was asked for and the call's path warmed.
    """

    interaction_id: str
    tries: tuple[int, int, int] = (0, 0, 0)
    is_prepared: bool = False

    @classmethod
    def of(cls, turn: Turn) -> DemoSession:
        """The session's; a new interaction where the intent begins or the session has none."""
        known = known_id(turn, INTERACTION)
        if not known or turn.invocation_label == f"{turn.intent}Start":
            return cls.new()
        found = _PROGRESS.fullmatch(turn.attributes.get(TRIES, ""))
        if found is None:
            return cls(known)
        name, number, consent = map(int, found.groups()[:3])
        return cls(known, (name, number, consent), bool(found[4]))

    @classmethod
    def new(cls) -> DemoSession:
        return cls(uuid.uuid4().hex)

    def renewed(self) -> DemoSession:
        """The same answers for another interaction."""
        return replace(self, interaction_id=DemoSession.new().interaction_id)

    def tried(self, what: int) -> DemoSession:
        """One more answer in vain; MAX_TRIES of them are enough."""
        name, number, consent = (count + (place == what) for place, count in enumerate(self.tries))
        return replace(self, tries=(name, number, consent))

    def is_enough(self, what: int) -> bool:
        return self.tries[what] >= MAX_TRIES

    @property
    def attributes(self) -> dict[str, str | None]:
        tries = "".join(str(min(count, MAX_TRIES)) for count in self.tries)
        return {INTERACTION: self.interaction_id, TRIES: tries + "p" * self.is_prepared}


def known_id(turn: Turn, attribute: str) -> str:
    """The interaction id that an attribute holds; empty for anything that is none."""
    value = turn.attributes.get(attribute, "")
    return value if is_interaction_id(value) else ""
