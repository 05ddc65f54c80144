"""Schedules by a clock of the test's own, the control API, and the team's notifications."""

from __future__ import annotations

import json

import pytest
from platform_harness import ACCOUNT, wait_until

from sandbox.moto_services import notifications as moto_notifications
from sandbox.moto_services.notifications import Notifications
from sandbox.moto_services.schedules import Schedules, rate_seconds

REGION = "us-east-1"


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def scheduled(platform, request):
    """A function, and a rule of the same name that runs it every two minutes."""
    name = f"scheduled-{abs(hash(request.node.name))}"
    arn = platform.function(name)
    platform.allow_rules(arn)
    events = platform.client("events")
    events.put_rule(Name=name, ScheduleExpression="rate(2 minutes)")
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn}])
    yield name
    events.remove_targets(Rule=name, Ids=["1"])
    events.delete_rule(Name=name)


def runs(platform, name):
    return [r for r in platform.control("GET", "invocations")[1] if r["function"] == name]


def test_a_rate_runs_first_after_one_interval_and_then_in_its_rhythm(platform, scheduled):
    clock = Clock()
    schedules = Schedules(ACCOUNT, REGION, clock)
    due = []
    for second in range(0, 601, 30):
        clock.now = 1000.0 + second
        before = len(due)
        due += [second] * _fired(schedules, scheduled)
        assert len(due) - before <= 1
    assert due == [120, 240, 360, 480, 600]
    platform.invocations(scheduled, 5)


def _fired(schedules, name):
    """How often the rule ran in one tick."""
    fired = []
    original = schedules._fire
    schedules._fire = lambda rule: fired.append(rule.name)
    try:
        schedules.tick()
    finally:
        schedules._fire = original
    for one in fired:
        schedules.run(one)
    return fired.count(name)


def test_time_that_was_missed_is_not_made_up_for(platform, scheduled):
    clock = Clock()
    schedules = Schedules(ACCOUNT, REGION, clock)
    assert _fired(schedules, scheduled) == 0
    clock.now += 3600
    assert _fired(schedules, scheduled) == 1
    assert _fired(schedules, scheduled) == 1
    assert _fired(schedules, scheduled) == 0


def test_a_schedule_is_run_when_it_is_asked_for(platform, scheduled):
    status, answer = platform.control("POST", "schedules/run", {"rule": scheduled})
    assert (status, answer) == (200, {"rule": scheduled, "invoked": 1})
    (record,) = platform.invocations(scheduled)
    assert record["alias"] == "live"

    def printed():
        lines = platform.control("GET", f"logs?function={scheduled}")[1]
        return next((line[6:] for line in lines if line.startswith("EVENT ")), None)

    event = json.loads(wait_until(printed))
    assert (event["source"], event["detail-type"]) == ("aws.events", "Scheduled Event")
    assert event["resources"] == [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{scheduled}"]
    described = platform.control("GET", "schedules")[1]
    assert described["running"] is False
    (rule,) = [rule for rule in described["rules"] if rule["rule"] == scheduled]
    assert (rule["schedule"], rule["enabled"]) == ("rate(2 minutes)", True)
    assert rule["last_run"].endswith("Z")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"rule": "nobody"}, "there is no rule 'nobody' with a schedule"),
        ({}, "say which"),
        ([], "say which"),
    ],
)
def test_what_cannot_be_run_is_named(platform, body, problem):
    status, answer = platform.control("POST", "schedules/run", body)
    assert status == 400
    assert problem in answer["message"]


def test_a_disabled_schedule_does_not_run(platform, scheduled):
    platform.client("events").disable_rule(Name=scheduled)
    clock = Clock()
    schedules = Schedules(ACCOUNT, REGION, clock)
    schedules.tick()
    clock.now += 600
    assert _fired(schedules, scheduled) == 0
    status, answer = platform.control("POST", "schedules/run", {"rule": scheduled})
    assert (status, answer["message"]) == (400, f"rule '{scheduled}' is disabled")


def test_the_thread_ticks_until_it_is_closed():
    schedules = Schedules(ACCOUNT, REGION)
    ticks = []

    def tick():
        ticks.append(1)
        raise ValueError("the next one comes nevertheless")

    schedules.tick = tick
    schedules.start()
    try:
        assert schedules.all()["running"] is True
        wait_until(lambda: len(ticks) > 1)
    finally:
        schedules.close()
    assert not schedules._thread.is_alive()


@pytest.mark.parametrize(
    ("expression", "seconds"),
    [
        ("rate(1 minute)", 60),
        ("rate(5 minutes)", 300),
        ("rate(2 hours)", 7200),
        ("rate(1 day)", 86_400),
        ("rate(0 minutes)", None),
        ("cron(0 8 * * ? *)", None),
    ],
)
def test_rates_are_read(expression, seconds):
    assert rate_seconds(expression) == seconds


def test_a_cron_expression_says_that_it_does_not_run(platform):
    events = platform.client("events")
    events.put_rule(Name="cron", ScheduleExpression="cron(0 8 * * ? *)")
    rules = platform.control("GET", "schedules")[1]["rules"]
    (rule,) = [rule for rule in rules if rule["rule"] == "cron"]
    assert rule["problem"] == "only rate(...) runs by itself here"
    events.delete_rule(Name="cron")


def test_what_was_published_can_be_read_oldest_first(platform):
    sns = platform.client("sns")
    topic = sns.create_topic(Name="atlas-local-team")["TopicArn"]
    sns.publish(TopicArn=topic, Subject="Callback", Message='{"id": "x"}')
    sns.publish(TopicArn=topic, Message="second")
    first, second = platform.control("GET", "notifications")[1]
    assert (first["topic"], first["subject"]) == ("atlas-local-team", "Callback")
    assert (first["message"], second["message"]) == ('{"id": "x"}', "second")
    assert second["subject"] is None
    assert first["time"] <= second["time"]


def test_only_the_last_notifications_are_kept(monkeypatch):
    monkeypatch.setattr(moto_notifications, "KEPT", 2)
    kept = Notifications()
    for n in range(4):
        kept.add("team", None, str(n), "id")
    assert [one["message"] for one in kept.all()] == ["2", "3"]
    kept.clear()
    assert kept.all() == []


def test_the_key_of_the_stack_encrypts_what_is_kept(platform):
    kms = platform.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/atlas-local", TargetKeyId=key)
    secrets = platform.client("secretsmanager")
    secrets.create_secret(Name="s", SecretString="v", KmsKeyId="alias/atlas-local")
    assert secrets.get_secret_value(SecretId="s")["SecretString"] == "v"
    table = platform.client("dynamodb").create_table(
        TableName="encrypted",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        SSESpecification={
            "Enabled": True,
            "SSEType": "KMS",
            "KMSMasterKeyId": "alias/atlas-local",
        },
    )
    assert table["TableDescription"]["SSEDescription"]["Status"] == "ENABLED"
    blob = kms.encrypt(KeyId="alias/atlas-local", Plaintext=b"x")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
