"""What holds for every template of infra/: valid as it is deployed, closed, named by its stage."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from cfnlint import lint
from cfnlint.config import ManualArgs

from infra.rendering import LIMIT_BYTES, rendered, template_path
from ops.environment import environment
from ops.stages import STAGES
from ops.team import team
from tests.templates import GIVEN, INSTANCE, TEMPLATES, played, resources, template

STORED = {
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
}
PARAMETERS = [(name, each) for name in TEMPLATES for each in template(name)["Parameters"]]
TABLES = resources("tables", "AWS::DynamoDB::Table")


@pytest.mark.parametrize("name", TEMPLATES)
def test_cfn_lint_finds_nothing_in_what_is_deployed(name: str) -> None:
    text = rendered(template_path(name))
    assert lint(text, config=ManualArgs(regions=["us-east-1", "eu-central-1"])) == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_text_fits_a_request_without_an_upload_and_names_no_file(name: str) -> None:
    text = rendered(template_path(name))
    assert len(text.encode()) <= LIMIT_BYTES
    assert '"file:' not in text


@pytest.mark.parametrize("name", TEMPLATES)
def test_stage_is_one_of_those_of_the_release(name: str) -> None:
    assert tuple(template(name)["Parameters"]["Stage"]["AllowedValues"]) == STAGES


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_every_parameter_is_described_and_validated(name: str, parameter: str) -> None:
    declared = template(name)["Parameters"][parameter]
    assert declared["Description"]
    if declared["Type"] == "Number":
        assert "AllowedValues" in declared or declared["MinValue"] < declared["MaxValue"]
    else:
        assert "AllowedValues" in declared or declared["AllowedPattern"]


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_a_parameters_pattern_takes_its_default_and_a_true_value(name: str, parameter: str) -> None:
    declared = template(name)["Parameters"][parameter]
    if "AllowedPattern" not in declared:
        return
    pattern = declared["AllowedPattern"]
    for value in (declared.get("Default"), GIVEN.get(parameter)):
        assert value is None or re.fullmatch(pattern, value), value
    assert not re.fullmatch(pattern, "a b\nc"), "takes anything"


@pytest.mark.parametrize(
    ("value", "is_taken"),
    [("", True), ("team@example.com", True), ("team", False), ("a@b.example,c@d.example", False)],
)
def test_alarms_go_to_one_address_or_none(value: str, is_taken: bool) -> None:
    pattern = template("watch")["Parameters"]["AlarmEmail"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, value)) is is_taken


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_keeps_data_outlives_its_stack(name: str) -> None:
    for resource in template(name)["Resources"].values():
        if resource["Type"] in STORED:
            assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("logical_id", TABLES)
def test_every_table_is_paid_by_use_encrypted_recoverable_and_forgets(logical_id: str) -> None:
    table = TABLES[logical_id]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSESpecification"]["SSEEnabled"] is True
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


@pytest.mark.parametrize("stage", STAGES)
def test_tables_of_prod_alone_are_protected_from_deletion(stage: str) -> None:
    tables = resources("tables", "AWS::DynamoDB::Table", stage).values()
    assert {table["DeletionProtectionEnabled"] for table in tables} == {stage == "prod"}


@pytest.mark.parametrize("name", TEMPLATES)
def test_logs_are_kept_for_a_time_that_is_given(name: str) -> None:
    for group in resources(name, "AWS::Logs::LogGroup").values():
        assert int(group["RetentionInDays"]) >= 1


FLOW = resources("phone", "AWS::Connect::ContactFlow")["Flow"]
STORAGE = resources("phone", "AWS::Connect::InstanceStorageConfig")["RecordingStorage"]


def test_flow_is_json_and_talks_to_the_alias() -> None:
    content = json.loads(FLOW["Content"])
    talking = [a for a in content["Actions"] if a["Type"] == "ConnectParticipantWithLexBot"]
    aliases = {action["Parameters"]["LexV2Bot"]["AliasArn"] for action in talking}
    assert aliases == {GIVEN["LexBotAliasArn"]}


def test_flows_own_references_are_left_to_connect() -> None:
    assert "$.Attributes.interactionKey" in FLOW["Content"]
    assert "${" not in FLOW["Content"]


def test_the_instance_is_given_the_bot_before_the_flow_names_it() -> None:
    assert template("phone")["Resources"]["Flow"]["DependsOn"] == "Bot"
    bot = resources("phone", "AWS::Connect::IntegrationAssociation")["Bot"]
    assert (bot["IntegrationType"], bot["IntegrationArn"]) == ("LEX_BOT", GIVEN["LexBotAliasArn"])


@pytest.mark.parametrize("stage", STAGES)
def test_recordings_go_where_the_bucket_the_rule_and_the_team_expect_them(stage: str) -> None:
    place = resources("phone", "AWS::Connect::InstanceStorageConfig", stage)["RecordingStorage"]
    bucket = resources("lead_workflow", "AWS::S3::Bucket", stage)["Recordings"]
    rule = resources("lead_workflow", "AWS::Events::Rule", stage)["RecordingRule"]
    prefix = place["S3Config"]["BucketPrefix"]
    [wanted] = rule["EventPattern"]["detail"]["object"]["key"]
    assert place["S3Config"]["BucketName"] == bucket["BucketName"]
    assert prefix.startswith(wanted["prefix"])
    key = f"{prefix}/2026/11/24/{INSTANCE}_20261124T10:00_UTC.wav"
    found = re.fullmatch(team(stage).recording_key_pattern, key)
    assert found
    assert found["contact"] == INSTANCE


def test_recordings_are_written_with_the_stages_key() -> None:
    wanted = {"EncryptionType": "KMS", "KeyId": GIVEN["KeyArn"]}
    assert STORAGE["S3Config"]["EncryptionConfig"] == wanted
    assert "KeyArn" in template("lead_workflow")["Outputs"]


def test_the_flows_id_is_the_last_part_of_its_arn() -> None:
    flow = INSTANCE[::-1]
    arn = f"arn:aws:connect:us-east-1:123456789012:instance/{INSTANCE}/contact-flow/{flow}"
    output: dict[str, Any] = template("phone")["Outputs"]["ContactFlowId"]["Value"]
    [place, parts] = output["Fn::Select"]
    [separator, reference] = parts["Fn::Split"]
    assert reference == {"Ref": "Flow"}
    assert arn.split(separator)[place] == flow


@pytest.mark.parametrize("stage", STAGES)
def test_names_of_tables_are_those_that_the_functions_are_given(stage: str) -> None:
    made = {t["TableName"] for t in resources("tables", "AWS::DynamoDB::Table", stage).values()}
    used = {v for n, v in environment(stage).items() if n.endswith("_TABLE") and n != "MODEL_TABLE"}
    assert used <= made


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_output_is_described(name: str) -> None:
    for output in template(name)["Outputs"].values():
        assert output["Description"]
        assert played(name, output["Value"], "dev")
