"""The project's own templates as stacks, over HTTP, with real clients."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError
from cfn_sandbox import Endpoint

from infra import rendering
from sandbox.connect.names import INSTANCES

STACKS = ("workflow", "tables", "bot", "phone", "watch")
PROD = INSTANCES[2]


@pytest.fixture(scope="module")
def deployed(endpoint: Endpoint) -> Endpoint:
    """All five stacks of stage prod, in the order in which they are deployed."""
    stage = {"Stage": "prod", "ConnectInstanceId": PROD.id}
    endpoint.deploy("workflow", "lead_workflow", **stage)
    endpoint.deploy("tables", "tables", Stage="prod")
    endpoint.deploy("bot", "lex_bot", Stage="prod")
    bot = {"BotId": endpoint.outputs("bot")["BotId"], "BotAliasId": alias(endpoint)}
    arn = f"arn:aws:lex:us-east-1:123456789012:bot-alias/{bot['BotId']}/{bot['BotAliasId']}"
    key = endpoint.outputs("workflow")["KeyArn"]
    endpoint.deploy("phone", "phone", **stage, LexBotAliasArn=arn, KeyArn=key)
    endpoint.deploy("watch", "watch", Stage="prod", AlarmEmail="team@example.com", **bot)
    return endpoint


def alias(endpoint: Endpoint) -> str:
    lex, bot = endpoint.client("lexv2-models"), endpoint.outputs("bot")["BotId"]
    return str(lex.create_bot_alias(botId=bot, botAliasName="live")["botAliasId"])


@pytest.mark.parametrize("name", STACKS)
def test_the_stack_is_complete(deployed: Endpoint, name: str) -> None:
    stack = deployed.stack(name)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    resources = deployed.client("cloudformation").describe_stack_resources(StackName=name)
    statuses = {each["ResourceStatus"] for each in resources["StackResources"]}
    assert statuses == {"CREATE_COMPLETE"}


def test_prod_keeps_its_tables_from_deletion(deployed: Endpoint) -> None:
    table = deployed.client("dynamodb").describe_table(TableName="atlas-prod-leads")["Table"]
    assert table["DeletionProtectionEnabled"] is True


def test_the_bot_is_built_with_the_intents_of_the_template(deployed: Endpoint) -> None:
    lex, bot = deployed.client("lexv2-models"), deployed.outputs("bot")["BotId"]
    about = {"botId": bot, "botVersion": "DRAFT", "localeId": "en_US"}
    names = {each["intentName"] for each in lex.list_intents(**about)["intentSummaries"]}
    assert {"GreetingIntent", "FallbackIntent"} < names


def test_the_alarms_the_dashboard_and_the_subscription_are_there(deployed: Endpoint) -> None:
    cloudwatch = deployed.client("cloudwatch")
    document = rendering.document(rendering.template_path("watch"))
    kinds = [each["Type"] for each in document["Resources"].values()]
    alarms = cloudwatch.describe_alarms(AlarmNamePrefix="atlas-prod-")["MetricAlarms"]
    assert len(alarms) == kinds.count("AWS::CloudWatch::Alarm")
    (dashboard,) = cloudwatch.list_dashboards()["DashboardEntries"]
    body = cloudwatch.get_dashboard(DashboardName=dashboard["DashboardName"])["DashboardBody"]
    assert json.loads(body)["widgets"]
    subscriptions = deployed.client("sns").list_subscriptions()["Subscriptions"]
    assert [each["Endpoint"] for each in subscriptions] == ["team@example.com"]


def test_the_phone_knows_its_flow_its_bot_and_its_bucket(deployed: Endpoint) -> None:
    connect, instance = deployed.client("connect"), {"InstanceId": PROD.id}
    flow = deployed.outputs("phone")["ContactFlowId"]
    found = connect.describe_contact_flow(**instance, ContactFlowId=flow)["ContactFlow"]
    (bot,) = connect.list_bots(**instance, LexVersion="V2")["LexBots"]
    assert bot["LexV2Bot"]["AliasArn"] in found["Content"]
    listed = connect.list_instance_storage_configs(**instance, ResourceType="CALL_RECORDINGS")
    (config,) = listed["StorageConfigs"]
    assert config["S3Config"]["BucketName"] == deployed.outputs("workflow")["RecordingsBucket"]


def test_the_same_template_changes_nothing(deployed: Endpoint) -> None:
    text = rendering.rendered(rendering.template_path("tables"))
    with pytest.raises(ClientError, match="No updates are to be performed"):
        deployed.client("cloudformation").update_stack(
            StackName="tables",
            TemplateBody=text,
            Parameters=[{"ParameterKey": "Stage", "ParameterValue": "prod"}],
        )


def test_a_changed_limit_changes_its_alarms_in_place(deployed: Endpoint) -> None:
    cloudformation = deployed.client("cloudformation")
    declared = deployed.stack("watch")["Parameters"]
    keys = [each["ParameterKey"] for each in declared]
    values = [{"ParameterKey": key, "UsePreviousValue": True} for key in keys]
    values[keys.index("TurnP99LimitMs")] = {
        "ParameterKey": "TurnP99LimitMs",
        "ParameterValue": "1234",
    }
    request = {"StackName": "watch", "UsePreviousTemplate": True, "Parameters": values}
    cloudformation.update_stack(**request)
    assert deployed.stack("watch")["StackStatus"] == "UPDATE_COMPLETE"
    found = deployed.client("cloudwatch").describe_alarms(AlarmNames=["atlas-prod-turn-p99-chat"])
    assert found["MetricAlarms"][0]["Threshold"] == 1234


def test_a_second_stage_has_a_workflow_of_its_own_beside_it(deployed: Endpoint) -> None:
    deployed.deploy("dev-workflow", "lead_workflow", Stage="dev")
    deployed.deploy("dev-tables", "tables", Stage="dev")
    assert deployed.stack("dev-workflow")["StackStatus"] == "CREATE_COMPLETE"
    table = deployed.client("dynamodb").describe_table(TableName="atlas-dev-leads")["Table"]
    assert table.get("DeletionProtectionEnabled", False) is False


@pytest.fixture
def unlucky(endpoint: Endpoint) -> Iterator[Endpoint]:
    yield endpoint
    endpoint.faults()


def test_a_service_that_refuses_rolls_the_stack_back_and_is_quoted(unlucky: Endpoint) -> None:
    unlucky.faults(
        {"service": "sns", "operation": "CreateTopic", "error": "InternalErrorException"}
    )
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Fn::Sub": "${Log}-t"}}}
    log = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "unlucky"}}
    stack = unlucky.create("unlucky", json.dumps({"Resources": {"Topic": topic, "Log": log}}))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    events = unlucky.client("cloudformation").describe_stack_events(StackName="unlucky")
    reasons = [each.get("ResourceStatusReason", "") for each in events["StackEvents"]]
    assert any("InternalErrorException" in reason for reason in reasons)
    groups = unlucky.client("logs").describe_log_groups(logGroupNamePrefix="unlucky")
    assert groups["logGroups"] == []


def test_a_bot_with_somebodys_alias_keeps_its_stack(deployed: Endpoint) -> None:
    cloudformation = deployed.client("cloudformation")
    cloudformation.delete_stack(StackName="bot")
    stack = deployed.stack("bot")
    assert stack["StackStatus"] == "DELETE_FAILED"
    lex = deployed.client("lexv2-models")
    found = cloudformation.describe_stack_resources(StackName="bot")
    (resource,) = [e for e in found["StackResources"] if e["ResourceType"] == "AWS::Lex::Bot"]
    assert "has the aliases live" in resource["ResourceStatusReason"]
    bot_id = resource["PhysicalResourceId"]
    for each in lex.list_bot_aliases(botId=bot_id)["botAliasSummaries"]:
        if each["botAliasName"] == "live":
            lex.delete_bot_alias(botId=bot_id, botAliasId=each["botAliasId"])
    cloudformation.delete_stack(StackName="bot")
    with pytest.raises(ClientError, match="Stack with id bot does not exist"):
        deployed.stack("bot")
    assert bot_id not in [each["botId"] for each in lex.list_bots()["botSummaries"]]


def test_a_template_may_come_from_a_bucket(endpoint: Endpoint) -> None:
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket="templates")
    log = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "from-a-bucket"}}
    s3.put_object(Bucket="templates", Key="a/t.json", Body=json.dumps({"Resources": {"Log": log}}))
    url = f"{endpoint.url}/templates/a/t.json"
    endpoint.client("cloudformation").create_stack(StackName="from", TemplateURL=url)
    assert endpoint.stack("from")["StackStatus"] == "CREATE_COMPLETE"
    with pytest.raises(ClientError, match="S3 error"):
        endpoint.client("cloudformation").create_stack(StackName="not", TemplateURL=f"{url}x")
