"""What a phone call may know: the key it carries, checked once, and its scenario from then on.

Session attributes can be set by a client, so none of them is believed. The key opens the scenario
only when the lead's own item holds it and the call is not over. The scenario that the session then
carries is material of this one conversation and nothing more, like its history, and is read on the
phone alone. Whatever acts for the person reads the lead again (`verified_lead`).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from chalicelib.deadline import Deadline
from chalicelib.errors import DependencyError
from chalicelib.lead import Lead, is_interaction_id, session_hash
from chalicelib.lex import Turn
from chalicelib.scenario import BYTES, Scenario, fitted, grounded_scenario, plain
from chalicelib.session_attributes import BOOKED
from chalicelib.timely import timely

if TYPE_CHECKING:
    from chalicelib.services import Services

ATTRIBUTE = "scenario"
KEY_ATTRIBUTE = "interactionKey"
WAIT_SECONDS = 0.12
"""What a turn waits for its tables, as the answer cache does."""

Verdict = Literal["accepted", "missing", "malformed", "forged", "stale", "late"]
"""`stale`: the right key of a call that is over. `late`: the table did not answer in time."""
State = Literal["made", "grounded", "anonymous"]

_ID_DIGITS = 32
_KEY = re.compile(r"[0-9a-f]{64}")
_KEPT = re.compile(r"([0-9a-f]{8}) (made|grounded|anonymous)(\+?)\n(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PhoneScenario:
    """What this turn may use; `attributes` go into the reply's session.

    `text` is empty where the caller is not known. `is_provisional`: the next turn looks once more.
    """

    state: State
    text: str = ""
    is_provisional: bool = False
    attributes: Mapping[str, str | None] = field(default_factory=dict)


_ANONYMOUS = PhoneScenario("anonymous")


def phone_scenario(turn: Turn, deadline: Deadline, services: Services) -> PhoneScenario:
    """The call's scenario: from its session, or on its first turn from the tables.

    What was not there in time is looked for once more on the next turn, and then no more.
    """
    key = turn.attributes.get(KEY_ATTRIBUTE, "")
    kept = _kept(turn.attributes.get(ATTRIBUTE, ""), key)
    if kept is not None and not kept.is_provisional:
        return kept
    verdict, found = _looked_up(key, deadline, services)
    if kept is not None:
        found = replace(kept if verdict == "late" else found, is_provisional=False)
    _report(verdict, found, services)
    return replace(found, attributes={ATTRIBUTE: _written(found, key)})


def verified_lead(turn: Turn, deadline: Deadline, services: Services) -> Lead | None:
    """The lead that this very call or chat session made, read now; None for anyone else's.

    For intents that act. DependencyError when the table fails, or is not there by `deadline`.
    """
    if not _claimed_interaction(turn):
        return None
    return timely(lambda: lead_of(turn, services), deadline, services)


def lead_of(turn: Turn, services: Services) -> Lead | None:
    """The same for whoever reads beside the turn already, and has its own end (`timely`)."""
    interaction = _claimed_interaction(turn)
    lead = services.leads.get(interaction) if interaction else None
    return lead if lead is not None and _is_theirs(lead, turn) else None


def _claimed_interaction(turn: Turn) -> str:
    if turn.channel == "phone":
        key = turn.attributes.get(KEY_ATTRIBUTE, "")
        return key[:_ID_DIGITS] if _KEY.fullmatch(key) else ""
    booked = turn.attributes.get(BOOKED, "")
    return booked if is_interaction_id(booked) else ""


def _is_theirs(lead: Lead, turn: Turn) -> bool:
    if turn.channel == "phone":
        return _verdict(lead, turn.attributes.get(KEY_ATTRIBUTE, "")) == "accepted"
    own = session_hash(turn.session_id)
    return lead.status == "consented" and hmac.compare_digest(lead.session, own)


def _looked_up(key: str, deadline: Deadline, services: Services) -> tuple[Verdict, PhoneScenario]:
    if not _KEY.fullmatch(key):
        return ("malformed" if key else "missing"), _ANONYMOUS
    interaction = key[:_ID_DIGITS]
    scenarios = services.scenarios
    leading = scenarios.beside(lambda: services.leads.get(interaction))
    reading = scenarios.beside(lambda: scenarios.read(interaction))
    both: tuple[Future[Any], ...] = (leading, reading)
    wait(both, timeout=deadline.sooner_of(WAIT_SECONDS))
    if not _has_arrived(leading, services):
        reading.cancel()
        return "late", replace(_ANONYMOUS, is_provisional=True)
    lead = leading.result()
    verdict = _verdict(lead, key)
    if lead is None or verdict != "accepted":
        return verdict, _ANONYMOUS
    services.trace_whose(interaction)
    stored = reading.result() if _has_arrived(reading, services) else None
    return verdict, _opened(lead, stored, services)


def _verdict(lead: Lead | None, key: str) -> Verdict:
    known = lead.call_key if lead is not None else ""
    if not known or not hmac.compare_digest(known, key[_ID_DIGITS:]):
        return "forged"
    return "accepted" if lead is not None and lead.call_is_open else "stale"


def _opened(lead: Lead, stored: Scenario | None, services: Services) -> PhoneScenario:
    if stored is not None:
        return PhoneScenario(stored.maker, stored.text, is_provisional=stored.maker != "made")
    content = services.contents.in_locale(lead.locale)
    text = grounded_scenario(content, lead.name, lead.asked)
    return PhoneScenario("grounded", text, is_provisional=True)


def _has_arrived(reading: Future[Any], services: Services) -> bool:
    """Whether the read has brought something, if only that nothing is there."""
    if not reading.done():
        reading.cancel()
        return False
    error = reading.exception()
    if isinstance(error, DependencyError):
        services.log.warning("table failed", error=str(error))
        return False
    return True


def _kept(attribute: str, key: str) -> PhoneScenario | None:
    """What an earlier turn of the call with this key left; anything else is nothing."""
    match = _KEPT.fullmatch(attribute)
    if match is None or match[1] != _tag(key):
        return None
    text = "\n".join(filter(None, map(plain, match[4].splitlines())))
    states: dict[str, State] = {"made": "made", "grounded": "grounded"}
    return PhoneScenario(states.get(match[2], "anonymous"), fitted(text, BYTES), match[3] == "+")


def _written(found: PhoneScenario, key: str) -> str:
    return f"{_tag(key)} {found.state}{'+' if found.is_provisional else ''}\n{found.text}"


def _tag(key: str) -> str:
    """Binds a scenario to the call it was read for; it hides nothing and proves nothing."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:8]


def _report(verdict: Verdict, found: PhoneScenario, services: Services) -> None:
    services.log.metrics(
        "phone call",
        {f"PhoneKey.{verdict}": (1.0, "Count"), f"PhoneScenario.{found.state}": (1.0, "Count")},
        {"Stage": services.settings.stage, "Channel": "phone"},
        key=verdict,
        scenario=found.state,
        is_provisional=found.is_provisional,
    )
