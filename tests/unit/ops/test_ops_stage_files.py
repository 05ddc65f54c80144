"""The generated files: up to date, complete per stage, and no wider than they have to be."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from chalice.config import Config

from ops import stage_files
from ops.access import ACCESS
from ops.environment import environment
from ops.policies import TABLES_WITH_KEY
from ops.stages import FUNCTIONS, MODEL_ROUTES, STAGES, table
from ops.team import team

ROOT = stage_files.ROOT
EVERY_POLICY = [(stage, function.name) for stage in STAGES for function in FUNCTIONS]

TIMEOUTS = {
    "lex_fulfillment": 10,
    "generate_answer": 15,
    "keep_warm": 60,
    "create_lead": 30,
    "generate_scenario": 30,
    "invoke_call": 15,
    "update_lead": 30,
    "start_transcription": 30,
    "summarize_call": 60,
    "call_ended": 30,
    "recover_leads": 55,
    "erase_lead": 60,
}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What the generator reads, in a folder of its own."""
    (tmp_path / "infra").mkdir()
    shutil.copy(ROOT / stage_files.BOT_TEMPLATE, tmp_path / stage_files.BOT_TEMPLATE)
    return tmp_path


def policy(stage: str, function: str) -> list[dict[str, Any]]:
    path = ROOT / stage_files.CHALICE_FOLDER / stage_files.policy_file(stage, function)
    statements: list[dict[str, Any]] = json.loads(path.read_text())["Statement"]
    return statements


def chalice_config(stage: str, function: str) -> Config:
    path = ROOT / stage_files.CHALICE_FOLDER / "config.json"
    return Config(
        chalice_stage=stage, function_name=function, config_from_disk=json.loads(path.read_text())
    )


def test_committed_files_follow_from_the_table() -> None:
    assert stage_files.stale_files() == []


def test_write_makes_everything_and_then_nothing(clone: Path) -> None:
    assert len(stage_files.write(clone)) == 3 + len(EVERY_POLICY)
    assert stage_files.write(clone) == []


def test_edited_file_is_stale_and_is_written_again(clone: Path) -> None:
    stage_files.write(clone)
    edited = stage_files.CHALICE_FOLDER / "config.json"
    (clone / edited).write_text("{}")
    assert stage_files.stale_files(clone) == [edited]
    stage_files.write(clone)
    assert stage_files.stale_files(clone) == []


def test_policy_of_a_removed_function_is_stale_and_is_deleted(clone: Path) -> None:
    stage_files.write(clone)
    left = stage_files.CHALICE_FOLDER / "policy-dev-removed.json"
    (clone / left).write_text("{}")
    assert stage_files.stale_files(clone) == [left]
    stage_files.write(clone)
    assert not (clone / left).exists()


@pytest.mark.parametrize(("stage", "function"), EVERY_POLICY)
def test_policy_names_its_own_stage_only(stage: str, function: str) -> None:
    text = json.dumps(policy(stage, function))
    assert set(re.findall(r"atlas[-/](\w+)", text)) == {stage}


ROUTES_OF = {
    "generate_answer": {"simple"},
    "keep_warm": {"simple"},
    "generate_scenario": {"scenario"},
    "summarize_call": {"scenario"},
    "lex_fulfillment": {"simple", "conversation"},
}


@pytest.mark.parametrize(("stage", "function"), EVERY_POLICY)
def test_policy_allows_every_model_of_its_routes_and_no_other(stage: str, function: str) -> None:
    resources = granted(stage, function, "bedrock:InvokeModelWithResponseStream")
    profiles = {arn.split("/")[1] for arn in resources if "inference-profile" in arn}
    routes = ROUTES_OF.get(function, set())
    assert profiles == {model for route in routes for model in MODEL_ROUTES[route]["models"]}
    for profile in profiles:
        scope, _, model = profile.partition(".")
        assert f"arn:aws:bedrock:*::foundation-model/{model}" in resources
        if scope == "global":
            assert f"arn:aws:bedrock:::foundation-model/{model}" in resources


def granted(stage: str, function: str, action: str) -> set[str]:
    """The resources on which the function may do `action`."""
    statements = [s for s in policy(stage, function) if action in s["Action"]]
    return {resource for s in statements for resource in s["Resource"]}


def allowed(stage: str, action: str) -> dict[str, set[str]]:
    """Which functions may do `action`, and on what."""
    resources = {f.name: granted(stage, f.name, action) for f in FUNCTIONS}
    return {name: found for name, found in resources.items() if found}


@pytest.mark.parametrize("stage", STAGES)
def test_functions_invoke_only_live_of_what_the_story_says(stage: str) -> None:
    arn = f"arn:aws:lambda:*:*:function:atlas-{stage}-"
    by_fulfilment = (
        *("generate_answer", "generate_scenario", "invoke_call", "update_lead", "erase_lead"),
    )
    assert allowed(stage, "lambda:InvokeFunction") == {
        "lex_fulfillment": {f"{arn}{name}:live" for name in by_fulfilment},
        "recover_leads": {f"{arn}{name}:live" for name in ("update_lead", "erase_lead")},
        "summarize_call": {f"{arn}update_lead:live"},
    }


