"""Every policy of Atlas: no wildcard without a written reason, and clean for a linter of others."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ops import stage_files
from ops.stages import FUNCTIONS, STAGES
from tests.templates import TEMPLATES, resources

Statement = dict[str, Any]
Policy = tuple[str, list[Statement]]

# One file serves every account and region that the stage is deployed to. An ARN of somebody else's
# account needs that account's consent as well; only S3's bucket names are everybody's.
_OPEN_BY_DESIGN = re.compile(r"^(arn:aws:[a-z0-9-]+):(?:\*:\*|\*:):")


@dataclass(frozen=True, slots=True)
class Wildcard:
    """A text with `*` or `?` that may stand in a policy; `closed_by`: its condition's operators."""

    where: str
    text: str
    reason: str
    closed_by: frozenset[str] = frozenset()
    part: str = "Resource"

    def covers(self, name: str, part: str, text: str, statement: Statement) -> bool:
        fits = re.fullmatch(self.where, name) and re.fullmatch(self.text, text)
        is_closed = self.closed_by <= set(statement.get("Condition", {}))
        return bool(fits) and part == self.part and is_closed


_FUNCTION = "policy-[a-z]+-[a-z_]+"
_OF_ATLAS = "atlas-(?:local|dev|prod)"
_TLS = frozenset(("Bool",))
WILDCARDS = (
    Wildcard(
        _FUNCTION,
        rf"arn:aws:logs:log-group:/aws/lambda/{_OF_ATLAS}-[a-z_]+:\*",
        "Lambda names the log streams of the function's own group while it runs.",
    ),
    Wildcard(
        _FUNCTION + "|WorkflowRole",
        r"\*",
        "X-Ray, Polly and the delivery of logs offer no resource; which actions, see below.",
    ),
    Wildcard("BotRole", r"\*", "polly:SynthesizeSpeech offers lexicons alone as a resource."),
    Wildcard(
        _FUNCTION,
        r"arn:aws:secretsmanager:secret:atlas/(?:local|dev|prod)/[a-z-]+-\?{6}",
        "Secrets Manager ends an ARN with six characters of its own choice.",
    ),
    Wildcard(
        _FUNCTION,
        rf"arn:aws:states:execution:{_OF_ATLAS}-lead-workflow:\*",
        "Executions of the stage's own state machine are named when they start.",
    ),
    Wildcard(
        _FUNCTION,
        rf"arn:aws:transcribe:transcription-job/{_OF_ATLAS}-\*",
        "Jobs are named after the interaction, behind the stage's own prefix.",
    ),
    Wildcard(
        _FUNCTION,
        r"arn:aws:connect:instance/[0-9a-f-]{36}/contact/\*",
        "Contacts of the team's own instance get their ids from Connect.",
    ),
    Wildcard(
        _FUNCTION,
        r"arn:aws:kms:key/\*",
        "IAM takes no alias as a resource; alias and service are conditions.",
        frozenset(("StringLike", "ForAnyValue:StringEquals")),
    ),
    Wildcard(
        _FUNCTION,
        rf"arn:aws:s3:::{_OF_ATLAS}-recordings-\*/(?:connect|transcripts)/\*",
        "The bucket ends with the account, which is a condition; objects are named after calls.",
        frozenset(("StringEquals",)),
    ),
    Wildcard(
        "Key",
        r"kms:\*",
        "The account's administrators; without it nobody could mend the key.",
        part="Action",
    ),
    Wildcard("Key", r"\*", "In a key's policy, `*` is that key."),
    *(
        Wildcard("RecordingsPolicy", text, "Denies all to all without TLS.", _TLS, part)
        for part, text in (
            ("Action", r"s3:\*"),
            ("Principal", r"\*"),
            ("Resource", r"<Recordings\.Arn>/\*"),
        )
    ),
    Wildcard(
        "RecordingsPolicy",
        r"<Recordings\.Arn>/connect/\*",
        "Connect names its recordings; the instance is a condition.",
        frozenset(("StringEquals", "ArnEquals")),
    ),
)
# Of these AWS says that they take no resource:
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonpolly.html
WITHOUT_RESOURCE = {
    *("xray:PutTraceSegments", "xray:PutTelemetryRecords"),
    *("xray:GetSamplingRules", "xray:GetSamplingTargets"),
    *("logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery"),
    *("logs:DeleteLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy"),
    *("logs:DescribeResourcePolicies", "logs:DescribeLogGroups", "polly:SynthesizeSpeech"),
}


