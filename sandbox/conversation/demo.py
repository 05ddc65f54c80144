"""The demo: one visitor's story from the first hello to the records in Salesforce.

Each chapter looks at what really happened and notes what did not; the demo passes when nothing
is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.conversation.demo_call import await_ring, call_faults, talk
from sandbox.conversation.demo_chat import chat_faults, hold_chat
from sandbox.conversation.demo_counts import Counts, show_counts
from sandbox.conversation.demo_records import lead_ids, show_records
from sandbox.conversation.demo_timeline import show_branches, show_end
from sandbox.conversation.story import Cast, Story, StoryEndedError
from sandbox.conversation.talk import Control, ControlError

Chapter = Callable[[Cast, Story], None]

CLAIM_SECONDS = 300.0
"""Longer than the demo: the phone is the demo's until it has ended."""
# +1 415 555 01xx is reserved for fiction; 0100 is the sandbox's own number.
_FICTIONAL = tuple(f"+141555501{last}" for last in range(32, 100))


def demo(cast: Cast) -> int:
    """Tell the story; 0 when all of it happened, each turn on a warm and released version."""
    before, earlier = Counts.read(cast.control), lead_ids(cast.backstage)
    story = Story()
    chapters: list[Chapter] = [
        hold_chat,
        await_ring,
        show_branches,
        talk,
        show_end,
        lambda cast, story: show_records(cast, story, earlier),
    ]
    cast.phone.claim(CLAIM_SECONDS)
    try:
        _tell(chapters, cast, story)
    finally:
        cast.phone.claim(0)
    show_counts(cast, story, before)
    faults = [*story.faults, *chat_faults(story.turns), *call_faults(story)]
    cast.tell("\n".join(f"FAILED: {fault}" for fault in faults) or _verdict(story))
    return 1 if faults else 0


def free_number(control: Control) -> str:
    """A fictional number that this sandbox has not called yet."""
    called = {call["number"] for call in control.get("phone")}
    return next((number for number in _FICTIONAL if number not in called), _FICTIONAL[0])


def _tell(chapters: Iterable[Chapter], cast: Cast, story: Story) -> None:
    try:
        for chapter in chapters:
            chapter(cast, story)
    except StoryEndedError as ended:
        story.faults.append(str(ended))
    except (ClientError, BotoCoreError, ControlError, OSError) as error:
        story.faults.append(f"the story broke off: {error}")


def _verdict(story: Story) -> str:
    chat, phone = len(story.turns), len(story.phone_turns) - 1
    return (
        f"PASSED: {chat} turns in the chat and {phone} on the phone, none on a cold start, none on"
        f" $LATEST; the phone rang {story.yes_to_ring_ms:.0f} ms after the yes."
    )
