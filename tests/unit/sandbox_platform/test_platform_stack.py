"""The templates as the sandbox makes them: effects, references, and what is refused."""

from __future__ import annotations

import json
import re

import pytest
from botocore.exceptions import ClientError

from infra.state_machine import LOCAL_PARAMETERS
from sandbox import stack
from sandbox.serve import ROOT
from sandbox.steps import StartError

HEAD = """
Parameters:
  Stage: {Type: String}
  Days: {Type: Number, Default: 3}
Resources:
"""
TOPIC = """
  Topic:
    Type: AWS::SNS::Topic
    Properties: {TopicName: {Fn::Sub: "team-${Stage}"}}
"""


@pytest.fixture(scope="module")
def made(platform):
    """Both templates as `serve` creates them."""
    infra = ROOT / "infra"
    names = stack.create(infra / "lead_workflow.yaml", "local", platform.client, LOCAL_PARAMETERS)
    return names + stack.create(infra / "tables.yaml", "local", platform.client)


def create(platform, tmp_path, resources, **parameters):
    template = tmp_path / "infra" / "test.yaml"
    template.parent.mkdir(exist_ok=True)
    template.write_text(HEAD + resources)
    return stack.create(template, "local", platform.client, parameters)


def test_every_resource_of_both_templates_is_made(made):
    assert "atlas/local/salesforce" in made
    assert "state machine atlas-local-lead-workflow" in made
    assert {"atlas-local-leads", "atlas-local-pending-work"} <= set(made)


def test_the_definition_has_its_substitutions(platform, made):
    states = platform.client("stepfunctions")
    (machine,) = [
        machine
        for machine in states.list_state_machines()["stateMachines"]
        if machine["name"] == "atlas-local-lead-workflow"
    ]
    described = states.describe_state_machine(stateMachineArn=machine["stateMachineArn"])
    definition = json.loads(described["definition"])
    assert "${" not in described["definition"]
    branches = definition["States"]["LeadScenarioCall"]["Branches"]
    retry = branches[0]["States"]["CreateLead"]["Retry"][0]
    assert retry["IntervalSeconds"] == int(LOCAL_PARAMETERS["LeadRetrySeconds"])
    assert described["loggingConfiguration"]["includeExecutionData"] is False
    assert described["roleArn"].startswith("arn:aws:iam::")


ALARM = """
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmName: {Fn::Sub: "${Stage}-failed"}
      Namespace: AWS/States
      MetricName: ExecutionsFailed
      Statistic: Sum
      Period: 60
      EvaluationPeriods: 1
      Threshold: 0
      ComparisonOperator: GreaterThanThreshold
      AlarmActions: [{Ref: Topic}]
"""


def test_an_alarm_watches_its_metric_and_reaches_its_topic(platform, tmp_path):
    create(platform, tmp_path, TOPIC + ALARM)
    found = platform.client("cloudwatch").describe_alarms(AlarmNames=["local-failed"])
    (alarm,) = found["MetricAlarms"]
    (topic,) = alarm["AlarmActions"]
    assert topic.endswith(":team-local")
    assert (alarm["MetricName"], alarm["Threshold"], alarm["Period"]) == ("ExecutionsFailed", 0, 60)


def test_the_bucket_is_what_the_template_says(platform, made):
    s3, bucket = platform.client("s3"), "atlas-local-recordings-123456789012"
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert rule["Expiration"] == {"Days": 30}
    encryption = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
    key = encryption["Rules"][0]["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"]
    alias = platform.client("kms").describe_key(KeyId="alias/atlas-local")["KeyMetadata"]
    assert key == alias["Arn"]


def test_a_recording_in_the_bucket_reaches_its_rule(platform, made, caplog):
    """moto does not show the setting, so its effect is asked for; the function is not there."""
    s3, bucket = platform.client("s3"), "atlas-local-recordings-123456789012"
    s3.put_object(Bucket=bucket, Key="transcripts/a.json", Body=b"{}")
    assert not caplog.text
    s3.put_object(Bucket=bucket, Key="connect/b.wav", Body=b"sound")
    assert "rule atlas-local-recording-created did not invoke" in caplog.text
    for key in ("transcripts/a.json", "connect/b.wav"):
        s3.delete_object(Bucket=bucket, Key=key)


def test_a_policy_without_condition_still_denies(platform):
    s3 = platform.client("s3")
    s3.create_bucket(Bucket="closed")
    s3.put_object(Bucket="closed", Key="a", Body=b"")
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    s3.put_bucket_policy(Bucket="closed", Policy=policy)
    with pytest.raises(ClientError, match="403"):
        s3.put_object(Bucket="closed", Key="a", Body=b"")


def test_the_bucket_can_be_used_in_spite_of_its_policy(platform, made):
    """The policy denies what is not TLS; the sandbox has no TLS and no IAM."""
    s3, bucket = platform.client("s3"), "atlas-local-recordings-123456789012"
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    for _ in range(2):
        s3.put_object(Bucket=bucket, Key="connect/a.wav", Body=b"sound")
    assert s3.get_object(Bucket=bucket, Key="connect/a.wav")["Body"].read() == b"sound"
    assert s3.head_object(Bucket=bucket, Key="connect/a.wav")["ContentLength"] == 5
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1
    s3.delete_object(Bucket=bucket, Key="connect/a.wav")