def of_functions() -> Iterator[Policy]:
    folder = stage_files.ROOT / stage_files.CHALICE_FOLDER
    for stage in STAGES:
        for function in FUNCTIONS:
            path = folder / stage_files.policy_file(stage, function.name)
            yield path.stem, json.loads(path.read_text(encoding="utf-8"))["Statement"]


def of_roles(stage: str = "prod") -> Iterator[Policy]:
    for name in TEMPLATES:
        for role, properties in resources(name, "AWS::IAM::Role", stage).items():
            for policy in properties["Policies"]:
                yield role, policy["PolicyDocument"]["Statement"]


def of_resources(stage: str = "prod") -> Iterator[Policy]:
    for name in TEMPLATES:
        for key, properties in resources(name, "AWS::KMS::Key", stage).items():
            yield key, properties["KeyPolicy"]["Statement"]
        for kind in ("AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy"):
            for policy, properties in resources(name, kind, stage).items():
                yield policy, properties["PolicyDocument"]["Statement"]


ALL = [*of_functions(), *of_roles(), *of_resources()]


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in texts(item)]
    return [value] if isinstance(value, str) else list(value or ())


def wildcards(statement: Statement) -> Iterator[tuple[str, str]]:
    for part in ("Action", "Resource", "Principal"):
        for text in texts(statement.get(part)):
            closed = _OPEN_BY_DESIGN.sub(r"\1:", text)
            if "*" in closed or "?" in closed:
                yield part, closed


def unexplained(policies: list[Policy]) -> list[tuple[str, str]]:
    return [
        (name, text)
        for name, statements in policies
        for statement in statements
        for part, text in wildcards(statement)
        if not any(wildcard.covers(name, part, text, statement) for wildcard in WILDCARDS)
    ]


def test_no_wildcard_stands_without_a_reason() -> None:
    assert unexplained(ALL) == []


def test_no_reason_is_left_over_from_a_wildcard_that_is_gone() -> None:
    found = [(n, *each, s) for n, statements in ALL for s in statements for each in wildcards(s)]
    for wildcard in WILDCARDS:
        assert any(wildcard.covers(*each) for each in found), wildcard.reason


@pytest.mark.parametrize(("name", "statements"), [*of_functions(), *of_roles()])
def test_every_resource_is_meant_only_by_actions_that_take_none(
    name: str, statements: list[Statement]
) -> None:
    for statement in statements:
        if "*" in texts(statement["Resource"]):
            assert set(texts(statement["Action"])) <= WITHOUT_RESOURCE, name


@pytest.mark.parametrize(
    "resource",
    [
        "*",
        "arn:*",
        "arn:aws:dynamodb:*:*:table/*",
        "arn:aws:dynamodb:*:*:table/atlas-*",
        "arn:aws:dynamodb:*:*:table/atlas-prod-leads/index/*",
        "arn:aws:states:*:*:execution:*:*",
        "arn:aws:states:*:*:stateMachine:*",
        "arn:aws:transcribe:*:*:transcription-job/*",
        "arn:aws:connect:*:*:instance/*/contact/*",
        "arn:aws:connect:*:*:instance//contact/*",
        "arn:aws:kms:*:*:key/*",
        "arn:aws:lambda:*:*:function:atlas-prod-*:live",
        "arn:aws:lambda:*:*:function:atlas-prod-update_lead:*",
        "arn:aws:bedrock:*::foundation-model/*",
        "arn:aws:secretsmanager:*:*:secret:atlas/prod/*",
        "arn:aws:s3:::atlas-prod-recordings-*/connect/*",
        "arn:aws:s3:::*/connect/*",
    ],
)
def test_a_wider_resource_would_be_noticed(resource: str) -> None:
    statement = {"Effect": "Allow", "Action": ["dynamodb:GetItem"], "Resource": [resource]}
    is_explained = not unexplained([("policy-prod-create_lead", [statement])])
    assert is_explained is (resource == "*"), "of `*` the actions are looked at"


