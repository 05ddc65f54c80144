"""Rules and S3's events: who is invoked, by which qualifier, with what, by whose permission."""

from __future__ import annotations

import json
import logging
import re
import time

import pytest
from platform_harness import ACCOUNT, wait_until

from sandbox.moto_services import event_rules

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.fixture
def name(request):
    """A name of the test's own: the platform is the module's."""
    return re.sub(r"\W", "-", request.node.name)[-40:].strip("-")


@pytest.fixture
def allowed(platform, name):
    """A function that any rule may invoke."""
    arn = platform.function(name)
    platform.allow_rules(arn)
    return arn


def put_rule(platform, name, arn, **settings):
    events = platform.client("events")
    target = settings.pop("target", {})
    rule = events.put_rule(Name=name, **settings)["RuleArn"]
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn, **target}])
    return rule


def put_event(platform, source, detail, **members):
    entry = {"Source": source, "DetailType": "Contact", "Detail": json.dumps(detail), **members}
    answer = platform.client("events").put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0


def seen_by(platform, function, count=1):
    """The events that the function has printed, once there are so many."""

    def printed():
        lines = platform.control("GET", f"logs?function={function}")[1]
        found = [json.loads(line[6:]) for line in lines if line.startswith("EVENT ")]
        return found if len(found) >= count else []

    return wait_until(printed)


def test_a_matching_event_reaches_the_alias_as_aws_shapes_it(platform, name, allowed):
    rule = put_rule(
        platform,
        name,
        allowed,
        EventPattern=json.dumps({"source": [name], "detail": {"type": ["END"]}}),
    )
    put_event(platform, name, {"type": "START"})
    put_event(platform, name, {"type": "END", "id": "x"}, Resources=["arn:aws:any"])
    (record,) = platform.invocations(name)
    assert (record["alias"], record["version"]) == ("live", "1")
    (event,) = seen_by(platform, name)
    assert event["detail"] == {"type": "END", "id": "x"}
    assert event["resources"] == ["arn:aws:any"]
    assert TIME.fullmatch(event["time"])
    assert set(event) == {
        *("version", "id", "detail-type", "source", "account", "time", "region"),
        *("resources", "detail"),
    }
    assert rule.endswith(f"rule/{name}")


def test_a_rule_without_permission_invokes_nothing_and_says_so(platform, name, caplog):
    arn = platform.function(name)
    platform.allow_rules(arn, "another-rule")
    put_rule(platform, name, arn, EventPattern=json.dumps({"source": [name]}))
    with caplog.at_level(logging.WARNING):
        put_event(platform, name, {})
    assert f"rule {name} did not invoke {arn}" in caplog.text
    platform.allow_rules(arn, name)
    put_event(platform, name, {"n": 2})
    (event,) = seen_by(platform, name)
    assert event["detail"] == {"n": 2}
    assert len(platform.invocations(name)) == 1


def test_permission_for_the_function_is_none_for_its_alias(platform, name, caplog):
    arn = platform.function(name)
    platform.allow_rules(arn.removesuffix(":live"))
    put_rule(platform, name, arn, EventPattern=json.dumps({"source": [name]}))
    put_event(platform, name, {})
    assert "did not invoke" in caplog.text


def test_a_rule_for_a_function_that_is_not_there_only_says_so(platform, name, caplog):
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:nowhere:live"
    put_rule(platform, name, arn, EventPattern=json.dumps({"source": [name]}))
    put_event(platform, name, {})
    assert "the function or alias is not there" in caplog.text


@pytest.mark.parametrize("kind", ["disabled", "schedule"])
def test_a_rule_that_is_disabled_or_only_a_schedule_matches_nothing(platform, name, allowed, kind):
    matching = {"EventPattern": json.dumps({"source": [name]})}
    settings = {
        "disabled": {"State": "DISABLED", **matching},
        "schedule": {"ScheduleExpression": "rate(5 minutes)"},
    }
    put_rule(platform, name, allowed, **settings[kind])
    put_rule(platform, f"{name}-last", allowed, **matching, target={"Input": '"last"'})
    put_event(platform, name, {})
    assert seen_by(platform, name) == ["last"]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"Input": '{"fixed": 1}'}, {"fixed": 1}),
        ({"InputPath": "$.detail"}, {"id": "x"}),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"id": "$.detail.id"},
                    "InputTemplate": '{"contact": "<id>"}',
                }
            },
            {"contact": "x"},
        ),
    ],
)
def test_a_targets_own_input_is_what_it_gets(platform, name, allowed, target, expected):
    put_rule(platform, name, allowed, EventPattern=json.dumps({"source": [name]}), target=target)
    put_event(platform, name, {"id": "x"})
    assert seen_by(platform, name) == [expected]


@pytest.mark.parametrize(
    "key",
    [
        "connect/2026/11/23/a b+c%25 d%.wav",
        "connect/a_20261123T22:05_UTC.wav",
        "connect/ünïcode/%2Fslash?query#hash.wav",
    ],
)
def test_an_objects_key_arrives_as_it_is(platform, name, allowed, key):
    bucket = f"bucket-{abs(hash(key))}"
    s3 = platform.client("s3")
    s3.create_bucket(Bucket=bucket)
    configuration: dict = {"EventBridgeConfiguration": {}}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [bucket]}, "object": {"key": [{"prefix": "connect/"}]}},
    }
    put_rule(platform, name, allowed, EventPattern=json.dumps(pattern))
    s3.put_object(Bucket=bucket, Key="elsewhere/a.wav", Body=b"no")
    s3.put_object(Bucket=bucket, Key=key, Body=b"sound")
    (event,) = seen_by(platform, name)
    detail = event["detail"]
    assert detail["object"]["key"] == key
    assert (detail["object"]["size"], detail["reason"]) == (5, "PutObject")
    assert set(detail["object"]) == {"key", "size", "etag", "sequencer"}
    assert detail["bucket"] == {"name": bucket}
    assert event["resources"] == [f"arn:aws:s3:::{bucket}"]
    assert TIME.fullmatch(event["time"])
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"sound"
    assert len(platform.invocations(name)) == 1


def test_events_of_s3_are_told_apart_and_follow_each_other(platform, name, allowed):
    s3 = platform.client("s3")
    s3.create_bucket(Bucket="ordered")
    configuration: dict = {"EventBridgeConfiguration": {}}
    s3.put_bucket_notification_configuration(
        Bucket="ordered", NotificationConfiguration=configuration
    )
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": ["ordered"]}}}
    put_rule(platform, name, allowed, EventPattern=json.dumps(pattern))
    s3.put_object(Bucket="ordered", Key="a", Body=b"1")
    s3.delete_object(Bucket="ordered", Key="a")
    events = seen_by(platform, name, 2)
    by_type = {event["detail-type"]: event for event in events}
    created, deleted = by_type["Object Created"], by_type["Object Deleted"]
    assert created["id"] != deleted["id"]
    sequencers = [event["detail"]["object"]["sequencer"] for event in (created, deleted)]
    assert sequencers == sorted(sequencers)
    assert deleted["detail"]["deletion-type"] == "Permanently Deleted"
    assert "size" not in deleted["detail"]["object"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "1970-01-01T00:00:00Z"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        (1_795_472_025.9, "2026-11-23T22:13:45Z"),
    ],
)
def test_times_have_one_form(value, expected):
    assert event_rules.iso_time(value) == expected


def test_a_missing_time_is_now():
    before = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    assert before <= event_rules.iso_time(None)
