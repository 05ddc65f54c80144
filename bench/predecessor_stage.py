"""A stage configured as the predecessor was, on a sandbox of its own, and what the audit says.

`python -m bench.predecessor_stage` exits 0 when the audit names every fault that made it slow.

A rebuild from what was reported: Lex on $LATEST, provisioned concurrency on another version,
PassThrough tracing, 128 MB, 512 tokens of a Sonnet-class model in every intent, no cache table, a
sequential workflow, no alarms. Names are Atlas's, and where Atlas reads a setting from a variable
the predecessor's value stands in that variable.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ops.audit.facts import Facts
from ops.audit.verb import Finding, audit, table
from ops.aws import clients
from ops.stages import (
    CREATE_LEAD,
    FULFILLMENT,
    GENERATE_SCENARIO,
    INVOKE_CALL,
    LIVE,
    bot_name,
    function_name,
    lead_workflow,
)
from ops.steps import Context
from ops.waiting import Waiter
from sandbox.conversation.child import ROOT, own_bare_sandbox
from sandbox.local_environment import aws_variables

STAGE = "prod"
# Enough for a rate to mean something.
TURNS = 24
PROVISIONED = 2
_STEPS = (CREATE_LEAD, GENERATE_SCENARIO, INVOKE_CALL)
_SONNET = "global.anthropic.claude-sonnet-4-6"
_ROUTE = {"models": [_SONNET], "max_tokens": 512, "characters": 600}
_TABLE = {_SONNET: {"first_ms": [750, 975], "hundred_characters_ms": [703, 914]}}
_VARIABLES = {
    "MODEL_ROUTES": json.dumps({"simple": _ROUTE, "conversation": _ROUTE, "scenario": _ROUTE}),
    "MODEL_TABLE": json.dumps(_TABLE),
}
_SOURCE = """
def handler(event, context):
    intent = {**event["sessionState"]["intent"], "state": "Fulfilled"}
    state = {"dialogAction": {"type": "Close"}, "intent": intent}
    return {
        "sessionState": state,
        "messages": [{"contentType": "PlainText", "content": "Hello."}],
    }
"""
_READY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Fault:
    """What was reported of the predecessor, and the rows that have to name it."""

    reported: str
    rows: tuple[str, ...]


FAULTS = (
    Fault("Lex on $LATEST", ("lex-target", "live-provisioned")),
    Fault("provisioned concurrency on another version", ("provisioned-elsewhere", "utilisation")),
    Fault("PassThrough tracing", ("tracing-functions", "tracing-workflow")),
    Fault("128 MB", ("memory",)),
    Fault("a Sonnet-class model in every intent", ("models",)),
    Fault("512 tokens", ("max-tokens",)),
    Fault("no cache table", ("cache-table",)),
    Fault("a sequential workflow", ("workflow-parallel", "call-behind-nothing")),
    Fault("functions without alias", ("live-aliases", "tasks-on-live")),
    Fault("nobody hears of trouble", ("alarms-present", "alarms-subscribed")),
)


def lay_down(of: Callable[[str], Any]) -> None:
    """Configure an empty account so; `of` gives the client of a service."""
    role = of("iam").create_role(RoleName="predecessor", AssumeRolePolicyDocument="{}")
    role_arn = role["Role"]["Arn"]
    for name in (FULFILLMENT, *_STEPS):
        _function(of("lambda"), name, role_arn)
    _provision_another_version(of("lambda"))
    _workflow(of("stepfunctions"), of("lambda"), role_arn)
    _lex(of)


def _function(lambda_: Any, name: str, role_arn: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", _SOURCE)
    lambda_.create_function(
        FunctionName=function_name(STAGE, name),
        Role=role_arn,
        Runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
        Handler="app.handler",
        Timeout=30,
        MemorySize=128,
        TracingConfig={"Mode": "PassThrough"},
        Environment={"Variables": _VARIABLES},
        Code={"ZipFile": buffer.getvalue()},
    )


def _provision_another_version(lambda_: Any) -> None:
    function = {"FunctionName": function_name(STAGE, FULFILLMENT)}
    version = {**function, "Qualifier": lambda_.publish_version(**function)["Version"]}
    lambda_.put_provisioned_concurrency_config(
        **version, ProvisionedConcurrentExecutions=PROVISIONED
    )
    # What was deployed since is on $LATEST alone.
    lambda_.update_function_configuration(**function, Timeout=29)
    get = lambda_.get_provisioned_concurrency_config
    _wait("the provisioned concurrency", lambda: get(**version)["Status"] == "READY")


def _workflow(stepfunctions: Any, lambda_: Any, role_arn: str) -> None:
    """CreateLead, then GenerateScenario, then InvokeCall, each on the bare function."""
    arns = [
        lambda_.get_function_configuration(FunctionName=function_name(STAGE, name))["FunctionArn"]
        for name in _STEPS
    ]
    states = {
        name: {"Type": "Task", "Resource": arn, **({"Next": after} if after else {"End": True})}
        for name, arn, after in zip(_STEPS, arns, (*_STEPS[1:], ""), strict=True)
    }
    definition = {"StartAt": _STEPS[0], "States": states}
    stepfunctions.create_state_machine(
        name=lead_workflow(STAGE), roleArn=role_arn, definition=json.dumps(definition)
    )


def _lex(of: Callable[[str], Any]) -> None:
    """The bot's alias calls the function without a qualifier, which is $LATEST."""
    bot_id = _bot(of)
    lex, function = of("lexv2-models"), function_name(STAGE, FULFILLMENT)
    bare = of("lambda").get_function_configuration(FunctionName=function)["FunctionArn"]
    of("lambda").add_permission(
        FunctionName=function,
        StatementId="lex",
        Action="lambda:InvokeFunction",
        Principal="lexv2.amazonaws.com",
    )
    hook = {"lambdaARN": bare, "codeHookInterfaceVersion": "1.0"}
    setting = {"enabled": True, "codeHookSpecification": {"lambdaCodeHook": hook}}
    lex.create_bot_alias(
        botId=bot_id,
        botAliasName=LIVE,
        botVersion=_bot_version(lex, bot_id),
        botAliasLocaleSettings={"en_US": setting},
    )


