"""Every resource type through its life: made, changed in place, and gone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cfnlint.data.schemas
import pytest
from botocore.exceptions import ClientError
from cfn_sandbox import Endpoint

from sandbox.cloudformation.kinds import KINDS, bots
from sandbox.connect.names import INSTANCES
from sandbox.lex import LexState

SCHEMAS = Path(str(cfnlint.data.schemas.__file__)).parent
# Types whose replacement the schema leaves to the handler, or that are replaced here for plainness.
REPLACED_HERE = {
    "AWS::DynamoDB::Table": {"LocalSecondaryIndexes", "StreamSpecification", "KeySchema"},
    "AWS::KMS::Key": {"KeyUsage", "KeySpec", "MultiRegion"},
    "AWS::IAM::Policy": {"PolicyName"},
    "AWS::SNS::Topic": {"Subscription"},
    "AWS::SNS::TopicPolicy": {"Topics"},
    "AWS::Logs::LogGroup": {"KmsKeyId"},
    "AWS::Lex::Bot": {"Name"},
    "AWS::Connect::ContactFlow": {"InstanceArn"},
}
ALL_KINDS = {**KINDS, **bots.kinds(LexState())}


@pytest.fixture(scope="module")
def file_by_type() -> Mapping[str, str]:
    found: dict[str, str] = json.loads((SCHEMAS / "providers" / "us-east-1.json").read_text())
    return found


@pytest.mark.parametrize("kind", sorted(ALL_KINDS))
def test_what_is_played_is_what_aws_publishes(file_by_type: Mapping[str, str], kind: str) -> None:
    """Against AWS's own schema of the type, as cfn-lint ships it."""
    schema = json.loads((SCHEMAS / "resources" / f"{file_by_type[kind]}.json").read_text())
    played = ALL_KINDS[kind]
    pointers = schema.get("readOnlyProperties", [])
    read_only = {each.removeprefix("/properties/") for each in pointers}
    assert played.properties <= schema["properties"].keys() - read_only
    assert set(schema.get("required", ())) <= played.properties
    if played.change is None:
        return
    fixed = {e.removeprefix("/properties/") for e in schema.get("createOnlyProperties", [])}
    assert fixed & played.properties <= played.fixed
    assert played.fixed - fixed == REPLACED_HERE.get(kind, set())


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Resources": {"It": {"Type": kind, "Properties": properties}}}


TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


def policy(action: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def table(**more: Any) -> dict[str, Any]:
    return resource(
        "AWS::DynamoDB::Table",
        TableName="life",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "key", "AttributeType": "S"},
            {"AttributeName": "other", "AttributeType": "S"},
        ][: 2 if "GlobalSecondaryIndexes" in more else 1],
        KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
        **more,
    )


