"""How each row's fault is made on a stage, and mended again, by the row's name."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

from audited_stage import ABOUT, AuditedStage, package, until

from ops.alarms import alarm_names
from ops.audit.limits import LEAST_TURNS, PACKAGE_BYTES
from ops.stages import (
    CALL_ENDED,
    CREATE_LEAD,
    FULFILLMENT,
    GENERATE_ANSWER,
    LIVE,
    MODEL_ROUTES,
    RECOVER_LEADS,
    START_TRANSCRIPTION,
    UPDATE_LEAD,
    function_name,
    rule_name,
)

Break = Callable[[AuditedStage], contextlib.AbstractContextManager[None]]
BREAKS: dict[str, list[Break]] = {}
Maker = Callable[[AuditedStage], Iterator[None]]


def breaks(row: str) -> Callable[[Maker], Maker]:
    """Register one way to make a row fail; what follows the `yield` mends it."""

    def register(make: Maker) -> Maker:
        BREAKS.setdefault(row, []).append(contextlib.contextmanager(make))
        return make

    return register


# The way of a turn.


@breaks("lex-target")
def lex_calls_the_bare_function(stage: AuditedStage) -> Iterator[None]:
    stage.bind(stage.bot_version, stage.arn(FULFILLMENT))
    yield
    stage.bind(stage.bot_version, stage.arn(FULFILLMENT, LIVE))


@breaks("lex-target")
def lex_calls_a_version(stage: AuditedStage) -> Iterator[None]:
    stage.bind(stage.bot_version, stage.arn(FULFILLMENT, stage.live(FULFILLMENT)))
    yield
    stage.bind(stage.bot_version, stage.arn(FULFILLMENT, LIVE))


@breaks("lex-version")
def lex_stands_on_draft(stage: AuditedStage) -> Iterator[None]:
    stage.bind("DRAFT", stage.arn(FULFILLMENT, LIVE))
    yield
    stage.bind(stage.bot_version, stage.arn(FULFILLMENT, LIVE))


@breaks("live-aliases")
def a_shift_stopped_half_way(stage: AuditedStage) -> Iterator[None]:
    former = stage.live(UPDATE_LEAD)
    function = {"FunctionName": function_name("dev", UPDATE_LEAD)}
    stage.of("lambda").update_function_configuration(**function, Timeout=29)
    stage.move(UPDATE_LEAD, former, **{stage.publish(UPDATE_LEAD): 0.1})
    yield
    stage.move(UPDATE_LEAD, former)


@breaks("live-aliases")
def an_alias_is_gone(stage: AuditedStage) -> Iterator[None]:
    function, version = function_name("dev", UPDATE_LEAD), stage.live(UPDATE_LEAD)
    stage.of("lambda").delete_alias(FunctionName=function, Name=LIVE)
    yield
    stage.of("lambda").create_alias(FunctionName=function, Name=LIVE, FunctionVersion=version)


@breaks("live-provisioned")
def what_is_live_is_not_provisioned(stage: AuditedStage) -> Iterator[None]:
    stage.free(stage.live(FULFILLMENT))
    yield
    stage.provision(stage.live(FULFILLMENT))


@breaks("provisioned-ready")
def what_is_live_does_not_start(stage: AuditedStage) -> Iterator[None]:
    former, lambda_ = stage.live(FULFILLMENT), stage.of("lambda")
    function = {"FunctionName": function_name("dev", FULFILLMENT)}
    before = lambda_.get_function_configuration(**function)["Environment"]["Variables"]
    lambda_.update_function_configuration(
        **function, Environment={"Variables": before | {"FAILS": "1"}}
    )
    version = stage.publish(FULFILLMENT)
    stage.provision(version, "FAILED")
    stage.scale(version)
    stage.move(FULFILLMENT, version)
    stage.unscale(former)
    stage.free(former)
    yield
    lambda_.update_function_configuration(**function, Environment={"Variables": before})
    stage.provision(former)
    stage.scale(former)
    stage.move(FULFILLMENT, former)
    stage.unscale(version)
    stage.free(version)


@breaks("provisioned-elsewhere")
def a_version_that_nobody_meets_is_provisioned(stage: AuditedStage) -> Iterator[None]:
    function = {"FunctionName": function_name("dev", FULFILLMENT)}
    stage.of("lambda").update_function_configuration(**function, Timeout=9)
    version = stage.publish(FULFILLMENT)
    stage.provision(version)
    yield
    stage.free(version)


@breaks("lex-permission")
def lex_may_invoke_the_bare_function(stage: AuditedStage) -> Iterator[None]:
    stage.allow_lex("wide", SourceAccount="123456789012")
    yield
    stage.forbid(FULFILLMENT, "wide", "")


@breaks("lex-permission")
def any_bot_may_invoke(stage: AuditedStage) -> Iterator[None]:
    any_alias = "arn:aws:lex:us-east-1:123456789012:bot-alias/*"
    stage.allow_lex("wide", Qualifier=LIVE, SourceArn=any_alias)
    yield
    stage.forbid(FULFILLMENT, "wide")


@breaks("lex-permission")
def lex_may_not_invoke(stage: AuditedStage) -> Iterator[None]:
    stage.forbid(FULFILLMENT, "lex")
    yield
    stage.allow_lex()


# What else invokes functions.


@breaks("rules-on-live")
def a_rule_calls_the_bare_function(stage: AuditedStage) -> Iterator[None]:
    stage.rule(CALL_ENDED, "")
    yield
    stage.rule(CALL_ENDED, LIVE)


@breaks("rules-on-live")
def a_rule_is_disabled(stage: AuditedStage) -> Iterator[None]:
    rule = rule_name("dev", "recover-leads")
    stage.of("events").disable_rule(Name=rule)
    yield
    stage.of("events").enable_rule(Name=rule)


@breaks("rules-on-live")
def somebody_elses_rule_calls_the_bare_function(stage: AuditedStage) -> Iterator[None]:
    rule = stage.rule(RECOVER_LEADS, "", "somebody-elses")
    yield
    stage.of("events").remove_targets(Rule=rule, Ids=["only"])
    stage.of("events").delete_rule(Name=rule)


@breaks("rules-permitted")
def a_rule_may_not_invoke(stage: AuditedStage) -> Iterator[None]:
    stage.forbid(START_TRANSCRIPTION, f"rule-{rule_name('dev', 'recording-created')}")
    yield
    stage.allow_rule(START_TRANSCRIPTION)


def _redefined(stage: AuditedStage, change: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    definition = json.loads(json.dumps(stage.definition))
    change(definition)
    update = stage.of("stepfunctions").update_state_machine
    update(stateMachineArn=stage.machine, definition=json.dumps(definition))
    yield
    update(stateMachineArn=stage.machine, definition=json.dumps(stage.definition))


@breaks("tasks-on-live")
def a_task_calls_the_bare_function(stage: AuditedStage) -> Iterator[None]:
    def change(definition: dict[str, Any]) -> None:
        definition["States"]["UpdateLead"]["Parameters"]["FunctionName"] = stage.arn(UPDATE_LEAD)

    yield from _redefined(stage, change)


@breaks("invokes-on-live")
def an_invoke_goes_to_the_bare_function(stage: AuditedStage) -> Iterator[None]:
    bare = {"UPDATE_LEAD_FUNCTION": function_name("dev", UPDATE_LEAD)}
    with stage.changed(RECOVER_LEADS, Environment=bare):
        yield


# What was measured.


@breaks("spill-over")
def two_turns_meet_one_environment(stage: AuditedStage) -> Iterator[None]:
    with stage.changed(FULFILLMENT, Timeout=8):
        with stage.one_busy():
            stage.invoke({})
        yield


@breaks("utilisation")
def nearly_every_turn_meets_the_last_environment(stage: AuditedStage) -> Iterator[None]:
    with stage.changed(FULFILLMENT, Timeout=7) as version:
        stage.scale(version, 2)
        stage.provision(version, count=2)
        with stage.one_busy():
            for _ in range(LEAST_TURNS):
                stage.invoke({})
        yield


@breaks("scaling")
def nothing_scales(stage: AuditedStage) -> Iterator[None]:
    stage.unscale(stage.live(FULFILLMENT))
    yield
    stage.scale(stage.live(FULFILLMENT))


@breaks("scaling")
def another_version_is_scaled(stage: AuditedStage) -> Iterator[None]:
    function = {"FunctionName": function_name("dev", FULFILLMENT)}
    stage.of("lambda").update_function_configuration(**function, Timeout=6)
    version = stage.publish(FULFILLMENT)
    stage.scale(version)
    yield
    stage.unscale(version)


@breaks("cache-table")
def cached_answers_do_not_expire(stage: AuditedStage) -> Iterator[None]:
    stage.expiry(False)
    yield
    stage.expiry(True)


@breaks("cache-table")
def there_is_no_cache(stage: AuditedStage) -> Iterator[None]:
    stage.of("dynamodb").delete_table(TableName="atlas-dev-response-cache")
    yield
    stage.cache_table()


@breaks("hit-rate")
def most_answers_come_from_the_model(stage: AuditedStage) -> Iterator[None]:
    stage.measure("chat", {"AnswerSource.model": 1000.0})
    yield
    stage.measure("chat", {"AnswerSource.memory": 9000.0})


@breaks("scenario-in-session")
def each_phone_turn_reads_the_tables(stage: AuditedStage) -> Iterator[None]:
    stage.measure("phone", {"Turns": 1000.0, "PhoneScenario.made": 1000.0})
    yield
    stage.measure("phone", {"Turns": 9000.0})


# The functions' own settings.


@breaks("tracing-functions")
def a_function_passes_traces_through(stage: AuditedStage) -> Iterator[None]:
    with stage.changed(UPDATE_LEAD, TracingConfig={"Mode": "PassThrough"}):
        yield


@breaks("memory")
def a_function_has_little_memory(stage: AuditedStage) -> Iterator[None]:
    with stage.changed(CREATE_LEAD, MemorySize=128):
        yield


@breaks("time-outs")
def a_function_outlives_its_task(stage: AuditedStage) -> Iterator[None]:
    with stage.changed(CREATE_LEAD, Timeout=60):
        yield


@breaks("time-outs")
def fulfilment_outlives_lex(stage: AuditedStage) -> Iterator[None]:
    with stage.changed(FULFILLMENT, Timeout=30):
        yield


@breaks("time-outs")
def a_task_gives_up_before_its_function(stage: AuditedStage) -> Iterator[None]:
    def change(definition: dict[str, Any]) -> None:
        definition["States"]["UpdateLead"]["TimeoutSeconds"] = 20

    yield from _redefined(stage, change)


@breaks("max-tokens")
def every_intent_asks_for_512_tokens(stage: AuditedStage) -> Iterator[None]:
    routes = MODEL_ROUTES | {"simple": MODEL_ROUTES["simple"] | {"max_tokens": 512}}
    with stage.changed(FULFILLMENT, Environment={"MODEL_ROUTES": json.dumps(routes)}):
        yield


@breaks("models")
def turns_begin_with_the_larger_model(stage: AuditedStage) -> Iterator[None]:
    larger = MODEL_ROUTES["scenario"]["models"]
    routes = MODEL_ROUTES | {"conversation": MODEL_ROUTES["conversation"] | {"models": larger}}
    with stage.changed(FULFILLMENT, Environment={"MODEL_ROUTES": json.dumps(routes)}):
        yield


@breaks("package-size")
def a_package_is_large(stage: AuditedStage) -> Iterator[None]:
    function = {"FunctionName": function_name("dev", UPDATE_LEAD)}
    update, former = stage.of("lambda").update_function_code, stage.live(UPDATE_LEAD)
    update(**function, ZipFile=package(os.urandom(PACKAGE_BYTES)))
    stage.move(UPDATE_LEAD, stage.publish(UPDATE_LEAD))
    yield
    update(**function, ZipFile=package())
    stage.move(UPDATE_LEAD, former)


@breaks("log-level")
def a_function_logs_everything(stage: AuditedStage) -> Iterator[None]:
    with stage.changed(CALL_ENDED, Environment={"LOG_LEVEL": "DEBUG"}):
        yield


# The workflow.


@breaks("tracing-workflow")
def the_workflow_is_not_traced(stage: AuditedStage) -> Iterator[None]:
    update = stage.of("stepfunctions").update_state_machine
    update(stateMachineArn=stage.machine, tracingConfiguration={"enabled": False})
    yield
    update(stateMachineArn=stage.machine, tracingConfiguration={"enabled": True})


@breaks("workflow-parallel")
def the_scenario_waits_for_the_lead(stage: AuditedStage) -> Iterator[None]:
    def change(definition: dict[str, Any]) -> None:
        lead, scenario, _ = definition["States"]["LeadScenarioCall"]["Branches"]
        lead["States"]["CreateLead"].pop("End")
        lead["States"]["CreateLead"]["Next"] = "GenerateScenario"
        lead["States"] |= scenario["States"]
        scenario["States"] = {"Nothing": {"Type": "Pass", "End": True}}
        scenario["StartAt"] = "Nothing"

    yield from _redefined(stage, change)


@breaks("call-behind-nothing")
def something_stands_before_the_call(stage: AuditedStage) -> Iterator[None]:
    def change(definition: dict[str, Any]) -> None:
        call = definition["States"]["LeadScenarioCall"]["Branches"][2]
        call["States"]["Pause"] = {"Type": "Wait", "Seconds": 1, "Next": call["StartAt"]}
        call["StartAt"] = "Pause"

    yield from _redefined(stage, change)


@breaks("workflow-time-outs")
def a_task_waits_for_ever(stage: AuditedStage) -> Iterator[None]:
    def change(definition: dict[str, Any]) -> None:
        call = definition["States"]["LeadScenarioCall"]["Branches"][2]
        del call["States"]["InvokeCall"]["TimeoutSeconds"]

    yield from _redefined(stage, change)


@breaks("workflow-log")
def the_workflows_log_has_its_data(stage: AuditedStage) -> Iterator[None]:
    update = stage.of("stepfunctions").update_state_machine
    update(
        stateMachineArn=stage.machine,
        loggingConfiguration={"level": "ALL", "includeExecutionData": True},
    )
    yield
    update(
        stateMachineArn=stage.machine,
        loggingConfiguration={"level": "ALL", "includeExecutionData": False},
    )


# What runs.


def _saying(stage: AuditedStage, **changes: Any) -> Iterator[None]:
    stage.say(ABOUT | changes)
    yield
    stage.say(ABOUT)


@breaks("secret-cache")
def secrets_are_kept_for_a_moment(stage: AuditedStage) -> Iterator[None]:
    yield from _saying(stage, secret_cache_seconds=0)


@breaks("secret-cache")
def each_read_of_a_secret_asks_for_it(stage: AuditedStage) -> Iterator[None]:
    yield from _saying(stage, secrets={"reads": 40, "fetches": 40})


@breaks("connections")
def each_request_opens_a_connection(stage: AuditedStage) -> Iterator[None]:
    yield from _saying(stage, connections={"dynamodb": {"opened": 60, "requests": 60}})


@breaks("history")
def history_is_not_bounded(stage: AuditedStage) -> Iterator[None]:
    yield from _saying(stage, history_bytes=1_000_000)


# Who would hear of trouble.


@breaks("alarms-present")
def an_alarm_is_gone(stage: AuditedStage) -> Iterator[None]:
    name = alarm_names("dev")[0]
    stage.of("cloudwatch").delete_alarms(AlarmNames=[name])
    yield
    stage.alarm(name)


@breaks("alarms-wired")
def an_alarm_is_switched_off(stage: AuditedStage) -> Iterator[None]:
    name = alarm_names("dev")[0]
    stage.of("cloudwatch").disable_alarm_actions(AlarmNames=[name])
    yield
    stage.of("cloudwatch").enable_alarm_actions(AlarmNames=[name])


@breaks("alarms-wired")
def an_alarm_tells_nobody(stage: AuditedStage) -> Iterator[None]:
    name = alarm_names("dev")[0]
    stage.alarm(name, AlarmActions=[])
    yield
    stage.alarm(name)


@breaks("alarms-subscribed")
def nobody_is_subscribed(stage: AuditedStage) -> Iterator[None]:
    sns = stage.of("sns")
    (subscription,) = sns.list_subscriptions_by_topic(TopicArn=stage.topic)["Subscriptions"]
    sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    yield
    sns.subscribe(TopicArn=stage.topic, Protocol="email", Endpoint="team@example.com")


@breaks("personal-data")
def a_line_holds_a_number(stage: AuditedStage) -> Iterator[None]:
    stage.log(json.dumps({"message": "lead", "caller": "+14155550123"}))
    until(lambda: "personal-data" in stage.failing())
    yield
    logs, group = stage.of("logs"), f"/aws/lambda/{function_name('dev', GENERATE_ANSWER)}"
    for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]:
        logs.delete_log_stream(logGroupName=group, logStreamName=stream["logStreamName"])
