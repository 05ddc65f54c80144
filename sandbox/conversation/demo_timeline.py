"""The demo's timelines: the workflow's states, the call and what follows it, from the yes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sandbox.conversation.backstage import Execution
from sandbox.conversation.gantt import Span, gantt
from sandbox.conversation.layout import fields
from sandbox.conversation.story import Cast, Story, StoryEndedError
from sandbox.timeline import StateRun

BESIDE_THE_PHONE = ("CreateLead", "GenerateScenario")
BESIDE_LIMIT_SECONDS = 10.0
CLOSE_LIMIT_SECONDS = 45.0


def show_branches(cast: Cast, story: Story) -> None:
    """The workflow while the phone rings, once the two branches beside the call are through."""
    cast.begin(
        "3  The workflow, while the phone rings",
        "Step Functions runs three branches at once: nothing stands before the phone. Times in"
        " seconds after the yes.",
    )

    def both_left() -> Execution | None:
        story.execution = cast.backstage.execution(story.interaction_id)
        is_done = story.execution and story.execution.has_left(*BESIDE_THE_PHONE)
        return story.execution if is_done else None

    cast.wait(both_left, BESIDE_LIMIT_SECONDS)
    if story.execution is None:
        raise StoryEndedError("no workflow was started for the consent")
    story.call = cast.phone.call(story.call["id"])
    cast.tell(gantt(_spans(story), story.since_consent(cast.clock()), cast.width))


def show_end(cast: Cast, story: Story) -> None:
    """Everything from the yes to the updated lead, then the summary."""
    cast.begin(
        "5  From the yes to the summary",
        "The call has ended; its recording is transcribed and summed up, and that resumes the"
        " workflow. Times in seconds after the yes.",
    )
    cast.wait(lambda: _closed(cast, story), CLOSE_LIMIT_SECONDS)
    story.lead = cast.backstage.lead(story.interaction_id) or story.lead
    job = cast.backstage.transcription(story.interaction_id)
    spans = [*_spans(story), *_after_call(story, job)]
    ordered = sorted(spans, key=lambda span: span.start)
    cast.tell(gantt(ordered, story.since_consent(cast.clock()), cast.width) + "\n")
    _check_end(story, job)
    cast.tell(fields(summary_fields(story.lead), cast.width))


def summary_fields(lead: dict[str, Any]) -> list[tuple[str, str]]:
    """The call's summary in its three parts."""
    summary = lead.get("summary") or {}
    names = {"topics": "topics", "outcome": "outcome", "next_step": "next step"}
    return [(shown, str(summary.get(name, "none"))) for name, shown in names.items()]


def outcome_of(run: StateRun) -> str:
    """The named outcome that a state handed on, "" where it named none."""
    try:
        output = json.loads(run.output or "{}")
    except ValueError:
        return ""
    update = output.get("update") or {}
    is_update = run.state == "UpdateLead"
    return str(update.get("update_outcome", "") if is_update else output.get("outcome", ""))


def _closed(cast: Cast, story: Story) -> Execution | None:
    if not story.recorded_at:
        story.call = cast.phone.call(story.call["id"])
        story.recorded_at = cast.clock() if story.call["recording"] else 0.0
    story.execution = cast.backstage.execution(story.interaction_id)
    is_closed = story.execution is not None and story.execution.is_closed
    return story.execution if is_closed else None


def _check_end(story: Story, job: dict[str, Any] | None) -> None:
    execution = story.execution
    is_through = execution is not None and execution.status == "SUCCEEDED"
    status = execution.status if execution else "missing"
    story.check(is_through, f"the workflow did not end well within the time: it is {status}")
    story.check(bool(story.call.get("recording")), "the call left no recording")
    is_written = job is not None and job["TranscriptionJobStatus"] == "COMPLETED"
    story.check(is_written, "the recording was not transcribed")
    story.check(bool(story.lead.get("summary")), "there is no summary of the call")
    asked = bool(story.lead.get("callback_requested_at"))
    story.check(asked, "the wish to be called back was not recorded")
    outcomes = {run.state: outcome_of(run) for run in execution.runs} if execution else {}
    for state, good in _GOOD_OUTCOMES.items():
        got = outcomes.get(state, "")
        story.check(got in good, f"{state} ended in {got or 'nothing'!r}, not {' or '.join(good)}")


_GOOD_OUTCOMES = {
    # The others are those of an attempt after one whose answer was lost.
    "CreateLead": ("created", "updated", "found"),
    "GenerateScenario": ("made", "ready"),
    "InvokeCall": ("completed",),
    "UpdateLead": ("updated",),
}


def _spans(story: Story) -> list[Span]:
    runs = story.execution.runs if story.execution else ()
    states = [
        Span(
            f"| {run.state}" if run.branch else run.state,
            story.since_consent(run.started.timestamp()),
            run.seconds,
            _note(run),
        )
        for run in runs
    ]
    return [*states, *_call_spans(story)]


def _call_spans(story: Story) -> Iterator[Span]:
    call = story.call
    until = call.get("answered") or call.get("ended")
    yield _between(story, "phone rings", call["ring"], until)
    if call.get("answered"):
        yield _between(story, "phone talk", call["answered"], call["ended"], call["outcome"])


def _after_call(story: Story, job: dict[str, Any] | None) -> Iterator[Span]:
    lead, ended = story.lead, story.call.get("ended")
    if wished := float(lead.get("callback_requested_at") or 0):
        told = float(lead.get("callback_notified_at") or 0)
        yield _between(story, "callback", wished, told, "team told" if told else "")
    if ended and story.recorded_at:
        yield _between(story, "recording", ended, story.recorded_at, "in S3")
    if job is not None:
        ready = job.get("CompletionTime")
        status = str(job["TranscriptionJobStatus"]).lower()
        yield _between(story, "transcription", job["CreationTime"], ready, status)
        if ready and lead.get("summary") and (resumed := _left(story, "InvokeCall")):
            yield _between(story, "summary", ready, resumed, "stored")


def _left(story: Story, state: str) -> float | None:
    runs = story.execution.runs if story.execution else ()
    ends = [r.started.timestamp() + r.seconds for r in runs if r.state == state and r.seconds]
    return ends[-1] if ends else None


def _between(story: Story, label: str, start: float, end: float | None, note: str = "") -> Span:
    seconds = max(0.0, end - start) if end else None
    return Span(label, story.since_consent(start), seconds, note)


def _note(run: StateRun) -> str:
    retries = f"{run.attempts - 1} retries" if run.attempts > 1 else ""
    return ", ".join(part for part in (outcome_of(run), retries, run.error) if part)
