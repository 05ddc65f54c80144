"""The IAM policy of each stage and function: what it calls, on what it calls it, nothing else.

Region and account stay `*`, because one file serves every account that the stage is deployed to.
"""

from __future__ import annotations

from typing import Any

from ops.stages import LIVE, MODEL_ROUTES, LambdaFunction, function_name, response_cache_table

Statement = dict[str, Any]


def policy(stage: str, function: LambdaFunction) -> dict[str, Any]:
    """The policy document that Chalice attaches verbatim to the function's role."""
    statements = [
        _logs(stage, function),
        _tracing(),
        _response_cache(stage),
        _models(function.routes),
        *(_invoke(stage, name) for name in function.invokes),
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(sid: str, actions: list[str], resources: list[str]) -> Statement:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}


def _logs(stage: str, function: LambdaFunction) -> Statement:
    # Log streams are named by Lambda at run time, so the last part has to stay open:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
    group = f"arn:aws:logs:*:*:log-group:/aws/lambda/{function_name(stage, function.name)}"
    return _allow("OwnLogGroup", ["logs:CreateLogStream", "logs:PutLogEvents"], [f"{group}:*"])


def _tracing() -> Statement:
    # X-Ray offers no resource to restrict these two actions to.
    return _allow("Tracing", ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], ["*"])


def _response_cache(stage: str) -> Statement:
    table = f"arn:aws:dynamodb:*:*:table/{response_cache_table(stage)}"
    return _allow("ResponseCache", ["dynamodb:GetItem", "dynamodb:UpdateItem"], [table])


def _invoke(stage: str, name: str) -> Statement:
    arn = f"arn:aws:lambda:*:*:function:{function_name(stage, name)}:{LIVE}"
    sid = "Invoke" + "".join(part.capitalize() for part in name.split("_"))
    return _allow(sid, ["lambda:InvokeFunction"], [arn])


def _models(routes: tuple[str, ...]) -> Statement:
    # ConverseStream, the only call that Atlas makes, is authorised as this action.
    model_ids = dict.fromkeys(m for route in routes for m in MODEL_ROUTES[route]["models"])
    arns = dict.fromkeys(arn for model_id in model_ids for arn in _model_arns(model_id))
    actions = ["bedrock:InvokeModelWithResponseStream"]
    return _allow("Models", actions, list(arns))


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
