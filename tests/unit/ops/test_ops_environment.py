"""The functions' variables and the team's file: complete, small enough, all problems at once."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ops import stack_outputs
from ops.environment import environment
from ops.errors import RefusedError
from ops.stages import STAGE_SIZES, STAGES
from ops.team import TEAM_FILE, read_team, team

TEXT = TEAM_FILE.read_text(encoding="utf-8")
CONTACT = "8b6c2f6e-7c53-4f4e-9a3b-0a1b2c3d4e5f"


def local_with(**changes: str) -> str:
    """The [local] table with the given lines (TOML values) in the place of the file's own."""
    text = TEXT.partition("[dev]")[0]
    for name, value in changes.items():
        text, count = re.subn(rf"(?m)^{name} = .*$", lambda _, n=name, v=value: f"{n} = {v}", text)
        assert count == 1
    return text


@pytest.mark.parametrize("stage", STAGES)
def test_variables_fit_into_what_lambda_allows_for_all_of_them(stage: str) -> None:
    # 4 KB for names and values together:
    # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    size = sum(len(n.encode()) + len(v.encode()) for n, v in environment(stage).items())
    assert size < 4096 - 512, "half a KB is kept for what a team may fill in"


@pytest.mark.parametrize("stage", STAGES)
def test_every_variable_is_a_text_and_names_its_own_stage(stage: str) -> None:
    variables = environment(stage)
    assert all(isinstance(value, str) for value in variables.values())
    others = {f"atlas-{other}-" for other in STAGES if other != stage}
    assert not [v for v in variables.values() if any(name in v for name in others)]


def test_sandbox_calls_at_any_hour_and_waits_little_for_a_recording() -> None:
    variables = environment("local")
    assert variables["QUIET_HOURS"] == "off"
    assert int(variables["RECORDING_WAIT_SECONDS"]) <= 10
    assert int(variables["CALLS_PER_HOUR"]) >= 10_000


@pytest.mark.parametrize("stage", STAGES)
def test_a_stages_ring_and_its_deadlines_reach_the_app(stage: str) -> None:
    variables, sizes = environment(stage), STAGE_SIZES[stage]
    assert variables["RING_SECONDS"] == str(team(stage).ring_seconds)
    assert variables["TURN_DEADLINE_MS"] == str(sizes.turn_deadline_ms)
    assert variables["PHONE_DEADLINE_MS"] == str(sizes.phone_deadline_ms)
    assert variables["HEDGE_PERCENT"] == str(sizes.hedge_percent)
    assert variables["CONSENT_DEADLINE_MS"] == str(sizes.consent_deadline_ms)


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_nobody_is_called_at_night_outside_the_sandbox(stage: str) -> None:
    assert team(stage).quiet_hours == "21:00-08:00"


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_connect_is_left_for_the_team_to_fill_in(stage: str) -> None:
    names = ("INSTANCE_ID", "CONTACT_FLOW_ID", "SOURCE_PHONE_NUMBER")
    assert [environment(stage)[f"CONNECT_{name}"] for name in names] == ["", "", ""]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("folder", ["", "ivr/"])
def test_recordings_key_tells_its_contact(stage: str, folder: str) -> None:
    pattern = re.compile(environment(stage)["RECORDING_KEY_PATTERN"])
    key = f"connect/sales/CallRecordings/{folder}2026/11/23/{CONTACT}_20261123T09:14_UTC.wav"
    found = pattern.fullmatch(key)
    assert found
    assert found["contact"] == CONTACT


@pytest.mark.parametrize(
    "key",
    [
        f"transcripts/2026/11/23/{CONTACT}_20261123T09:14_UTC.wav",
        f"connect/sales/CallRecordings/2026/11/23/{CONTACT}_20261123T09:14_UTC.wav.tmp",
        f"connect/sales/ChatTranscripts/2026/11/23/{CONTACT}_20261123T09:14_UTC.json",
        "connect/sales/CallRecordings/2026/11/23/_20261123T09:14_UTC.wav",
    ],
)
def test_other_keys_are_no_recordings(key: str) -> None:
    assert not re.match(environment("prod")["RECORDING_KEY_PATTERN"], key)