INDEX = {
    "IndexName": "by-other",
    "KeySchema": [{"AttributeName": "other", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "ALL"},
}


def seen_table(endpoint: Endpoint) -> Any:
    dynamodb = endpoint.client("dynamodb")
    found = dynamodb.describe_table(TableName="life")["Table"]
    backups = dynamodb.describe_continuous_backups(TableName="life")
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    return (
        found.get("DeletionProtectionEnabled", False),
        [each["IndexName"] for each in found.get("GlobalSecondaryIndexes", [])],
        recovery["PointInTimeRecoveryStatus"],
    )


def seen_key(endpoint: Endpoint) -> Any:
    kms = endpoint.client("kms")
    described = kms.describe_key(KeyId="alias/life")["KeyMetadata"]
    rotation = kms.get_key_rotation_status(KeyId=described["KeyId"])["KeyRotationEnabled"]
    return described["Description"], rotation


def key(description: str, rotation: bool) -> dict[str, Any]:
    made = resource("AWS::KMS::Key", Description=description, EnableKeyRotation=rotation)
    alias = {"AliasName": "alias/life", "TargetKeyId": {"Ref": "It"}}
    made["Resources"]["Alias"] = {"Type": "AWS::KMS::Alias", "Properties": alias}
    return made


def role(*policies: str, **more: Any) -> dict[str, Any]:
    inline = [{"PolicyName": name, "PolicyDocument": policy("s3:GetObject")} for name in policies]
    return resource(
        "AWS::IAM::Role",
        RoleName="life",
        AssumeRolePolicyDocument=TRUST,
        Policies=inline,
        **more,
    )


def seen_role(endpoint: Endpoint) -> Any:
    iam = endpoint.client("iam")
    described = iam.get_role(RoleName="life")["Role"]
    return iam.list_role_policies(RoleName="life")["PolicyNames"], described["MaxSessionDuration"]


def bucket(**more: Any) -> dict[str, Any]:
    return resource("AWS::S3::Bucket", BucketName="life", **more)


def seen_bucket(endpoint: Endpoint) -> Any:
    s3 = endpoint.client("s3")
    versioning = s3.get_bucket_versioning(Bucket="life").get("Status")
    try:
        rules = s3.get_bucket_lifecycle_configuration(Bucket="life")["Rules"]
    except s3.exceptions.ClientError:
        return versioning, None
    return versioning, rules[0]["Expiration"]["Days"]


def lifecycle(days: int) -> dict[str, Any]:
    return {"Rules": [{"Id": "r", "Status": "Enabled", "ExpirationInDays": days}]}


def rule(*targets: str, state: str = "ENABLED") -> dict[str, Any]:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:{}:live"
    return resource(
        "AWS::Events::Rule",
        Name="life",
        ScheduleExpression="rate(1 hour)",
        State=state,
        Targets=[{"Id": name, "Arn": arn.format(name)} for name in targets],
    )


def seen_rule(endpoint: Endpoint) -> Any:
    events = endpoint.client("events")
    targets = events.list_targets_by_rule(Rule="life")["Targets"]
    return events.describe_rule(Name="life")["State"], sorted(each["Id"] for each in targets)


def seen_log(endpoint: Endpoint) -> Any:
    groups = endpoint.client("logs").describe_log_groups(logGroupNamePrefix="life")["logGroups"]
    return [each.get("retentionInDays") for each in groups]


def seen_topic(endpoint: Endpoint) -> Any:
    arn = "arn:aws:sns:us-east-1:123456789012:life"
    found = endpoint.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
    return found["DisplayName"]


def seen_secret(endpoint: Endpoint) -> Any:
    secrets = endpoint.client("secretsmanager")
    return secrets.describe_secret(SecretId="life").get("Description")


def seen_dashboard(endpoint: Endpoint) -> Any:
    return endpoint.client("cloudwatch").get_dashboard(DashboardName="life")["DashboardBody"]


def seen_machine(endpoint: Endpoint) -> Any:
    states = endpoint.client("stepfunctions")
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:life"
    return json.loads(states.describe_state_machine(stateMachineArn=arn)["definition"])["Comment"]


def machine(comment: str) -> dict[str, Any]:
    definition = {
        "Comment": "${Comment}",
        "StartAt": "End",
        "States": {"End": {"Type": "Succeed"}},
    }
    return resource(
        "AWS::StepFunctions::StateMachine",
        StateMachineName="life",
        RoleArn="arn:aws:iam::123456789012:role/any",
        DefinitionString=json.dumps(definition),
        DefinitionSubstitutions={"Comment": comment},
    )


def seen_storage(endpoint: Endpoint) -> Any:
    configs = endpoint.client("connect").list_instance_storage_configs(
        InstanceId=INSTANCES[1].id, ResourceType="CALL_RECORDINGS"
    )
    return [each["S3Config"]["BucketPrefix"] for each in configs["StorageConfigs"]]


def storage(prefix: str) -> dict[str, Any]:
    return resource(
        "AWS::Connect::InstanceStorageConfig",
        InstanceArn=INSTANCES[1].arn,
        ResourceType="CALL_RECORDINGS",
        StorageType="S3",
        S3Config={"BucketName": "b", "BucketPrefix": prefix},
    )


def flow(words: str, state: str = "ACTIVE") -> dict[str, Any]:
    content = {
        "Version": "2019-10-30",
        "StartAction": "say",
        "Actions": [
            {
                "Identifier": "say",
                "Type": "MessageParticipant",
                "Parameters": {"Text": words},
                "Transitions": {"NextAction": "end"},
            },
            {
                "Identifier": "end",
                "Type": "DisconnectParticipant",
                "Parameters": {},
                "Transitions": {},
            },
        ],
    }
    return resource(
        "AWS::Connect::ContactFlow",
        InstanceArn=INSTANCES[1].arn,
        Name="life",
        Type="CONTACT_FLOW",
        State=state,
        Content=json.dumps(content),
    )


def seen_flow(endpoint: Endpoint) -> Any:
    connect, instance = endpoint.client("connect"), {"InstanceId": INSTANCES[1].id}
    (summary,) = connect.list_contact_flows(**instance)["ContactFlowSummaryList"]
    found = connect.describe_contact_flow(**instance, ContactFlowId=summary["Id"])["ContactFlow"]
    words = json.loads(found["Content"])["Actions"][0]["Parameters"]["Text"]
    return words, found["State"]


def alarm(threshold: str) -> dict[str, Any]:
    return resource(
        "AWS::CloudWatch::Alarm",
        AlarmName="life",
        Namespace="Atlas",
        MetricName="M",
        Statistic="Sum",
        Period="60",
        EvaluationPeriods="1",
        Threshold=threshold,
        ComparisonOperator="GreaterThanThreshold",
    )


def seen_alarm(endpoint: Endpoint) -> Any:
    found = endpoint.client("cloudwatch").describe_alarms(AlarmNames=["life"])["MetricAlarms"]
    return [(each["Threshold"], each["Period"]) for each in found]


def attached(action: str) -> dict[str, Any]:
    """A policy put on a role, one on a bucket, one on a topic, and a subscription."""
    made = role()
    name, bucket_name, topic = {"Ref": "It"}, "life-with-policy", {"Ref": "Topic"}
    denied = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [denied]}
    made["Resources"] |= {
        "OnRole": _typed("AWS::IAM::Policy", "PolicyName", "on-role", Roles=[name], action=action),
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": bucket_name}},
        "OnBucket": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": document},
        },
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "life-with-policy"}},
        "OnTopic": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {"Topics": [topic], "PolicyDocument": document},
        },
        "Subscription": {
            "Type": "AWS::SNS::Subscription",
            "Properties": {
                **{"TopicArn": topic, "Protocol": "email", "Endpoint": "a@example.com"},
                "FilterPolicy": {"action": [action]},
            },
        },
    }
    return made


