"""The contact flow that is imported: whole, honest before anything else, and with an end to it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from phone_fakes import FLOW

from infra.bot_definition import load_bot_definition
from sandbox.connect import flow as language

DOCUMENT: dict[str, Any] = json.loads(FLOW.read_text(encoding="utf-8"))
BRANCHES = [
    (action["Identifier"], error["ErrorType"], error["NextAction"])
    for action in DOCUMENT["Actions"]
    for error in action["Transitions"].get("Errors", [])
]


@pytest.fixture
def flow() -> language.Flow:
    return language.load(FLOW)


def test_it_is_a_flow_of_the_language_that_connect_imports() -> None:
    assert DOCUMENT["Version"] == "2019-10-30"
    assert set(DOCUMENT["Metadata"]["ActionMetadata"]) == {
        action["Identifier"] for action in DOCUMENT["Actions"]
    }


def test_every_next_action_exists_and_every_action_can_be_reached(flow: language.Flow) -> None:
    assert language.reachable(flow, flow.start) == set(flow.actions)


def test_the_disclosure_comes_before_anything_else(flow: language.Flow) -> None:
    first = flow.action(flow.start)
    assert first["Type"] == "MessageParticipant"
    assert re.search(r"\ban AI\b", first["Parameters"]["Text"])
    assert "recorded" in first["Parameters"]["Text"]


def test_recording_of_automated_interaction_is_on_before_the_talk(flow: language.Flow) -> None:
    second = flow.action(language.targets(flow.action(flow.start))[""])
    assert second["Type"] == "UpdateContactRecordingBehavior"
    behavior = second["Parameters"]["RecordingBehavior"]
    assert behavior == {"RecordedParticipants": [], "IVRRecordingBehavior": "Enabled"}


def test_where_the_disclosure_cannot_be_said_the_call_ends(flow: language.Flow) -> None:
    branch = language.targets(flow.action(flow.start))["NoMatchingError"]
    assert flow.action(branch)["Type"] == "DisconnectParticipant"


@pytest.mark.parametrize(("name", "error", "branch"), BRANCHES)
def test_every_error_branch_comes_to_an_end(name: str, error: str, branch: str) -> None:
    flow = language.load(FLOW)
    assert "hang-up" in language.reachable(flow, branch)


@pytest.mark.parametrize("error", ["InputTimeLimitExceeded", "NoMatchingError"])
@pytest.mark.parametrize("block", ["talk", "talk-on"])
def test_a_talk_that_fails_ends_with_a_spoken_apology(block: str, error: str) -> None:
    flow = language.load(FLOW)
    apology = flow.action(language.targets(flow.action(block))[error])
    assert "sorry" in apology["Parameters"]["Text"]
    assert set(language.targets(apology).values()) == {"hang-up"}


def test_both_blocks_of_the_talk_go_on_in_the_same_way(flow: language.Flow) -> None:
    first, other = flow.action("talk"), flow.action("talk-on")
    assert first["Transitions"] == other["Transitions"]
    kept = other["Parameters"]["LexSessionAttributes"]
    assert first["Parameters"]["LexSessionAttributes"].items() <= kept.items()


def test_the_intents_that_end_a_call_are_the_bots(flow: language.Flow) -> None:
    bot = load_bot_definition(FLOW.parent / "lex_bot.yaml")
    conditions = flow.action("talk")["Transitions"]["Conditions"]
    names = {condition["Condition"]["Operands"][0] for condition in conditions}
    assert names == {"CloseIntent", "StopCallingIntent", "DeleteMyInfoIntent"}
    assert names <= {intent.name for intent in bot.locales[0].intents}


def test_the_voice_is_the_bots_own(flow: language.Flow) -> None:
    bot = load_bot_definition(FLOW.parent / "lex_bot.yaml")
    assert flow.action("voice")["Parameters"]["TextToSpeechVoice"] == bot.locales[0].voice_id


def test_nothing_of_an_account_is_in_the_file() -> None:
    assert "arn:" not in FLOW.read_text(encoding="utf-8")
    assert "${LexBotAliasArn}" in FLOW.read_text(encoding="utf-8")


def broken(tmp_path: Path, change: dict[str, Any]) -> Path:
    first = {**DOCUMENT["Actions"][0], **change}
    file = tmp_path / "flow.json"
    file.write_text(json.dumps({**DOCUMENT, "Actions": [first, *DOCUMENT["Actions"][1:]]}))
    return file


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"Identifier": "a:b"}, "no identifier"),
        ({"Identifier": "record"}, "two actions"),
        ({"Type": "TransferToQueue"}, "does not play TransferToQueue"),
        ({"Transitions": {"NextAction": "nowhere"}}, "which does not exist"),
        ({"Transitions": {}}, "only DisconnectParticipant leads nowhere"),
    ],
)
def test_a_broken_flow_is_refused(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    with pytest.raises(language.FlowError, match=words):
        language.load(broken(tmp_path, change))
