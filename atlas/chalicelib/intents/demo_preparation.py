"""What is made ready while a visitor is still answering, and thrown away when they stop."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from chalicelib import conversation
from chalicelib.bot import utterances_by_intent
from chalicelib.deadline import Deadline
from chalicelib.errors import DependencyError
from chalicelib.intents.demo_session import INTERACTION, known_id
from chalicelib.invocation import HEALTH_EVENT
from chalicelib.lead import session_hash
from chalicelib.lex import Turn
from chalicelib.questions import canonical
from chalicelib.scenario import meaningful
from chalicelib.steps.payloads import InteractionInput
from chalicelib.timely import timely

if TYPE_CHECKING:
    from chalicelib.services import Services


def prepare(
    interaction_id: str, name: str, turn: Turn, deadline: Deadline, services: Services
) -> None:
    """Have the scenario made and the call's path warmed; the call does without either.

    Waits no longer than an ordinary turn may.
    """
    settings = services.settings
    within = Deadline.after(
        deadline.sooner_of(settings.turn_deadline_seconds), clock=deadline.clock
    )
    locale = services.contents.in_locale(turn.locale).locale
    draft = partial(services.scenarios.draft, interaction_id, name, asked_in(turn), locale)
    if _is_drafted(draft, within, services):
        task = InteractionInput(interaction_id).to_json()
        services.background.invoke(settings.generate_scenario_function, task, within)
    services.background.invoke(settings.invoke_call_function, HEALTH_EVENT, within)


def _is_drafted(draft: Callable[[], bool], within: Deadline, services: Services) -> bool:
    """Whether there is now something to make a scenario from that was not there before."""
    try:
        return timely(draft, within, services)
    except DependencyError as exc:
        services.log.warning("scenario not drafted", error=str(exc))
        return False


def asked_in(turn: Turn) -> tuple[str, ...]:
    """What the visitor wanted to know in this conversation: the latest few questions, each cut.

    A greeting is no question, and a question asked twice is one.
    """
    history = conversation.read(turn.attributes.get(conversation.ATTRIBUTE))
    asked = {canonical(exchange.visitor): exchange.visitor for exchange in history}
    for greeting in utterances_by_intent(turn.locale).get("GreetingIntent", ()):
        asked.pop(canonical(greeting), None)
    return meaningful([*asked.values()])


def forget(turn: Turn, deadline: Deadline, services: Services, interaction_id: str = "") -> None:
    """Remove what an offer that came to nothing left behind, where it is this session's own.

    The session's interaction unless another one is named. Best effort, and no longer than the turn
    has: an offer is gone after an hour, and a draft after a day.
    """
    wanted = interaction_id or known_id(turn, INTERACTION)
    if not wanted:
        return
    session = session_hash(turn.session_id)
    try:
        timely(lambda: _forgotten(wanted, session, services), deadline, services)
    except DependencyError as exc:
        services.log.warning("offer not removed", error=str(exc))


def _forgotten(interaction_id: str, session: str, services: Services) -> None:
    """A consent that was taken back keeps its item for an hour, to stay taken back."""
    if not services.leads.withdraw_offer(interaction_id, session):
        lead = services.leads.get(interaction_id)
        is_theirs = lead is not None and lead.session == session
        if lead is None or lead.status != "withdrawn" or not is_theirs:
            return
    services.scenarios.delete(interaction_id)