@pytest.mark.parametrize("stage", STAGES)
def test_secrets_are_read_by_those_who_use_them_alone(stage: str) -> None:
    salesforce = f"arn:aws:secretsmanager:*:*:secret:atlas/{stage}/salesforce-??????"
    phone_hash = f"arn:aws:secretsmanager:*:*:secret:atlas/{stage}/phone-hash-??????"
    assert allowed(stage, "secretsmanager:GetSecretValue") == {
        "create_lead": {salesforce},
        "update_lead": {salesforce},
        "erase_lead": {salesforce},
        "lex_fulfillment": {phone_hash},
    }


@pytest.mark.parametrize("stage", STAGES)
def test_workflow_is_started_resumed_and_stopped_by_few(stage: str) -> None:
    machine = {f"arn:aws:states:*:*:stateMachine:atlas-{stage}-lead-workflow"}
    starters = ("lex_fulfillment", "recover_leads")
    resumers = ("invoke_call", "summarize_call", "call_ended", "recover_leads")
    assert allowed(stage, "states:StartExecution") == dict.fromkeys(starters, machine)
    assert allowed(stage, "states:SendTaskSuccess") == dict.fromkeys(resumers, machine)
    execution = f"arn:aws:states:*:*:execution:atlas-{stage}-lead-workflow:*"
    assert allowed(stage, "states:StopExecution") == {"erase_lead": {execution}}


def test_only_invoke_call_places_calls_and_only_on_the_teams_instance() -> None:
    instance = f"arn:aws:connect:*:*:instance/{team('local').connect_instance_id}"
    on_instance = {instance, f"{instance}/contact/*"}
    assert allowed("local", "connect:StartOutboundVoiceContact") == {"invoke_call": on_instance}
    assert allowed("local", "connect:DescribeContact") == {"start_transcription": on_instance}


@pytest.mark.parametrize("stage", [s for s in STAGES if not team(s).connect_instance_id])
def test_without_an_instance_no_function_may_call(stage: str) -> None:
    assert "connect:" not in "".join(json.dumps(policy(stage, f.name)) for f in FUNCTIONS)


@pytest.mark.parametrize("stage", STAGES)
def test_recordings_and_transcripts_are_touched_by_those_who_work_on_them(stage: str) -> None:
    recordings = f"arn:aws:s3:::atlas-{stage}-recordings-*/connect/*"
    transcripts = f"arn:aws:s3:::atlas-{stage}-recordings-*/transcripts/*"
    assert allowed(stage, "s3:GetObject") == {
        "start_transcription": {recordings},
        "summarize_call": {recordings, transcripts},
    }
    assert allowed(stage, "s3:PutObject") == {
        "start_transcription": {transcripts},
        "summarize_call": {transcripts},
    }
    assert allowed(stage, "s3:DeleteObject") == {
        "start_transcription": {recordings},
        "summarize_call": {transcripts},
        "erase_lead": {recordings, transcripts},
    }


@pytest.mark.parametrize("stage", STAGES)
def test_bucket_of_another_account_is_kept_out(stage: str) -> None:
    statements = [
        s for f in FUNCTIONS for s in policy(stage, f.name) if s["Sid"].startswith("Objects")
    ]
    assert statements
    for statement in statements:
        ours = {"aws:ResourceAccount": "${aws:PrincipalAccount}"}
        assert statement["Condition"] == {"StringEquals": ours}


@pytest.mark.parametrize("stage", STAGES)
def test_key_is_used_only_through_the_services_that_the_function_calls(stage: str) -> None:
    services = {"dynamodb": "dynamodb:", "secretsmanager": "secretsmanager:", "s3": "s3:"}
    services |= {"sns": "sns:", "transcribe": "transcribe:StartTranscriptionJob"}
    for function in FUNCTIONS:
        statements = policy(stage, function.name)
        actions = "".join(a for s in statements for a in s["Action"])
        for statement in statements:
            if statement["Resource"] != ["arn:aws:kms:*:*:key/*"]:
                continue
            condition = statement["Condition"]
            service = condition["StringLike"]["kms:ViaService"].partition(".")[0]
            assert services[service] in actions, (function.name, service)
            aliases = condition["ForAnyValue:StringEquals"]["kms:ResourceAliases"]
            assert aliases == f"alias/atlas-{stage}"


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("name", ["leads", "scenario-cache"])
def test_whoever_uses_an_encrypted_table_may_use_its_key(stage: str, name: str) -> None:
    for function in FUNCTIONS:
        text = json.dumps(policy(stage, function.name))
        is_user = f"atlas-{stage}-{name}" in text
        assert not is_user or '"kms:ViaService": "dynamodb.*.amazonaws.com"' in text