@pytest.mark.parametrize("stage", STAGES)
def test_lead_defaults_reach_the_app_as_json(stage: str) -> None:
    defaults = json.loads(environment(stage)["SALESFORCE_LEAD_DEFAULTS"])
    assert defaults == dict(team(stage).lead_defaults)


BAD_VALUES = [
    ("connect_instance_id", '"11111111"', "connect_instance_id must be a UUID, or empty"),
    ("connect_source_phone_number", '"4155550100"', "must be like .14155550100, or empty"),
    ("allowed_countries", '["USA"]', "allowed_countries must be a list of two-letter"),
    ("allowed_countries", "[]", "allowed_countries must be a list"),
    ("allowed_countries", '["CA"]', "default_country must be one of allowed_countries"),
    ("allowed_countries", '"US"', "allowed_countries must be a list"),
    ("calls_per_number_per_day", "0", "must be a whole number from 1 to 1000"),
    ("calls_per_number_per_day", "true", "must be a whole number from 1 to 1000"),
    ("calls_per_hour", '"200"', "calls_per_hour must be a whole number"),
    ("quiet_hours", '"21-8"', "quiet_hours must be off or two different times"),
    ("quiet_hours", '"08:00-08:00"', "quiet_hours must be off or two different times"),
    ("quiet_hours", '"25:00-08:00"', "quiet_hours must be off or two different times"),
    ("ring_seconds", "14", "ring_seconds must be a whole number from 15 to 60"),
    ("ring_seconds", "61", "ring_seconds must be a whole number from 15 to 60"),
    ("recording_wait_seconds", "1.5", "recording_wait_seconds must be a whole number"),
    ("recording_key_pattern", "'(?P<contact'", "must be a regular expression"),
    ("recording_key_pattern", "'connect/.*'", "with a group named contact"),
    ("salesforce_external_id_field", '"Atlas Id"', "must be a field's API name"),
    ("status", '""', "only first_name may be empty"),
    ("connect_instance_id", '""', "connect_contact_flow_id needs a connect_instance_id"),
    ("connect_source_phone_number", '""', "either all of connect_instance_id, connect_source_"),
    ("alarm_email", '"sales team"', "alarm_email must be an e-mail address, or empty"),
    ("alarm_email", '"a@example.com,b@example.com"', "alarm_email must be an e-mail address"),
    ("change_freezes", '["2026-12-20"]', "change_freezes must be a list of .first day/last day"),
    ("change_freezes", '["2027-01-03/2026-12-20"]', "change_freezes must be a list"),
    ("change_freezes", '["2026-02-30/2026-03-01"]', "change_freezes must be a list"),
    ("change_freezes", '"2026-12-20/2027-01-03"', "change_freezes must be a list"),
    ("release_window", '"off"', "release_window must be any or two different times"),
    ("release_window", '"06:00-06:00"', "release_window must be any or two different times"),
]


@pytest.mark.parametrize(("name", "value", "problem"), BAD_VALUES)
def test_bad_value_is_named_with_what_it_must_be(name: str, value: str, problem: str) -> None:
    with pytest.raises(RefusedError, match=problem):
        read_team(local_with(**{name: value}), "local")


def test_all_problems_are_told_at_once() -> None:
    text = local_with(quiet_hours='"night"', calls_per_hour="0", connect_instance_id='""')
    text = text.replace('default_country = "US"\n', "colour = 1\n")
    with pytest.raises(RefusedError) as refused:
        read_team(text, "local")
    for name in ("quiet_hours", "calls_per_hour", "default_country", "colour", "or none"):
        assert name in str(refused.value)


def test_missing_stage_and_broken_toml_are_told() -> None:
    with pytest.raises(RefusedError, match=r"no table \[prod\]"):
        read_team(local_with(), "prod")
    with pytest.raises(RefusedError, match="is not TOML"):
        read_team("[local", "local")


