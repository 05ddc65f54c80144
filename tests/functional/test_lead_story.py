"""From the chat to the lead, the call, its summary and the deletion, on the deployed code."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
from typing import Any

import pytest
from served_sandbox import Sandbox

from bench import hundred_consents
from bench.recovery import recovered
from bench.site import Site
from bench.visitor import Reply, Visitor, number_of
from chalicelib.deletions import receipt_id
from chalicelib.steps.erase_lead import SECOND_SWEEP_SECONDS

NUMBERS = map(number_of, count(5000))
EXTERNAL_ID = "Atlas_Interaction_Id__c"
SALESFORCE_DOWN = {"service": "salesforce", "error": "SERVER_UNAVAILABLE"}
TALK = ["Hello?", "How much would that cost us?", "Can someone call me back?", "goodbye"]
SECONDS = 30.0


@pytest.fixture
def site(sandbox: Sandbox) -> Iterator[Site]:
    with closing(Site(sandbox.address)) as site:
        site.post("phone/reset", {})
        yield site
        site.faults()
        # The next test counts calls.
        site.wait("the end of every workflow", lambda: not site.executions("RUNNING"), 90.0)
        site.post("phone/reset", {})


@pytest.fixture
def visitor(site: Site) -> Visitor:
    """A person nobody knows yet, whose phone is declined."""
    site.post("phone/line", {"mode": "declined", "ring_seconds": 0.1})
    return Visitor(site, next(NUMBERS))


def leads_of(visitor: Visitor) -> list[dict[str, Any]]:
    leads = visitor.site.salesforce("Lead")
    return [lead for lead in leads if lead[EXTERNAL_ID] == visitor.interaction_id]


def activities_of(visitor: Visitor) -> list[dict[str, Any]]:
    ids = {lead["Id"] for lead in leads_of(visitor)}
    return [task for task in visitor.site.salesforce("Task") if task["WhoId"] in ids]


def over(visitor: Visitor) -> str:
    """What the lead's item says of its call, once the workflow is over."""
    site = visitor.site
    site.wait("a lead", lambda: leads_of(visitor), SECONDS)
    site.wait("the workflow's end", lambda: not site.executions("RUNNING"), SECONDS)
    item = site.item("leads", visitor.interaction_id)
    return str(item.get("call_outcome", {}).get("S", ""))


def talked(visitor: Visitor) -> None:
    """A call with a wish to be called back, up to its summary in Salesforce."""
    visitor.site.post("phone/line", {"number": visitor.number, "script": TALK})
    visitor.wants_call()
    assert visitor.say("yes").text.startswith("Thank you! Your phone, ")
    assert over(visitor) == "completed"


def test_the_chat_becomes_a_lead_a_call_and_a_summary(site: Site, visitor: Visitor) -> None:
    talked(visitor)
    (lead,), (call,) = leads_of(visitor), site.calls_to(visitor.number)
    assert f"{lead['FirstName']} {lead['LastName']}" == visitor.name
    assert lead["Phone"] == visitor.number
    for part in ("Asked: how does your phone demo work", "Consent to be called: May an AI"):
        assert part in lead["Description"]
    for part in ("Topics: ", "Outcome: ", "Next step: "):
        assert lead["Description"].count(part) == 1
    said = " ".join(turn["text"] for turn in call["transcript"] if turn["speaker"] == "bot")
    assert said.startswith("Hello, this is Atlas. You are speaking with an AI")
    assert visitor.name in said
    assert len(activities_of(visitor)) == 2


def test_a_call_back_is_one_task_and_one_message_without_the_person(
    site: Site, visitor: Visitor
) -> None:
    talked(visitor)
    site.wait("no row of a call back", lambda: not site.pending("callback"), SECONDS)
    tasks = [task for task in activities_of(visitor) if "call" in task["Subject"].lower()]
    assert len([task for task in tasks if task["Status"] != "Completed"]) == 1
    messages = [m for m in site.get("notifications") if visitor.interaction_id in m["message"]]
    assert len(messages) == 1
    everything = json.dumps(messages[0])
    assert leads_of(visitor)[0]["Id"][:15] in everything
    for person in (visitor.number, visitor.number[2:], *visitor.name.split()):
        assert person not in everything


def test_what_this_conversation_left_is_deleted_at_once_and_looked_for_once_more(
    site: Site, visitor: Visitor
) -> None:
    talked(visitor)
    (call,) = site.calls_to(visitor.number)
    bucket, _, key = call["recording"].partition("/")
    contents = lambda: site.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])  # noqa: E731
    keys = lambda: [found["Key"] for found in contents()]  # noqa: E731
    assert key in keys()
    for words in ("delete my information", visitor.number, visitor.name.split()[1]):
        reply = visitor.say(words)
    assert reply.dialog == "ConfirmIntent"
    assert visitor.say("yes").text.startswith("Your request is recorded.")
    site.wait("no lead", lambda: not leads_of(visitor), SECONDS)
    # What was on its way into another system is looked for once more, after two minutes.
    second = lambda: _reasons(site, "erase") == ["second_sweep"]  # noqa: E731
    site.wait("the row of the second sweep", second, SECONDS)
    item = json.dumps(site.item("leads", visitor.interaction_id))
    assert not [part for part in (visitor.number, *visitor.name.split()) if part in item]
    assert not site.item("scenario-cache", visitor.interaction_id)
    assert not [each for each in keys() if call["id"] in each]
    assert not [lead for lead in site.salesforce("Lead") if lead["Phone"] == visitor.number]
    _age_first_sweep(site, visitor.interaction_id)
    recovered(site, SECONDS, ("erase",), hurry=True)
    assert not site.item("leads", visitor.interaction_id)
    receipt = _receipt(site, visitor.interaction_id)
    assert (receipt["sweeps"]["N"], receipt["found_items"]["N"]) == ("2", "1")
    assert not [part for part in (visitor.number, *visitor.name.split()) if part in str(receipt)]