@pytest.mark.parametrize("stage", STAGES)
def test_whoever_starts_a_transcription_may_have_it_encrypted(stage: str) -> None:
    starting = []
    for function in FUNCTIONS:
        statements = {s["Sid"]: s for s in policy(stage, function.name)}
        if "transcribe:StartTranscriptionJob" not in json.dumps(statements):
            continue
        starting.append(function.name)
        allowed = statements["KeyTranscribe"]
        assert {"kms:Encrypt", "kms:GenerateDataKey"} <= set(allowed["Action"])
        assert allowed["Condition"]["StringLike"] == {
            "kms:ViaService": "transcribe.*.amazonaws.com"
        }
    assert starting == ["start_transcription", "summarize_call"]


def test_every_function_has_its_row_and_no_row_is_left_over() -> None:
    assert set(ACCESS) == {function.name for function in FUNCTIONS}


@pytest.mark.parametrize("stage", STAGES)
def test_policies_name_only_tables_indexes_and_rows_that_the_templates_make(stage: str) -> None:
    made = tables_made(stage)
    used = {
        arn.partition(":table/")[2]
        for function in FUNCTIONS
        for statement in policy(stage, function.name)
        for arn in statement["Resource"]
        if ":table/" in arn
    }
    assert used <= made
    of_ops = {table(stage, "operations")}
    assert {n for n in made if "/" not in n} - of_ops == {n for n in used if "/" not in n}


def tables_made(stage: str) -> set[str]:
    template = yaml.safe_load((ROOT / "infra" / "tables.yaml").read_text(encoding="utf-8"))
    names = set()
    for resource in template["Resources"].values():
        properties = resource["Properties"]
        name = properties["TableName"]["Fn::Sub"].replace("${Stage}", stage)
        indexes = properties.get("GlobalSecondaryIndexes", [])
        names |= {name} | {f"{name}/index/{index['IndexName']}" for index in indexes}
    return names


@pytest.mark.parametrize("stage", STAGES)
def test_tables_with_the_key_are_those_that_the_template_encrypts_with_it(stage: str) -> None:
    template = yaml.safe_load((ROOT / "infra" / "tables.yaml").read_text(encoding="utf-8"))
    encrypted = {
        resource["Properties"]["TableName"]["Fn::Sub"].removeprefix("atlas-${Stage}-")
        for resource in template["Resources"].values()
        if "KMSMasterKeyId" in resource["Properties"].get("SSESpecification", {})
    }
    assert encrypted == set(TABLES_WITH_KEY)


@pytest.mark.parametrize(("stage", "function"), EVERY_POLICY)
def test_policy_fits_an_inline_policy_of_a_role(stage: str, function: str) -> None:
    # 10,240 characters without white space:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    document = {"Version": "2012-10-17", "Statement": policy(stage, function)}
    assert len(json.dumps(document, separators=(",", ":"))) < 10_240


@pytest.mark.parametrize(("stage", "function"), EVERY_POLICY)
def test_statement_ids_are_letters_and_digits_and_unique(stage: str, function: str) -> None:
    sids = [statement["Sid"] for statement in policy(stage, function)]
    assert len(set(sids)) == len(sids)
    assert all(sid.isalnum() for sid in sids)


@pytest.mark.parametrize(("stage", "function"), EVERY_POLICY)
def test_chalice_reads_each_setting_as_it_is_meant(stage: str, function: str) -> None:
    config = chalice_config(stage, function)
    assert config.autogen_policy is False
    assert config.xray_enabled is True
    assert config.iam_policy_file == f"policy-{stage}-{function}.json"
    assert config.lambda_memory_size == 512
    assert config.lambda_timeout == TIMEOUTS[function]
    assert config.log_retention_in_days
    assert config.environment_variables == environment(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_only_the_background_function_has_reserved_concurrency(stage: str) -> None:
    reserved = {f.name for f in FUNCTIONS if chalice_config(stage, f.name).reserved_concurrency}
    assert reserved == {"generate_answer"}


def test_local_http_is_switched_on_for_the_local_stage_alone() -> None:
    assert [stage for stage in STAGES if "ATLAS_LOCAL_HTTP" in environment(stage)] == ["local"]


def test_utterances_that_hold_a_slot_are_left_out() -> None:
    data = json.loads((ROOT / stage_files.BOT_UTTERANCES).read_text())
    intents = data["locales"]["en_US"]
    texts = [text for intent in intents.values() for text in intent["utterances"]]
    assert "GreetingIntent" in intents
    assert len(texts) > 100
    assert not [text for text in texts if "{" in text]
    assert intents["InitiateDemo"]["slots"] == ["VisitorFullName", "VisitorPhoneNumber"]