def _bot(of: Callable[[str], Any]) -> str:
    cloudformation, stack = of("cloudformation"), f"predecessor-{STAGE}-bot"
    cloudformation.create_stack(
        StackName=stack,
        TemplateBody=(ROOT / "infra" / "lex_bot.yaml").read_text(encoding="utf-8"),
        Parameters=[{"ParameterKey": "Stage", "ParameterValue": STAGE}],
        Capabilities=["CAPABILITY_IAM"],
    )

    def is_made() -> bool:
        (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        return bool(described["StackStatus"] == "CREATE_COMPLETE")

    _wait("the bot's stack", is_made)
    bots = of("lexv2-models").list_bots()["botSummaries"]
    return next(str(bot["botId"]) for bot in bots if bot["botName"] == bot_name(STAGE))


def _bot_version(lex: Any, bot_id: str) -> str:
    draft = {"en_US": {"sourceBotVersion": "DRAFT"}}
    made = lex.create_bot_version(botId=bot_id, botVersionLocaleSpecification=draft)
    version = {"botId": bot_id, "botVersion": made["botVersion"]}
    describe = lex.describe_bot_version
    _wait("the bot's version", lambda: describe(**version)["botStatus"] == "Available")
    return str(made["botVersion"])


def talk(of: Callable[[str], Any]) -> None:
    """TURNS turns of visitors, as Lex takes them."""
    lex = of("lexv2-models")
    bots = lex.list_bots()["botSummaries"]
    bot_id = next(bot["botId"] for bot in bots if bot["botName"] == bot_name(STAGE))
    aliases = lex.list_bot_aliases(botId=bot_id)["botAliasSummaries"]
    alias_id = next(alias["botAliasId"] for alias in aliases if alias["botAliasName"] == LIVE)
    for turn in range(TURNS):
        of("lexv2-runtime").recognize_text(
            botId=bot_id,
            botAliasId=alias_id,
            localeId="en_US",
            sessionId=f"visitor-{turn}",
            text="hello",
        )


def _wait(what: str, holds: Callable[[], bool]) -> None:
    end = time.monotonic() + _READY_SECONDS
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} took over {_READY_SECONDS:.0f} s")
        time.sleep(0.05)


def unnamed(findings: list[Finding]) -> list[Fault]:
    """The faults of which some row does not fail."""
    failed = {finding.row.name for finding in findings if finding.verdict.status == "fail"}
    return [fault for fault in FAULTS if not failed.issuperset(fault.rows)]


def findings() -> list[Finding]:
    """The audit of such a stage, on a sandbox that ends with this."""
    with own_bare_sandbox(lambda line: None) as endpoint:
        before = dict(os.environ)
        os.environ.update(aws_variables(endpoint))
        try:
            made = clients(STAGE)
            lay_down(made.of)
            talk(made.of)
            return audit(Facts(Context(STAGE, made, Waiter(print), dry_run=True)))
        finally:
            os.environ.clear()
            os.environ.update(before)


def main() -> int:
    """Print the audit and, of each reported fault, the rows that name it."""
    found = findings()
    print(table(found))
    missing = unnamed(found)
    print(f"\n{'reported of the predecessor':<46} named by")
    for fault in FAULTS:
        mark = "NOT NAMED: " if fault in missing else ""
        print(f"{fault.reported:<46} {mark}{', '.join(fault.rows)}")
    return int(bool(missing))


if __name__ == "__main__":
    sys.exit(main())