def test_at_least_once_mode_is_chosen_by_an_empty_field() -> None:
    chosen = read_team(local_with(salesforce_external_id_field='""'), "local")
    assert chosen.salesforce_external_id_field == ""


def test_alarms_freezes_and_the_window_are_read() -> None:
    chosen = read_team(
        local_with(
            alarm_email='"sales+atlas@example.com"',
            change_freezes='["2026-12-20/2027-01-03", "2027-03-01/2027-03-01"]',
            release_window='"22:00-05:30"',
        ),
        "local",
    )
    assert chosen.alarm_email == "sales+atlas@example.com"
    assert chosen.change_freezes == ("2026-12-20/2027-01-03", "2027-03-01/2027-03-01")
    assert chosen.release_window == "22:00-05:30"


@pytest.fixture
def own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A team's file of its own, with [local] alone and no contact flow."""
    path = tmp_path / "team.toml"
    path.write_text(local_with(connect_contact_flow_id='""', calls_per_hour="7"), encoding="utf-8")
    monkeypatch.setenv("ATLAS_TEAM_FILE", str(path))
    return path


def test_another_team_file_is_read_where_the_variable_says_so(own_file: Path) -> None:
    assert team("local").calls_per_hour == 7
    assert environment("local")["CALLS_PER_HOUR"] == "7"
    with pytest.raises(RefusedError, match=rf"{re.escape(str(own_file))} has no table \[prod\]"):
        team("prod")


def test_a_team_file_that_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATLAS_TEAM_FILE", str(tmp_path / "none.toml"))
    with pytest.raises(RefusedError, match=r"none.toml cannot be read: No such file"):
        team("local")


def test_the_flow_of_the_stack_is_used_where_the_team_names_none(own_file: Path) -> None:
    assert environment("local")["CONNECT_CONTACT_FLOW_ID"] == ""
    assert stack_outputs.note("local", {"connect_contact_flow_id": CONTACT})
    assert (own_file.parent / "stack_outputs.json").exists()
    assert environment("local")["CONNECT_CONTACT_FLOW_ID"] == CONTACT


def test_the_teams_own_flow_counts_more_than_the_stacks(own_file: Path) -> None:
    stack_outputs.note("local", {"connect_contact_flow_id": CONTACT})
    own = "66666666-7777-4888-8999-aaaaaaaaaaaa"
    with_own = own_file.with_name("other.toml")
    with_own.write_text(TEXT, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATLAS_TEAM_FILE", str(with_own))
        assert environment("local")["CONNECT_CONTACT_FLOW_ID"] == own


def test_without_an_instance_a_noted_flow_is_not_used(own_file: Path) -> None:
    empty = dict.fromkeys(("connect_instance_id", "connect_source_phone_number"), '""')
    bare = own_file.with_name("bare.toml")
    bare.write_text(local_with(connect_contact_flow_id='""', **empty), encoding="utf-8")
    stack_outputs.note("local", {"connect_contact_flow_id": CONTACT})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATLAS_TEAM_FILE", str(bare))
        assert environment("local")["CONNECT_CONTACT_FLOW_ID"] == ""


def test_outputs_of_one_stage_leave_those_of_others(own_file: Path) -> None:
    assert stack_outputs.note("dev", {"connect_contact_flow_id": "d"})
    assert stack_outputs.note("prod", {"connect_contact_flow_id": "p"})
    assert not stack_outputs.note("prod", {"connect_contact_flow_id": "p"})
    assert stack_outputs.note("dev", {})
    assert stack_outputs.noted("dev") == {}
    assert stack_outputs.noted("prod") == {"connect_contact_flow_id": "p"}
    assert stack_outputs.note("prod", {})
    assert not stack_outputs.outputs_file().exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"prod": {"connect_contact_flow_id": 1}}'])
def test_outputs_that_were_edited_badly_are_told(own_file: Path, text: str) -> None:
    stack_outputs.outputs_file().write_text(text, encoding="utf-8")
    with pytest.raises(RefusedError, match=r"stack_outputs.json (is not JSON|must hold)"):
        environment("local")
