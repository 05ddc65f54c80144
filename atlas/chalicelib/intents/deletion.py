"""What becomes of a confirmed wish to be deleted, without a word that tells what is stored.

A number and a last name can be typed by anyone. They are proof enough for what this very chat or
call has made; anything else that they fit waits for a person's approval. The reply, its time and
the calls behind it are the same whether or not there is such a record.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.deadline import Deadline
from chalicelib.errors import DependencyError
from chalicelib.intents.demo_session import INTERACTION, known_id
from chalicelib.intents.writing import WRITE_SECONDS, written
from chalicelib.last_names import is_last_name_of
from chalicelib.lead import Lead, session_hash
from chalicelib.lex import Turn
from chalicelib.phone_session import lead_of
from chalicelib.session_attributes import BOOKED
from chalicelib.steps.payloads import InteractionInput
from chalicelib.timely import timely

if TYPE_CHECKING:
    from chalicelib.services import Services

PER_SESSION, PER_NUMBER = 5, 3
"""The most requests of a session in an hour, and about a number in a day."""
HOUR_SECONDS, DAY_SECONDS = 3_600, 86_400
ANSWER_SECONDS = 0.6
"""When every answer is given; more than the calls take that only some requests need."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What the visitor says of themselves: a number in E.164 and a last name."""

    turn: Turn
    phone: str
    last_name: str

    def fits(self, lead: Lead, phone_hash: str) -> bool:
        is_theirs = lead.phone_hash == phone_hash and lead.status != "erasing"
        return is_theirs and is_last_name_of(self.last_name, lead.name)


def carry_out(claimed: Claimed, deadline: Deadline, services: Services) -> tuple[str, bool]:
    """The text that says what happens, and whether this conversation's own data is erased."""
    began = deadline.remaining()
    try:
        result = _decided(claimed, deadline, services)
    except DependencyError as exc:
        services.log.warning("deletion not recorded", error=str(exc))
        result = "delete_not_recorded", False
    taken = began - deadline.remaining()
    services.sleep(max(0.0, ANSWER_SECONDS - taken))
    return result


def _decided(claimed: Claimed, deadline: Deadline, services: Services) -> tuple[str, bool]:
    # All that only reads and counts: late, it changes nothing, and there is time left to write.
    looking = deadline.keeping_back(WRITE_SECONDS)
    may_ask, own, others = timely(lambda: _looked_up(claimed, services), looking, services)
    marked = [each for each in own if _is_marked(each, deadline, services)]
    _erase(marked, deadline, services)
    if marked != own:
        return "delete_not_recorded", False
    if not may_ask:
        return ("delete_requested" if own else "delete_too_many_requests"), bool(own)
    if not written(lambda: _queue(others, claimed.turn, services), deadline, services):
        return "delete_not_recorded", bool(own)
    return "delete_requested", bool(own)


def _looked_up(claimed: Claimed, services: Services) -> tuple[bool, list[str], list[str]]:
    """Whether another request is allowed, and what fits: this conversation's own, and others'."""
    phone_hash = services.phone_hash(claimed.phone)
    may_ask = _may_ask(phone_hash, claimed.turn, services)
    own, others = _matching(claimed, phone_hash, services)
    return may_ask, own + _own_draft(claimed, services), others


def _may_ask(phone_hash: str, turn: Turn, services: Services) -> bool:
    """Both are counted, whatever the first one says; clients choose session ids, so they are keyed

    as numbers are.
    """
    session = services.phone_hash(f"session/{turn.session_id}")
    limits = services.call_limits
    in_session = limits.attempt(f"deletion#session#{session}", PER_SESSION, HOUR_SECONDS)
    of_number = limits.attempt(f"deletion#number#{phone_hash}", PER_NUMBER, DAY_SECONDS)
    return in_session and of_number


def _matching(claimed: Claimed, phone_hash: str, services: Services) -> tuple[list[str], list[str]]:
    """Ids of the leads that fit: this conversation's own, and those that others may have made.

    Its own are read by their ids too, because the index lags.
    """
    made_here = {lead.interaction_id: lead for lead in _of_this_session(claimed.turn, services)}
    by_phone = {lead.interaction_id: lead for lead in services.leads.by_phone(phone_hash)}
    fitting = [x for x in {**by_phone, **made_here}.values() if claimed.fits(x, phone_hash)]
    own = [x.interaction_id for x in fitting if _is_own(x, made_here, claimed.turn)]
    return own, [x.interaction_id for x in fitting if x.interaction_id not in own]


def _of_this_session(turn: Turn, services: Services) -> list[Lead]:
    if turn.channel == "phone":
        lead = lead_of(turn, services)
        return [lead] if lead is not None else []
    ids = {known_id(turn, INTERACTION), known_id(turn, BOOKED)} - {""}
    found = [services.leads.get(each) for each in sorted(ids)]
    return [lead for lead in found if lead is not None and _is_of_session(lead, turn)]


def _is_own(lead: Lead, made_here: dict[str, Lead], turn: Turn) -> bool:
    is_of_chat = turn.channel == "chat" and _is_of_session(lead, turn)
    return is_of_chat or lead.interaction_id in made_here


def _is_of_session(lead: Lead, turn: Turn) -> bool:
    return lead.session == session_hash(turn.session_id)


def _own_draft(claimed: Claimed, services: Services) -> list[str]:
    """An interaction that has a name and nothing else yet; its random id is the proof."""
    interaction_id = known_id(claimed.turn, INTERACTION)
    if not interaction_id or services.leads.get(interaction_id) is not None:
        return []
    draft = services.scenarios.visitor(interaction_id)
    is_theirs = draft is not None and is_last_name_of(claimed.last_name, draft.name)
    return [interaction_id] if is_theirs else []


def _is_marked(interaction_id: str, deadline: Deadline, services: Services) -> bool:
    """Write that it goes: the row first, so that nothing is marked that nobody carries out.

    `erasing` stops every step, and an offer's expiry must not take the item before its traces.
    """

    def mark() -> bool:
        services.pending.put("erase", interaction_id, services.clock())
        services.leads.update(interaction_id, {"status": "erasing", "expires_at": 0.0})
        return True

    return bool(written(mark, deadline, services))


def _erase(interaction_ids: Iterable[str], deadline: Deadline, services: Services) -> None:
    for each in interaction_ids:
        task = InteractionInput(each)
        services.background.invoke(services.settings.erase_lead_function, task.to_json(), deadline)


def _queue(interaction_ids: list[str], turn: Turn, services: Services) -> bool:
    """Written with nothing found, too; the team hears only of what there is to decide."""
    request_id = services.deletions.request(interaction_ids, turn.channel)
    if interaction_ids:
        try:
            services.team.deletion_waits(request_id)
        except DependencyError as exc:
            # `python -m ops deletions list` shows it all the same.
            services.log.warning("team not told", error=str(exc))
    return True