def _receipt(site: Site, interaction_id: str) -> dict[str, Any]:
    key = {"request_id": {"S": receipt_id(interaction_id)}}
    table = site.client("dynamodb").get_item(TableName="atlas-local-deletions", Key=key)
    found: dict[str, Any] = table["Item"]
    return found


def _age_first_sweep(site: Site, interaction_id: str) -> None:
    """As if the time until the second sweep had passed."""
    earlier = float(_receipt(site, interaction_id)["first_at"]["N"]) - SECOND_SWEEP_SECONDS
    site.client("dynamodb").update_item(
        TableName="atlas-local-deletions",
        Key={"request_id": {"S": receipt_id(interaction_id)}},
        UpdateExpression="SET first_at = :earlier",
        ExpressionAttributeValues={":earlier": {"N": repr(earlier)}},
    )


def _reasons(site: Site, kind: str) -> list[str]:
    return [row["reason"]["S"] for row in site.pending(kind).get(kind, [])]


def test_with_salesforce_down_the_phone_rings_and_the_lead_comes_later_once(
    site: Site, visitor: Visitor
) -> None:
    site.faults(SALESFORCE_DOWN)
    visitor.wants_call()
    visitor.ring_after(visitor.say("yes").sent)
    refused = lambda: site.get("calls").get("salesforce")  # noqa: E731
    site.wait("an attempt at Salesforce", refused, SECONDS)
    assert not leads_of(visitor)
    site.faults()
    assert over(visitor) == "declined"
    assert len(leads_of(visitor)) == 1
    assert not site.pending("parked")


def test_a_yes_sent_twice_at_once_counts_once(site: Site, visitor: Visitor) -> None:
    visitor.wants_call()

    def yes(_: int) -> Reply:
        with closing(site.new_client("lexv2-runtime")) as client:
            return visitor.resend("yes", client)

    with ThreadPoolExecutor(2) as pool:
        replies = list(pool.map(yes, range(2)))
    assert all(reply.text.startswith("Thank you! Your phone, ") for reply in replies)
    assert over(visitor) == "declined"
    assert (len(leads_of(visitor)), len(site.calls_to(visitor.number))) == (1, 1)


def test_a_no_leaves_nothing(site: Site, visitor: Visitor) -> None:
    visitor.wants_call()
    assert site.item("leads", visitor.interaction_id)["status"]["S"] == "offered"
    assert "nobody will call you" in visitor.say("no").text
    assert not site.item("leads", visitor.interaction_id)
    assert not site.calls_to(visitor.number)


def test_who_asked_for_no_calls_gets_none(site: Site, visitor: Visitor) -> None:
    visitor.say("stop calling me")
    assert "will not call" in visitor.say(visitor.number).text
    visitor.wants_call()
    assert visitor.say("yes").text.startswith("I am sorry, I may not call ")
    assert not site.item("leads", visitor.interaction_id)
    assert not leads_of(visitor)
    assert not site.calls_to(visitor.number)


def test_a_workflow_that_was_not_started_is_started_by_recovery(
    site: Site, visitor: Visitor
) -> None:
    visitor.wants_call()
    site.faults({"service": "stepfunctions", "error": "ServiceUnavailable"})
    assert visitor.say("yes").text.startswith("Thank you! Your phone, ")
    site.faults()
    assert not site.calls_to(visitor.number)
    recovered(site, SECONDS, ("start",), hurry=True)
    assert over(visitor) == "declined"
    assert (len(leads_of(visitor)), len(site.calls_to(visitor.number))) == (1, 1)


def test_no_log_and_no_payload_names_the_person(
    site: Site, visitor: Visitor, until: Callable[[Callable[[], Any]], Any]
) -> None:
    talked(visitor)
    logs, steps = site.client("logs"), site.client("stepfunctions")

    def lines() -> str:
        groups = logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/atlas-local-")
        names = [group["logGroupName"] for group in groups["logGroups"]]
        found = [logs.filter_log_events(logGroupName=each, limit=10_000) for each in names]
        return json.dumps([answer["events"] for answer in found])

    until(lambda: "summarize" in lines())
    newest = site.executions("SUCCEEDED")[0]["executionArn"]
    history = steps.get_execution_history(executionArn=newest, maxResults=1000)["events"]
    everything = lines() + json.dumps(history, default=str)
    for word in (visitor.number, visitor.number[2:], *visitor.name.split()):
        assert not re.search(rf"\b{re.escape(word)}\b", everything), word


def test_among_failures_every_promise_is_kept(site: Site) -> None:
    judgement = hundred_consents.run(site, 8, seed=3, ringing_seconds=2.0, hurry=True)
    assert judgement.broken == []
    assert judgement.counts["A: told that a call comes"] >= 4
    assert judgement.counts["workflows failed"] == 0
