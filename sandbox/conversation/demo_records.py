"""The demo's end in Salesforce, and what the team was told."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.conversation.backstage import EXTERNAL_ID, Backstage, Record
from sandbox.conversation.layout import fields
from sandbox.conversation.story import Cast, Story

TASKS_LIMIT_SECONDS = 15.0
_LEAD_FIELDS = ("Name", "Phone", "Company", "Status", "LeadSource", "Id", EXTERNAL_ID)
_TASK_FIELDS = ("Subject", "Status", "Priority", "ActivityDate", "Id", "WhoId", EXTERNAL_ID)


def show_records(cast: Cast, story: Story, earlier: frozenset[str]) -> None:
    """The records of this story as they stand; `earlier` are the ids of leads before it."""
    cast.begin("6  Salesforce and the team", "The records as they stand, by their field names.")
    cast.wait(lambda: _all_there(cast.backstage, story.interaction_id), TASKS_LIMIT_SECONDS)
    leads = [lead for lead in cast.backstage.records("Lead") if lead["Id"] not in earlier]
    tasks = [task for lead in leads for task in cast.backstage.tasks_of(lead["Id"])]
    told = cast.backstage.notifications(story.interaction_id)
    for text in [*records_text(leads, tasks, cast.width), *_told(told, cast.width)]:
        cast.tell(text)
    _check(story, leads, tasks, told)


def records_text(leads: Iterable[Record], tasks: Iterable[Record], width: int) -> list[str]:
    """Leads and their activities for people, a block each."""
    shown = [("Lead", _LEAD_FIELDS, lead) for lead in leads]
    shown += [("Task", _TASK_FIELDS, task) for task in tasks]
    return [_record(name, names, record, width) for name, names, record in shown]


def lead_ids(backstage: Backstage) -> frozenset[str]:
    """The leads that are there already."""
    return frozenset(lead["Id"] for lead in backstage.records("Lead"))


def purpose(task: Mapping[str, Any]) -> str:
    """`call` or `callback`: what an activity of Atlas is for."""
    return str(task.get(EXTERNAL_ID) or "").rpartition(":")[2]


def _all_there(backstage: Backstage, interaction_id: str) -> bool | None:
    leads = backstage.lead_records(interaction_id)
    tasks = backstage.tasks_of(leads[0]["Id"]) if leads else []
    purposes = {purpose(task) for task in tasks}
    is_told = bool(backstage.notifications(interaction_id))
    return ({"call", "callback"} <= purposes and is_told) or None


def _check(story: Story, leads: list[Record], tasks: list[Record], told: list[Record]) -> None:
    story.check(len(leads) == 1, f"there are {len(leads)} new leads in Salesforce, not one")
    is_ours = all(lead.get(EXTERNAL_ID) == story.interaction_id for lead in leads)
    story.check(is_ours, "a new lead in Salesforce belongs to another interaction")
    for wanted in ("call", "callback"):
        count = sum(purpose(task) == wanted for task in tasks)
        story.check(count == 1, f"there are {count} {wanted} tasks in Salesforce, not one")
    summary = story.lead.get("summary") or {}
    described = " ".join(str(record.get("Description")) for record in (*leads, *tasks))
    is_told = bool(summary) and all(str(part) in described for part in summary.values())
    story.check(is_told, "the call's summary did not reach Salesforce")
    story.check(len(told) == 1, f"the team was told {len(told)} times of the callback, not once")
    personal = (str(story.lead.get("name")), str(story.lead.get("phone")))
    leaks = any(one in each["message"] + each["subject"] for each in told for one in personal)
    story.check(not leaks, "the team's notification holds personal data")


def _record(name: str, names: Iterable[str], record: Record, width: int) -> str:
    known = [(field, str(record[field])) for field in names if record.get(field)]
    text = fields([*known, ("Description", str(record.get("Description") or ""))], width)
    return f"\n{name}\n{text}"


def _told(told: Iterable[Record], width: int) -> list[str]:
    return [_notification(each, width) for each in told]


def _notification(told: Record, width: int) -> str:
    try:
        message = json.loads(told["message"])
    except ValueError:
        message = {"message": told["message"]}
    pairs = [("subject", str(told["subject"])), *((n, str(v)) for n, v in message.items())]
    return f"\nNotification (SNS topic {told['topic']})\n{fields(pairs, width)}"