@pytest.mark.parametrize("action", ["*", "dynamodb:*", "dynamodb:Get*", "s3:???Object"])
def test_a_wider_action_would_be_noticed(action: str) -> None:
    arn = "arn:aws:dynamodb:*:*:table/atlas-prod-leads"
    statement = {"Effect": "Allow", "Action": [action], "Resource": [arn]}
    found = unexplained([("policy-prod-create_lead", [statement])])
    assert found == [("policy-prod-create_lead", action)]


# What the linter says of policies that are as they have to be, each with the reason.
ACCEPTED = {
    # It wants an ARN of every kind that the action may be used on. Ours has two of them.
    ("RESOURCE_MISMATCH", "bedrock:InvokeModelWithResponseStream"),
    # Its list knows no resource. AWS does ask about the state machine: refusals name it
    # (https://github.com/NOAA-OWP/hydrovis/issues/837), and a grant on it was tried and suffices
    # (https://github.com/aws/aws-cdk/pull/8486).
    ("RESOURCE_MISMATCH", "states:SendTaskSuccess"),
    # Its list knows no resource. AWS asks about the job: refusals name `transcription-job/<name>`.
    ("RESOURCE_MISMATCH", "transcribe:StartTranscriptionJob"),
    # A condition of the key, not of the action, so its table of actions does not have it:
    # https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
    *(
        ("UNKNOWN_CONDITION_FOR_ACTION", f"Unknown condition kms:ResourceAliases for action {verb}")
        for verb in ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey")
    ),
}


@pytest.fixture
def linted(tmp_path: Path) -> Any:
    """The linter's findings on policies, by one run of it: it warns when it is imported."""

    def lint(policies: list[Policy]) -> list[dict[str, Any]]:
        for number, (name, statements) in enumerate(policies):
            document = {"Version": "2012-10-17", "Statement": statements}
            (tmp_path / f"{number}-{name}.json").write_text(json.dumps(document))
        command = [sys.executable, "-W", "ignore", "-m", "parliament.cli", "--json"]
        run = subprocess.run(
            [*command, "--directory", str(tmp_path)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert not run.stderr, run.stderr
        return [json.loads(line) for line in run.stdout.splitlines()]

    return lint


def what(finding: dict[str, Any]) -> set[tuple[str, str]]:
    detail = finding["detail"]
    about = {d["action"] for d in detail} if isinstance(detail, list) else {str(detail)}
    return {(finding["issue"], each) for each in about}


def test_an_independent_linter_finds_nothing_else(linted: Any) -> None:
    found = [what(finding) for finding in linted([*of_functions(), *of_roles()])]
    assert set().union(*found) == ACCEPTED


def test_what_the_linter_misses_of_bedrock_is_none_of_ours(linted: Any) -> None:
    findings = [f for f in linted(list(of_functions())) if "bedrock" in str(f["detail"])]
    missing = {d["required_format"].rpartition(":")[2] for f in findings for d in f["detail"]}
    assert not {"foundation-model/*", "inference-profile/*"} & missing
    assert "provisioned-model/*" in missing


def test_the_linter_would_find_something(linted: Any) -> None:
    wide = {"Effect": "Allow", "Action": "s3:GetObjekt", "Resource": "*"}
    assert {f["issue"] for f in linted([("wide", [wide])])} == {"UNKNOWN_ACTION"}
