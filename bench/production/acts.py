"""The acts before and after the releases: deploy, leads, audit, traces, cost, status, destroy."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from bench.production.account import GOING, added
from bench.production.show import ActError, Show, require
from bench.production.team import NAME
from bench.production.visitors import OPEN, Met, booked, talking
from bench.visitor import Visitor

PERSON_STEPS = (
    "credentials and a region, Bedrock's models enabled, Lambda's concurrency raised",
    "a Connect instance with a number, written with the alarms' address into the team's file; "
    "Salesforce's connected app and field",
    "`ops deploy --salesforce sf.json`",
    "the link in AWS's mail to the alarms' address",
)
"""README, "Deploy", "From an empty account to a talking bot"."""
OVERRIDE = ("--override", "a show of stage prod alone, without a stage dev")
QUESTION, EXPECTED = "how does your phone demo work", "phone"
# 20 turns on the phone are what the audit asks for; the default script of a call has five.
LEADS = 5
TURNS = 100
WIDTH = ("--width", "150")
EXTERNAL_ID = "Atlas_Interaction_Id__c"


def deploy(show: Show) -> str:
    """From nothing to the first good answer."""
    show.empty = show.account.standing()
    show.tell("  by hand, before: " + "; ".join(PERSON_STEPS[:2]))
    began = time.monotonic()
    tried = show.team.ops(
        "deploy", "--salesforce", str(show.account.salesforce_file), expected=(0, 1)
    )
    if refused := refusals(tried.err):
        show.team.ops("release", *OVERRIDE)
    elif tried.code:
        raise ActError(tried.last)
    reply = Visitor(show.site, "").say(QUESTION)
    seconds = time.monotonic() - began
    show.tell(f"  visitor: {QUESTION}\n  bot:     {reply.text}")
    require((EXPECTED in reply.text, f"the bot answered {reply.text!r}"))
    standing = added(show.empty, show.account.standing())
    return (
        f"{seconds:.0f} s from an empty account to the bot's first good answer; "
        f"{_told(refused)}{len(PERSON_STEPS)} steps need a person; "
        f"{sum(map(len, standing.values()))} things of "
        f"{len(standing)} kinds stand"
    )


def refusals(told: str) -> str:
    """The rows of the preflight that refused, from the line that says so; "" without one."""
    found = re.search(r"the preflight refuses: ([^;]+);", told)
    return found[1] if found else ""


def _told(refused: str) -> str:
    return f"the preflight refused {refused}, and was overridden; " if refused else ""


def talk(show: Show) -> str:
    """Conversations, and leads with their calls: what an audit has to have seen."""
    leads = []
    with talking(show.site, chatting=3, bookings=LEADS - 1) as met:
        leads.append(_whole_lead(show))
        _until_enough(met)
    leads += met.leads
    show.kept["interaction"] = leads[0].interaction_id
    phone = sum(_spoken(visitor) for visitor in leads)
    require(
        (not met.problems, "; ".join(met.problems)),
        (met.failed == 0, f"{met.failed} of {len(met.turns)} turns failed"),
    )
    return (
        f"{len(met.turns)} turns of {met.visitors} visitors in the chat, {phone} on the phone, "
        f"0 failed; {len(leads)} leads, each in Salesforce with the summary of its call"
    )


def _whole_lead(show: Show) -> Visitor:
    """One lead to its end; ActError when something of it is missing in Salesforce."""
    visitor = booked(show.site)
    show.tell(f"  a lead: {visitor.name}, {visitor.number}, interaction {visitor.interaction_id}")
    for said in _call(visitor)["transcript"]:
        show.tell(f"    {said['speaker']}: {said['text']}")
    leads = show.site.salesforce("Lead")
    (lead,) = [each for each in leads if each[EXTERNAL_ID] == visitor.interaction_id]
    show.tell("\n".join(f"    | {line}" for line in lead["Description"].splitlines()))
    for part in ("Consent to be called", "Topics: ", "Outcome: ", "Next step: "):
        require((part in lead["Description"], f"the lead in Salesforce has no {part!r}"))
    return visitor


def _until_enough(met: Met) -> None:
    end = time.monotonic() + 60
    while len(met.turns) < TURNS:
        if time.monotonic() > end:
            raise ActError(f"only {len(met.turns)} turns in a minute")
        time.sleep(0.1)


def _call(visitor: Visitor) -> dict[str, Any]:
    return visitor.site.calls_to(visitor.number)[0]


def _spoken(visitor: Visitor) -> int:
    return sum(said["speaker"] != "bot" for said in _call(visitor)["transcript"])


def audit(show: Show) -> str:
    """Every row passes, and none is unknown."""
    ran = show.team.ops("audit", "--strict", "--record", expected=(0, 1))
    show.kept["audit"] = ran.out.rstrip()
    require((ran.code == 0, _bad_rows(ran.out)))
    return f"{ran.out.splitlines()[-1]}, in {ran.seconds:.1f} s"


def _bad_rows(table: str) -> str:
    bad = [line.split()[1] for line in table.splitlines() if line.startswith(("FAIL", "? "))]
    return f"not green: {', '.join(bad)}"


def traces(show: Show) -> str:
    """A turn by the trace id of its log line, and the whole lead."""
    visitor = Visitor(show.site, "")
    visitor.say(OPEN[0])
    turn = show.team.ops("trace", _trace_of(show, visitor), *WIDTH)
    lead = show.team.ops("trace", "--interaction", show.kept["interaction"], *WIDTH)
    show.kept |= {"turn": turn.out.rstrip(), "lead": lead.out.rstrip()}
    for part in ("lex_fulfillment", "bedrock"):
        require((part in turn.out.lower(), f"the turn's trace shows no {part}"))
    for part in (f"{NAME}-lead-workflow", "create_lead", "invoke_call", "summarize_call"):
        require((part in lead.out, f"the lead's trace shows no {part}"))
    count = {"turn": len(turn.out.splitlines()) - 2, "lead": lead.out.count("\n-- ")}
    return (
        f"a turn in {count['turn']} segments; the lead in {count['lead']} traces with "
        f"{len(lead.out.splitlines()) - 1 - count['lead']} segments, on one axis"
    )


def _trace_of(show: Show, visitor: Visitor) -> str:
    """What the turn's line says its trace is; a line arrives a little after its turn."""
    for _ in range(10):
        ran = show.team.ops("logs", "--session", visitor.session_id, "--json")
        lines = [json.loads(line) for line in ran.out.splitlines()]
        if found := [line["trace_id"] for line in lines if line.get("message") == "turn"]:
            return str(found[-1])
        time.sleep(0.3)
    raise ActError("no log line of the turn")


def cost(show: Show) -> str:
    """The bill of what the stage itself measured."""
    ran = show.team.ops("cost", "--measured", "stage", "--hours", "1")
    show.kept["cost"] = ran.out.rstrip()
    require(("CloudWatch" in ran.out, "the bill does not name the stage's own figures"))
    return f"from the stage's own metrics, in {ran.seconds:.1f} s"


def status(show: Show) -> str:
    """Everything as a deployed stage should be."""
    ran = show.team.ops("status")
    show.kept["status"] = ran.out.rstrip()
    return f"{len(ran.out.splitlines())} rows, each as it should be"


def destroy(show: Show) -> str:
    """Nothing is left, as every service lists it."""
    before = added(show.empty, show.account.standing())
    ran = show.team.ops("destroy", "--yes", NAME)
    left = added(show.empty, show.account.standing())
    keys = left.pop(GOING, [])
    require(
        (not left, f"left: {left}"),
        (len(keys) == 1, f"{len(keys)} keys wait for their deletion instead of one"),
    )
    return (
        f"{sum(map(len, before.values()))} things of {len(before)} kinds gone in {ran.seconds:.0f} "
        "s; every service lists what it listed of the empty account, but for the key, "
        "PendingDeletion"
    )