def _typed(kind: str, name: str, value: str, *, action: str, **more: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": {name: value, "PolicyDocument": policy(action), **more}}


def seen_attached(endpoint: Endpoint) -> Any:
    arn = "arn:aws:sns:us-east-1:123456789012:life-with-policy"
    on_role = endpoint.client("iam").get_role_policy(RoleName="life", PolicyName="on-role")
    on_bucket = endpoint.client("s3").get_bucket_policy(Bucket="life-with-policy")["Policy"]
    sns = endpoint.client("sns")
    on_topic = sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"]
    (subscription,) = sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
    attributes = sns.get_subscription_attributes(SubscriptionArn=subscription["SubscriptionArn"])
    return [
        on_role["PolicyDocument"]["Statement"][0]["Action"],
        json.loads(on_bucket)["Statement"][0]["Action"],
        json.loads(on_topic)["Statement"][0]["Action"],
        *json.loads(attributes["Attributes"]["FilterPolicy"])["action"],
    ]


LIVES = {
    "attached": (
        attached(action="s3:PutObject"),
        attached(action="s3:DeleteObject"),
        seen_attached,
        ["s3:PutObject"] * 4,
        ["s3:DeleteObject"] * 4,
    ),
    "table": (
        table(GlobalSecondaryIndexes=[INDEX], DeletionProtectionEnabled=True),
        table(PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}),
        seen_table,
        (True, ["by-other"], "DISABLED"),
        (False, [], "ENABLED"),
    ),
    "key": (key("a", True), key("b", False), seen_key, ("a", True), ("b", False)),
    "role": (
        role("one", "two"),
        role("two", "three", MaxSessionDuration="7200"),
        seen_role,
        (["one", "two"], 3600),
        (["two", "three"], 7200),
    ),
    "bucket": (
        bucket(LifecycleConfiguration=lifecycle(3)),
        bucket(VersioningConfiguration={"Status": "Enabled"}),
        seen_bucket,
        (None, 3),
        ("Enabled", None),
    ),
    "rule": (
        rule("a", "b"),
        rule("b", "c", state="DISABLED"),
        seen_rule,
        ("ENABLED", ["a", "b"]),
        ("DISABLED", ["b", "c"]),
    ),
    "log": (
        resource("AWS::Logs::LogGroup", LogGroupName="life", RetentionInDays="7"),
        resource("AWS::Logs::LogGroup", LogGroupName="life"),
        seen_log,
        [7],
        [None],
    ),
    "topic": (
        resource("AWS::SNS::Topic", TopicName="life", DisplayName="a"),
        resource("AWS::SNS::Topic", TopicName="life", DisplayName="b"),
        seen_topic,
        "a",
        "b",
    ),
    "secret": (
        resource("AWS::SecretsManager::Secret", Name="life", SecretString="x", Description="a"),
        resource("AWS::SecretsManager::Secret", Name="life", SecretString="x", Description="b"),
        seen_secret,
        "a",
        "b",
    ),
    "dashboard": (
        resource("AWS::CloudWatch::Dashboard", DashboardName="life", DashboardBody='{"a":1}'),
        resource("AWS::CloudWatch::Dashboard", DashboardName="life", DashboardBody='{"b":1}'),
        seen_dashboard,
        '{"a":1}',
        '{"b":1}',
    ),
    "machine": (machine("a"), machine("b"), seen_machine, "a", "b"),
    "storage": (storage("a"), storage("b"), seen_storage, ["a"], ["b"]),
    "flow": (
        flow("hello"),
        flow("goodbye", "ARCHIVED"),
        seen_flow,
        ("hello", "ACTIVE"),
        ("goodbye", "ARCHIVED"),
    ),
    "alarm": (alarm("1"), alarm("2"), seen_alarm, [(1, 60)], [(2, 60)]),
}


