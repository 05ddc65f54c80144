"""infra/lead_workflow.yaml: valid, named as `ops` names things, and open to nobody else."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from cfnlint import lint
from cfnlint.config import ManualArgs

from infra import state_machine
from ops.environment import environment
from ops.stages import FUNCTIONS, STAGES, function_name, lead_workflow, rule_name
from ops.team import team

TEXT = state_machine.TEMPLATE.read_text(encoding="utf-8")
TEMPLATE = yaml.safe_load(TEXT)
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
RULES = {name: r["Properties"] for name, r in RESOURCES.items() if r["Type"] == "AWS::Events::Rule"}
BY_RULE = {f.rule: f for f in FUNCTIONS if f.rule}


def played(value: Any, stage: str) -> Any:
    """The value with Fn::Sub played as far as the names go that a test needs."""
    names = {
        "Stage": stage,
        "AWS::Partition": "aws",
        "AWS::Region": "us-east-1",
        "AWS::AccountId": "123456789012",
        "ConnectInstanceId": "INSTANCE",
        "Recordings.Arn": "BUCKET",
    }
    if isinstance(value, list):
        return [played(item, stage) for item in value]
    if isinstance(value, dict) and set(value) == {"Fn::Sub"}:
        text = value["Fn::Sub"]
        for name, replacement in names.items():
            text = text.replace(f"${{{name}}}", replacement)
        return text
    if isinstance(value, dict):
        return {key: played(item, stage) for key, item in value.items()}
    return value


def properties(name: str, stage: str = "prod") -> dict[str, Any]:
    found: dict[str, Any] = played(RESOURCES[name]["Properties"], stage)
    return found


def test_cfn_lint_finds_nothing() -> None:
    assert lint(TEXT, config=ManualArgs(regions=["us-east-1", "eu-central-1"])) == []


def test_cfn_lint_would_find_something() -> None:
    spoilt = TEXT.replace("MaximumRetryAttempts: 185", "MaximumRetryAttempts: 186", 1)
    assert lint(spoilt, config=ManualArgs(regions=["us-east-1"]))


@pytest.mark.parametrize("stage", STAGES)
def test_names_are_those_that_the_functions_are_given(stage: str) -> None:
    variables = environment(stage)
    assert properties("LeadWorkflow", stage)["StateMachineName"] == variables["LEAD_WORKFLOW"]
    assert properties("TeamTopic", stage)["TopicName"] == variables["TEAM_TOPIC"]
    assert properties("SalesforceSecret", stage)["Name"] == variables["SALESFORCE_SECRET"]
    assert properties("PhoneHashSecret", stage)["Name"] == variables["PHONE_HASH_SECRET"]
    parking = properties("LeadWorkflow", stage)["DefinitionSubstitutions"]["PendingWorkTable"]
    assert parking == variables["PENDING_WORK_TABLE"]


def test_stages_are_those_of_the_release() -> None:
    assert tuple(TEMPLATE["Parameters"]["Stage"]["AllowedValues"]) == STAGES


@pytest.mark.parametrize("stage", STAGES)
def test_each_rule_has_the_name_that_the_release_permits_and_targets_live(stage: str) -> None:
    targets = {}
    for name in RULES:
        rule = properties(name, stage)
        [target] = rule["Targets"]
        targets[rule["Name"]] = target["Arn"]
    assert targets == {
        rule_name(stage, rule): (
            f"arn:aws:lambda:us-east-1:123456789012:function:{function_name(stage, f.name)}:live"
        )
        for rule, f in BY_RULE.items()
    }


@pytest.mark.parametrize("name", RULES)
def test_no_event_is_kept_for_longer_than_an_hour(name: str) -> None:
    [target] = RULES[name]["Targets"]
    assert 60 <= target["RetryPolicy"]["MaximumEventAgeInSeconds"] <= 3600
    assert 0 <= target["RetryPolicy"]["MaximumRetryAttempts"] <= 185


def test_contact_events_of_our_instance_alone_end_calls() -> None:
    assert properties("CallEndedRule")["EventPattern"] == {
        "source": ["aws.connect"],
        "detail-type": ["Amazon Connect Contact Event"],
        "detail": {
            "eventType": ["DISCONNECTED"],
            "instanceArn": ["arn:aws:connect:us-east-1:123456789012:instance/INSTANCE"],
        },
    }


def test_recordings_of_our_bucket_alone_are_transcribed() -> None:
    detail = properties("RecordingRule")["EventPattern"]["detail"]
    assert detail["bucket"]["name"] == [properties("Recordings")["BucketName"]]
    assert detail["object"]["key"] == [{"prefix": "connect/"}]
    notifications = properties("Recordings")["NotificationConfiguration"]
    assert notifications["EventBridgeConfiguration"]["EventBridgeEnabled"] is True


@pytest.mark.parametrize("stage", STAGES)
def test_jobs_of_our_stage_alone_are_summarized(stage: str) -> None:
    detail = properties("TranscriptRule", stage)["EventPattern"]["detail"]
    assert detail["TranscriptionJobName"] == [{"prefix": f"atlas-{stage}-"}]
    assert detail["TranscriptionJobStatus"] == ["COMPLETED", "FAILED"]


def test_schedules_are_those_of_the_design() -> None:
    schedules = {n: r["ScheduleExpression"] for n, r in RULES.items() if "ScheduleExpression" in r}
    assert schedules == {
        "RecoverySchedule": "rate(1 minute)",
        "WarmSchedule": "rate(5 minutes)",
    }


def test_workflow_is_standard_traced_and_logged_without_what_it_carries() -> None:
    workflow = properties("LeadWorkflow")
    assert workflow["StateMachineType"] == "STANDARD"
    assert workflow["TracingConfiguration"] == {"Enabled": True}
    logging = workflow["LoggingConfiguration"]
    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ALL", False)


def test_role_invokes_the_four_steps_and_puts_into_one_table() -> None:
    [given] = properties("WorkflowRole")["Policies"]
    statements = {s["Sid"]: s for s in given["PolicyDocument"]["Statement"]}
    arn = "arn:aws:lambda:us-east-1:123456789012:function:atlas-prod-"
    steps = ("create_lead", "generate_scenario", "invoke_call", "update_lead")
    assert statements["RunSteps"]["Action"] == "lambda:InvokeFunction"
    assert statements["RunSteps"]["Resource"] == [f"{arn}{step}:live" for step in steps]
    assert statements["ParkLeads"]["Action"] == "dynamodb:PutItem"
    table = "arn:aws:dynamodb:us-east-1:123456789012:table/atlas-prod-pending-work"
    assert statements["ParkLeads"]["Resource"] == table
    assert set(statements) == {"RunSteps", "ParkLeads", "DeliverLogs", "Trace"}


def test_alarms_may_publish_to_the_encrypted_topic_and_nobody_elses_may() -> None:
    [statement] = properties("TeamTopicPolicy")["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert (statement["Action"], statement["Resource"]) == ("sns:Publish", {"Ref": "TeamTopic"})
    arn = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:"
    assert statement["Condition"]["ArnLike"]["aws:SourceArn"] == f"{arn}atlas-prod-*"
    key = {s["Sid"]: s for s in properties("Key")["KeyPolicy"]["Statement"]}["AlarmsReachTheTeam"]
    assert key["Principal"] == statement["Principal"]
    assert set(key["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey"}


def test_every_substitution_has_its_place_and_every_place_its_substitution() -> None:
    names = set(properties("LeadWorkflow")["DefinitionSubstitutions"])
    definition = state_machine.DEFINITION.read_text(encoding="utf-8")
    assert names == state_machine.placeholders(definition)


@pytest.mark.parametrize("name", [n for n in TEMPLATE["Parameters"] if "Retry" in n])
def test_retry_parameter_is_a_number_with_a_range_around_its_default(name: str) -> None:
    parameter = TEMPLATE["Parameters"][name]
    assert parameter["Type"] == "Number"
    assert 1 <= parameter["MinValue"] <= parameter["Default"] <= parameter["MaxValue"]


def test_sandbox_parameters_are_in_range_and_name_the_sandboxs_instance() -> None:
    parameters = state_machine.LOCAL_PARAMETERS
    for name, value in parameters.items():
        declared = TEMPLATE["Parameters"][name]
        if declared["Type"] == "Number":
            assert declared["MinValue"] <= int(value) <= declared["MaxValue"], name
    assert parameters["ConnectInstanceId"] == team("local").connect_instance_id
    needed = {n for n, p in TEMPLATE["Parameters"].items() if "Default" not in p} - {"Stage"}
    assert needed <= set(parameters)


def test_recordings_are_private_encrypted_and_not_kept_for_ever() -> None:
    bucket = properties("Recordings")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    [rule] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    [lifecycle] = bucket["LifecycleConfiguration"]["Rules"]
    assert lifecycle["ExpirationInDays"] == {"Ref": "RecordingRetentionDays"}
    assert "VersioningConfiguration" not in bucket, "an older version would outlive a deletion"


def test_bucket_takes_nothing_without_tls_and_only_connects_recordings() -> None:
    statements = properties("RecordingsPolicy")["PolicyDocument"]["Statement"]
    by_sid = {s["Sid"]: s for s in statements}
    assert by_sid["TlsOnly"]["Effect"] == "Deny"
    assert by_sid["TlsOnly"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    writes = by_sid["ConnectWritesRecordings"]
    assert (writes["Action"], writes["Resource"]) == ("s3:PutObject", "BUCKET/connect/*")
    assert writes["Condition"]["ArnEquals"]["aws:SourceArn"].endswith(":instance/INSTANCE")


def test_the_instance_may_be_left_out_and_then_no_arn_names_one() -> None:
    parameter = TEMPLATE["Parameters"]["ConnectInstanceId"]
    assert parameter["Default"] == ""
    for value in ("", "11111111-2222-4333-8444-555555555555"):
        assert re.fullmatch(parameter["AllowedPattern"], value)
    for value in ("*", "11111111", "11111111-2222-4333-8444-555555555555/contact"):
        assert not re.fullmatch(parameter["AllowedPattern"], value)
    found = re.findall(r"instance/?\$\{ConnectInstanceId\}(.*)", TEXT)
    assert found
    assert set(found) == {""}, "an ARN that goes on would name things of an unknown instance"


def test_what_tells_of_a_person_uses_the_stages_key() -> None:
    for name in ("TeamTopic", "SalesforceSecret", "PhoneHashSecret"):
        values = properties(name)
        assert (values.get("KmsMasterKeyId") or values["KmsKeyId"]) == {"Ref": "Key"}
    assert properties("KeyAlias", "dev")["AliasName"] == "alias/atlas-dev"


@pytest.mark.parametrize("name", ["Key", "Recordings", "SalesforceSecret", "PhoneHashSecret"])
def test_what_cannot_be_made_again_outlives_its_stack(name: str) -> None:
    assert RESOURCES[name]["DeletionPolicy"] == RESOURCES[name]["UpdateReplacePolicy"] == "Retain"


def test_phone_hash_key_is_64_hex_digits() -> None:
    made = properties("PhoneHashSecret")["GenerateSecretString"]
    assert (made["GenerateStringKey"], made["PasswordLength"]) == ("key", 64)
    left = set("abcdefghijklmnopqrstuvwxyz") - set(made["ExcludeCharacters"])
    assert left == set("abcdef")
    assert made["ExcludeUppercase"] is made["ExcludePunctuation"] is True


def test_nothing_is_named_after_another_stage() -> None:
    assert lead_workflow("dev") == properties("LeadWorkflow", "dev")["StateMachineName"]
    assert "atlas-prod" not in TEXT.replace("atlas-<stage>", "")