def test_generated_secrets_have_the_form_that_is_asked_for(platform, made):
    secrets = platform.client("secretsmanager")
    key = json.loads(secrets.get_secret_value(SecretId="atlas/local/phone-hash")["SecretString"])
    assert set(key) == {"key"}
    assert re.fullmatch(r"[0-9a-f]{64}", key["key"])
    shell = secrets.get_secret_value(SecretId="atlas/local/salesforce")["SecretString"]
    assert {"username", "client_id", "host", "private_key"} <= set(json.loads(shell))


def test_the_rules_have_patterns_schedules_and_targets(platform, made):
    events = platform.client("events")
    ended = events.describe_rule(Name="atlas-local-call-ended")
    assert json.loads(ended["EventPattern"])["source"] == ["aws.connect"]
    (target,) = events.list_targets_by_rule(Rule="atlas-local-call-ended")["Targets"]
    assert target["Arn"].endswith(":function:atlas-local-call_ended:live")
    schedule = events.describe_rule(Name="atlas-local-recover-leads")
    assert schedule["ScheduleExpression"] == "rate(1 minute)"


def test_tables_have_indexes_expiry_and_encryption(platform, made):
    dynamodb = platform.client("dynamodb")
    table = dynamodb.describe_table(TableName="atlas-local-leads")["Table"]
    assert [index["IndexName"] for index in table["GlobalSecondaryIndexes"]] == ["by-phone"]
    assert table["SSEDescription"]["SSEType"] == "KMS"
    expiry = dynamodb.describe_time_to_live(TableName="atlas-local-leads")
    assert expiry["TimeToLiveDescription"]["TimeToLiveStatus"] == "ENABLED"
    backups = dynamodb.describe_continuous_backups(TableName="atlas-local-leads")
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"


def test_references_are_real_arns_whatever_the_order(platform, tmp_path):
    secret = """
  Secret:
    Type: AWS::SecretsManager::Secret
    DependsOn: Topic
    Properties:
      Name: names
      SecretString:
        Fn::Join:
          - "|"
          - [{Ref: Topic}, {Fn::GetAtt: Topic.TopicName}, {Fn::Sub: "${!Kept} ${Topic}"}]
"""
    assert create(platform, tmp_path, secret + TOPIC) == ["names", "team-local"]
    value = platform.client("secretsmanager").get_secret_value(SecretId="names")["SecretString"]
    arn = "arn:aws:sns:us-east-1:123456789012:team-local"
    assert value == f"{arn}|team-local|${{Kept}} {arn}"


@pytest.mark.parametrize(
    ("resources", "problem"),
    [
        ("  A: {Type: AWS::SQS::Queue}\n", "Unrecognized resource types: [AWS::SQS::Queue]"),
        (
            "  A: {Type: AWS::SNS::Topic, Properties: {TopicName: x, FifoTopic: true}}\n",
            "A: the sandbox does not play FifoTopic of AWS::SNS::Topic",
        ),
        (
            "  A: {Type: AWS::SNS::Topic, Properties: {TopicName: {Fn::Cidr: [a, b, c]}}}\n",
            "does not play Fn::Cidr",
        ),
        (
            "  A: {Type: AWS::SNS::Topic, Properties: {TopicName: {Ref: B}}}\n",
            "Unresolved resource dependencies [B]",
        ),
        (
            "  A: {Type: AWS::SNS::Topic, Properties: {TopicName: {Fn::GetAtt: [A, Arn]}}}\n",
            "Circular dependency between resources: [A]",
        ),
        (
            "  A: {Type: AWS::SNS::Topic, Properties: {TopicName: {Fn::GetAtt: [Topic, X]}}}\n"
            + TOPIC,
            "knows no attribute X of team-local",
        ),
        (
            "  A: {Type: AWS::KMS::Alias, Properties: {AliasName: alias/a, TargetKeyId: none}}\n",
            "A cannot be made",
        ),
        ("  A: {Type: AWS::KMS::Key, Condition: C}\n", "Unresolved condition C of A"),
    ],
)
def test_what_cannot_be_made_is_named(platform, tmp_path, resources, problem):
    with pytest.raises(StartError, match=re.escape(problem)):
        create(platform, tmp_path, resources)


def test_nothing_is_made_where_one_type_is_unknown(platform, tmp_path):
    topic = TOPIC.replace("team-", "half-")
    with pytest.raises(StartError):
        create(platform, tmp_path, topic + "  A: {Type: AWS::SQS::Queue}\n")
    topics = platform.client("sns").list_topics()["Topics"]
    assert not [one for one in topics if "half-" in one["TopicArn"]]


def test_parameters_that_are_missing_or_unknown_are_named(platform, tmp_path):
    with pytest.raises(StartError, match="Other\\] do not exist in the template"):
        create(platform, tmp_path, TOPIC, Other="1")
    template = tmp_path / "infra" / "needy.yaml"
    template.write_text("Parameters: {Needed: {Type: String}}\nResources:\n" + TOPIC)
    with pytest.raises(StartError, match="Needed\\] must have values"):
        stack.create(template, "local", platform.client)
