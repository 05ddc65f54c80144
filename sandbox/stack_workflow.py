"""Makes what moves data: state machines, rules, topics, their roles, logs and alarms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from infra import state_machine
from sandbox.stack_parts import Made, Maker, Part


def _role(part: Part) -> Made:
    iam = part.client_of("iam")
    name = str(part.take("RoleName", f"sandbox-{part.logical_id}"))
    document = json.dumps(part.take("AssumeRolePolicyDocument"))
    request = part.only("Path", "Description", "MaxSessionDuration", "PermissionsBoundary")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, **request)["Role"]
    for policy in part.take("Policies", []):
        _put_policy(iam, name, policy["PolicyName"], policy["PolicyDocument"])
    for arn in part.take("ManagedPolicyArns", []):
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    return Made(f"role {name}", name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})


def _role_policy(part: Part) -> Made:
    name, document = str(part.take("PolicyName")), part.take("PolicyDocument")
    for role in part.take("Roles", []):
        _put_policy(part.client_of("iam"), role, name, document)
    return Made(f"policy {name}", name)


def _put_policy(iam: Any, role: str, name: str, document: Any) -> None:
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))


def _log_group(part: Part) -> Made:
    logs = part.client_of("logs")
    name = str(part.take("LogGroupName"))
    logs.create_log_group(logGroupName=name)
    if days := part.take("RetentionInDays"):
        logs.put_retention_policy(logGroupName=name, retentionInDays=int(days))
    arn = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]["arn"]
    return Made(f"log {name}", name, {"Arn": arn})


def _topic(part: Part) -> Made:
    sns = part.client_of("sns")
    name = str(part.take("TopicName"))
    attributes = part.only("DisplayName", "KmsMasterKeyId")
    arn = sns.create_topic(Name=name, Attributes=attributes)["TopicArn"]
    for subscription in part.take("Subscription", []):
        sns.subscribe(TopicArn=arn, **subscription)
    return Made(name, arn, {"TopicName": name, "TopicArn": arn})


def _topic_policy(part: Part) -> Made:
    topics, document = part.take("Topics"), json.dumps(part.take("PolicyDocument"))
    for arn in topics:
        part.client_of("sns").set_topic_attributes(
            TopicArn=arn, AttributeName="Policy", AttributeValue=document
        )
    return Made(f"policy {part.logical_id}", part.logical_id)


def _alarm(part: Part) -> Made:
    """Stored and listed; moto never looks at a metric, so none goes off."""
    cloudwatch = part.client_of("cloudwatch")
    name = str(part.take("AlarmName"))
    request = part.only(
        *("AlarmDescription", "AlarmActions", "Namespace", "MetricName", "Dimensions"),
        *("Statistic", "Period", "EvaluationPeriods", "Threshold", "ComparisonOperator"),
        *("TreatMissingData",),
    )
    cloudwatch.put_metric_alarm(AlarmName=name, **request)
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return Made(f"alarm {name}", name, {"Arn": alarm["AlarmArn"]})


def _rule(part: Part) -> Made:
    events = part.client_of("events")
    name = str(part.take("Name"))
    request = part.only("Description", "ScheduleExpression", "State", "RoleArn")
    if pattern := part.take("EventPattern"):
        request["EventPattern"] = json.dumps(pattern)
    arn = events.put_rule(Name=name, **request)["RuleArn"]
    if targets := part.take("Targets", []):
        failed = events.put_targets(Rule=name, Targets=targets)["FailedEntries"]
        if failed:
            raise ValueError(f"targets were refused: {failed}")
    return Made(f"rule {name}", name, {"Arn": arn})


def _state_machine(part: Part) -> Made:
    name = str(part.take("StateMachineName"))
    request = {
        "name": name,
        "roleArn": part.take("RoleArn"),
        "type": part.take("StateMachineType", "STANDARD"),
        "definition": _definition(part),
    }
    if logging := part.take("LoggingConfiguration"):
        request["loggingConfiguration"] = _lower(logging)
    if tracing := part.take("TracingConfiguration"):
        request["tracingConfiguration"] = _lower(tracing)
    arn = part.client_of("stepfunctions").create_state_machine(**request)["stateMachineArn"]
    return Made(f"state machine {name}", arn, {"Arn": arn, "Name": name})


def _definition(part: Part) -> str:
    """The text, its substitutions played."""
    substitutions = part.take("DefinitionSubstitutions", {})
    return json.dumps(state_machine.substituted(part.take("DefinitionString"), substitutions))


def _lower(value: Any) -> Any:
    """CloudFormation's member names as the API has them."""
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: _lower(item) for name, item in value.items()}
    return [_lower(item) for item in value] if isinstance(value, list) else value


MAKERS: Mapping[str, Maker] = {
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::Events::Rule": _rule,
    "AWS::IAM::Policy": _role_policy,
    "AWS::IAM::Role": _role,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::SNS::Topic": _topic,
    "AWS::SNS::TopicPolicy": _topic_policy,
    "AWS::StepFunctions::StateMachine": _state_machine,
}
