"""The IAM policy of each stage and function: what `ops/access.py` says, as documents.

Region and account stay `*`, because one file serves every account that the stage is deployed to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ops.access import ACCESS, Access, Verbs
from ops.stages import (
    APP,
    LIVE,
    MODEL_ROUTES,
    LambdaFunction,
    function_name,
    lead_workflow,
    secret,
    table,
    team_topic,
)
from ops.team import team

Statement = dict[str, Any]

# Only these tables are encrypted with the stage's own key, in infra/tables.yaml.
TABLES_WITH_KEY = ("leads", "scenario-cache")
_EXECUTION_ACTIONS = ("StopExecution",)
_STARTS_A_JOB = "StartTranscriptionJob"


def policy(stage: str, function: LambdaFunction) -> dict[str, Any]:
    """The policy document that Chalice attaches verbatim to the function's role."""
    access = ACCESS[function.name]
    statements = [_logs(stage, function), _tracing()]
    for part in _PARTS:
        statements += part(stage, access)
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(sid: str, actions: list[str], resources: list[str]) -> Statement:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}


def _actions(service: str, verbs: Verbs) -> list[str]:
    return [f"{service}:{verb}" for verb in verbs]


def _sid(prefix: str, name: str) -> str:
    words = name.replace("/", "-").replace("_", "-").split("-")
    return prefix + "".join(word.capitalize() for word in words)


def _logs(stage: str, function: LambdaFunction) -> Statement:
    # Log streams are named by Lambda at run time, so the last part has to stay open:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
    group = f"arn:aws:logs:*:*:log-group:/aws/lambda/{function_name(stage, function.name)}"
    return _allow("OwnLogGroup", ["logs:CreateLogStream", "logs:PutLogEvents"], [f"{group}:*"])


def _tracing() -> Statement:
    # X-Ray offers no resource to restrict these two actions to.
    return _allow("Tracing", ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], ["*"])


def _tables(stage: str, access: Access) -> Iterator[Statement]:
    for name, verbs in access.tables.items():
        arn = f"arn:aws:dynamodb:*:*:table/{table(stage, name)}"
        yield _allow(_sid("Table", name), _actions("dynamodb", verbs), [arn])


def _models(stage: str, access: Access) -> Iterator[Statement]:
    # ConverseStream, the only call that Atlas makes, is authorised as this action.
    model_ids = dict.fromkeys(m for route in access.routes for m in MODEL_ROUTES[route]["models"])
    arns = dict.fromkeys(arn for model_id in model_ids for arn in _model_arns(model_id))
    if arns:
        yield _allow("Models", ["bedrock:InvokeModelWithResponseStream"], list(arns))


def _model_arns(model_id: str) -> list[str]:
    """The profile and the model behind it; a `global.` profile also needs the region-less one."""
    scope, _, model = model_id.partition(".")
    if scope == "anthropic":
        return [f"arn:aws:bedrock:*::foundation-model/{model_id}"]
    arns = [
        f"arn:aws:bedrock:*:*:inference-profile/{model_id}",
        f"arn:aws:bedrock:*::foundation-model/{model}",
    ]
    return [*arns, f"arn:aws:bedrock:::foundation-model/{model}"] if scope == "global" else arns


def _invokes(stage: str, access: Access) -> Iterator[Statement]:
    for name in access.invokes:
        arn = f"arn:aws:lambda:*:*:function:{function_name(stage, name)}:{LIVE}"
        yield _allow(_sid("Invoke", name), ["lambda:InvokeFunction"], [arn])


def _secrets(stage: str, access: Access) -> Iterator[Statement]:
    # Secrets Manager ends a secret's ARN with six characters of its own choice.
    for name in access.secrets:
        arn = f"arn:aws:secretsmanager:*:*:secret:{secret(stage, name)}-??????"
        yield _allow(_sid("Secret", name), ["secretsmanager:GetSecretValue"], [arn])


def _workflow(stage: str, access: Access) -> Iterator[Statement]:
    # A task token belongs to a state machine, so SendTaskSuccess takes nothing narrower.
    on_machine = tuple(v for v in access.workflow if v not in _EXECUTION_ACTIONS)
    on_execution = tuple(v for v in access.workflow if v in _EXECUTION_ACTIONS)
    name = lead_workflow(stage)
    if on_machine:
        arn = f"arn:aws:states:*:*:stateMachine:{name}"
        yield _allow("Workflow", _actions("states", on_machine), [arn])
    if on_execution:
        arn = f"arn:aws:states:*:*:execution:{name}:*"
        yield _allow("Executions", _actions("states", on_execution), [arn])


def _calls(stage: str, access: Access) -> Iterator[Statement]:
    """Nothing until the team has an instance; `invoke_call` says so when it starts."""
    instance = team(stage).connect_instance_id
    if access.calls and instance:
        arn = f"arn:aws:connect:*:*:instance/{instance}"
        yield _allow("Calls", _actions("connect", access.calls), [arn, f"{arn}/contact/*"])


def _transcription(stage: str, access: Access) -> Iterator[Statement]:
    if access.transcription:
        arn = f"arn:aws:transcribe:*:*:transcription-job/{APP}-{stage}-*"
        yield _allow("Transcription", _actions("transcribe", access.transcription), [arn])


def _objects(stage: str, access: Access) -> Iterator[Statement]:
    # The bucket's name ends with the account, which this file does not know: the condition keeps
    # a bucket of somebody else's with such a name out.
    for prefix, verbs in access.objects.items():
        arn = f"arn:aws:s3:::{APP}-{stage}-recordings-*/{prefix}/*"
        statement = _allow(_sid("Objects", prefix), _actions("s3", verbs), [arn])
        ours = {"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}
        yield statement | {"Condition": ours}


def _team(stage: str, access: Access) -> Iterator[Statement]:
    if access.tells_the_team:
        yield _allow("Team", ["sns:Publish"], [f"arn:aws:sns:*:*:{team_topic(stage)}"])


def _keys(stage: str, access: Access) -> Iterator[Statement]:
    """The stage's key, only through the services that encrypt with it for this function."""
    reads = {v for verbs in access.objects.values() for v in verbs} & {"GetObject"}
    writes = {v for verbs in access.objects.values() for v in verbs} & {"PutObject"}
    if set(access.tables) & set(TABLES_WITH_KEY):
        yield _key(stage, "dynamodb", ("Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey"))
    if access.secrets:
        yield _key(stage, "secretsmanager", ("Decrypt",))
    if reads or writes:
        yield _key(stage, "s3", ("Decrypt", "GenerateDataKey") if writes else ("Decrypt",))
    if _STARTS_A_JOB in access.transcription:
        # Transcribe encrypts the transcript with the rights of whoever starts the job.
        yield _key(stage, "transcribe", ("Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey"))
    if access.tells_the_team:
        yield _key(stage, "sns", ("Decrypt", "GenerateDataKey"))


def _key(stage: str, service: str, verbs: Verbs) -> Statement:
    # IAM takes no alias as a resource: the condition names it instead, and the service.
    statement = _allow(_sid("Key", service), _actions("kms", verbs), ["arn:aws:kms:*:*:key/*"])
    return statement | {
        "Condition": {
            "StringLike": {"kms:ViaService": f"{service}.*.amazonaws.com"},
            "ForAnyValue:StringEquals": {"kms:ResourceAliases": f"alias/{APP}-{stage}"},
        }
    }


_PARTS: tuple[Callable[[str, Access], Iterator[Statement]], ...] = (
    _tables,
    _models,
    _invokes,
    _secrets,
    _workflow,
    _calls,
    _transcription,
    _objects,
    _team,
    _keys,
)