@pytest.mark.parametrize("name", LIVES)
def test_a_resource_is_made_changed_and_gone(endpoint: Endpoint, name: str) -> None:
    first, second, seen, at_first, then = LIVES[name]
    cloudformation = endpoint.client("cloudformation")
    request = {"StackName": name, "Capabilities": ["CAPABILITY_NAMED_IAM"]}
    cloudformation.create_stack(**request, TemplateBody=json.dumps(first))
    assert endpoint.stack(name)["StackStatus"] == "CREATE_COMPLETE", reasons(endpoint, name)
    assert seen(endpoint) == at_first
    made = physical_ids(endpoint, name)
    cloudformation.update_stack(**request, TemplateBody=json.dumps(second))
    assert endpoint.stack(name)["StackStatus"] == "UPDATE_COMPLETE", reasons(endpoint, name)
    assert seen(endpoint) == then
    assert physical_ids(endpoint, name) == made
    stack_id = endpoint.stack(name)["StackId"]
    cloudformation.delete_stack(StackName=name)
    assert endpoint.stack(stack_id)["StackStatus"] == "DELETE_COMPLETE", reasons(endpoint, stack_id)
    assert is_gone(endpoint, seen)


def physical_ids(endpoint: Endpoint, name: str) -> list[str]:
    found = endpoint.client("cloudformation").describe_stack_resources(StackName=name)
    return [each["PhysicalResourceId"] for each in found["StackResources"]]


def reasons(endpoint: Endpoint, name: str) -> str:
    found = endpoint.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
    return "\n".join(each.get("ResourceStatusReason", "") for each in found)


def is_gone(endpoint: Endpoint, seen: Any) -> bool:
    """Whether there is nothing left to see."""
    try:
        return not seen(endpoint)
    except ClientError:
        return True
    except ValueError:
        # One was expected, and none is listed.
        return True
