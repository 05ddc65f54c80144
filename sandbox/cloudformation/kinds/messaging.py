"""What tells others: topics, subscriptions and EventBridge's rules."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sandbox.cloudformation.kinds.part import Kind, Made, Part, gone, names, removed

_TOPIC_ATTRIBUTES = ("DisplayName", "KmsMasterKeyId")
_SUBSCRIPTION_ATTRIBUTES = ("FilterPolicy", "FilterPolicyScope", "RawMessageDelivery")


def _make_topic(part: Part) -> Made:
    name = part.name("TopicName")
    attributes = part.only(*_TOPIC_ATTRIBUTES)
    arn = part.call("sns", "CreateTopic", Name=name, Attributes=attributes)["TopicArn"]
    part.physical_id = arn
    for subscription in part.get("Subscription", []):
        part.call("sns", "Subscribe", TopicArn=arn, **subscription)
    return _topic(arn)


def _change_topic(part: Part) -> Made:
    arn = part.physical_id
    for name in _TOPIC_ATTRIBUTES:
        if part.get(name) != part.before.get(name):
            _set_topic(part, arn, name, str(part.get(name, "")))
    return _topic(arn)


def _set_topic(part: Part, arn: str, name: str, value: str) -> None:
    part.call("sns", "SetTopicAttributes", TopicArn=arn, AttributeName=name, AttributeValue=value)


def _delete_topic(part: Part) -> None:
    gone(lambda: part.call("sns", "DeleteTopic", TopicArn=part.physical_id), "NotFound")


def _topic(arn: str) -> Made:
    name = arn.rpartition(":")[2]
    return Made(name, arn, {"TopicName": name, "TopicArn": arn})


def _put_topic_policy(part: Part) -> Made:
    document = json.dumps(part.get("PolicyDocument"))
    for arn in part.get("Topics"):
        _set_topic(part, arn, "Policy", document)
    return Made(f"policy {part.logical_id}", part.physical_id or part.generated_name())


def _delete_topic_policy(part: Part) -> None:
    """SNS has no deletion of it: the topic gets the policy that every topic starts with."""
    for arn in part.get("Topics"):
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": ["SNS:Publish", "SNS:Subscribe"],
            "Resource": arn,
            "Condition": {"StringEquals": {"AWS:SourceOwner": arn.split(":")[4]}},
        }
        default = json.dumps({"Version": "2008-10-17", "Statement": [statement]})
        gone(lambda arn=arn, text=default: _set_topic(part, arn, "Policy", text), "NotFound")  # type: ignore[misc]


def _subscribe(part: Part) -> Made:
    """An e-mail address is pending until its owner follows the link that SNS sends."""
    request = part.only("TopicArn", "Protocol", "Endpoint")
    arn = part.call("sns", "Subscribe", ReturnSubscriptionArn=True, **request)["SubscriptionArn"]
    part.physical_id = arn
    _set_subscription(part)
    return _subscription(arn)


def _change_subscription(part: Part) -> Made:
    _set_subscription(part)
    return _subscription(part.physical_id)


def _set_subscription(part: Part) -> None:
    for name in _SUBSCRIPTION_ATTRIBUTES:
        value = part.get(name)
        if value != part.before.get(name):
            text = value if isinstance(value, str) else json.dumps(value)
            part.call(
                *("sns", "SetSubscriptionAttributes"),
                SubscriptionArn=part.physical_id,
                AttributeName=name,
                AttributeValue=text,
            )


def _unsubscribe(part: Part) -> None:
    gone(lambda: part.call("sns", "Unsubscribe", SubscriptionArn=part.physical_id), "NotFound")


def _subscription(arn: str) -> Made:
    return Made(f"subscription {arn.split(':')[5]}", arn, {"Arn": arn})


def _put_rule(part: Part) -> Made:
    name = part.name("Name")
    request = part.only("Description", "ScheduleExpression", "State", "RoleArn")
    if pattern := part.get("EventPattern"):
        request["EventPattern"] = json.dumps(pattern)
    arn = part.call("events", "PutRule", Name=name, **request)["RuleArn"]
    part.physical_id = name
    gone_ids = [target["Id"] for target in removed(part, "Targets", lambda each: each["Id"])]
    if gone_ids:
        part.call("events", "RemoveTargets", Rule=name, Ids=gone_ids)
    if targets := part.get("Targets", []):
        failed = part.call("events", "PutTargets", Rule=name, Targets=targets)["FailedEntries"]
        if failed:
            raise ValueError(f"targets were refused: {failed}")
    return Made(f"rule {name}", name, {"Arn": arn})


def _delete_rule(part: Part) -> None:
    name, ids = part.physical_id, [target["Id"] for target in part.get("Targets", [])]
    if ids:
        gone(lambda: part.call("events", "RemoveTargets", Rule=name, Ids=ids))
    gone(lambda: part.call("events", "DeleteRule", Name=name))


KINDS: Mapping[str, Kind] = {
    "AWS::SNS::Topic": Kind(
        *(_make_topic, _delete_topic, names("TopicName DisplayName KmsMasterKeyId Subscription")),
        *(names("TopicName Subscription"), _change_topic),
    ),
    "AWS::SNS::TopicPolicy": Kind(
        *(_put_topic_policy, _delete_topic_policy, names("Topics PolicyDocument")),
        *(names("Topics"), _put_topic_policy),
    ),
    "AWS::SNS::Subscription": Kind(
        *(_subscribe, _unsubscribe),
        names(f"TopicArn Protocol Endpoint {' '.join(_SUBSCRIPTION_ATTRIBUTES)}"),
        names("TopicArn Protocol Endpoint"),
        _change_subscription,
    ),
    "AWS::Events::Rule": Kind(
        *(_put_rule, _delete_rule),
        names("Name Description ScheduleExpression State RoleArn EventPattern Targets"),
        names("Name"),
        _put_rule,
    ),
}
