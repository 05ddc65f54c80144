"""Every way in which a call can be named: target, action, RPC path, REST route, presigned URL."""

from __future__ import annotations

import pytest

from sandbox.http_message import HttpRequest
from sandbox.routes import identify, signing_name

SIGNED = (
    "AWS4-HMAC-SHA256 Credential=sandbox/20261123/us-east-1/{}/aws4_request, SignedHeaders=host, "
    "Signature=abc"
)


def request(
    service: str | None, method: str, path: str, query: str = "", body: bytes = b"", **headers: str
) -> HttpRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if service:
        named["authorization"] = SIGNED.format(service)
    return HttpRequest(method, path, query, named, body)


FORM = "application/x-www-form-urlencoded; charset=utf-8"
LEX = "/bots/ABCDEFGHIJ/botAliases/KLMNOPQRST/botLocales/en_US/sessions/me"

CALLS = [
    (
        request("dynamodb", "POST", "/", x_amz_target="DynamoDB_20120810.GetItem"),
        "dynamodb.GetItem",
    ),
    (
        request("dynamodb", "POST", "/", x_amz_target="DynamoDBStreams_20120810.GetRecords"),
        "dynamodbstreams.GetRecords",
    ),
    (
        request("secretsmanager", "POST", "/", x_amz_target="secretsmanager.GetSecretValue"),
        "secretsmanager.GetSecretValue",
    ),
    (
        request("states", "POST", "/", x_amz_target="AWSStepFunctions.StartExecution"),
        "stepfunctions.StartExecution",
    ),
    (request("events", "POST", "/", x_amz_target="AWSEvents.PutEvents"), "events.PutEvents"),
    (
        request("sts", "POST", "/", body=b"Action=GetCallerIdentity", content_type=FORM),
        "sts.GetCallerIdentity",
    ),
    (request("sts", "GET", "/", "Action=GetCallerIdentity"), "sts.GetCallerIdentity"),
    (
        request("monitoring", "POST", "/service/Granite/operation/PutMetricData"),
        "cloudwatch.PutMetricData",
    ),
    (
        request("monitoring", "POST", "/", body=b"Action=PutMetricData", content_type=FORM),
        "cloudwatch.PutMetricData",
    ),
    (
        request("lambda", "POST", "/2015-03-31/functions/f%3Alive/invocations"),
        "lambda.Invoke",
    ),
    (request("lambda", "GET", "/2015-03-31/functions"), "lambda.ListFunctions"),
    (request("lambda", "GET", "/2015-03-31/functions/"), "lambda.ListFunctions"),
    (
        request("lambda", "GET", "/2019-09-30/functions/f/provisioned-concurrency", "List=ALL"),
        "lambda.ListProvisionedConcurrencyConfigs",
    ),
    (
        request("lambda", "GET", "/2019-09-30/functions/f/provisioned-concurrency", "Qualifier=1"),
        "lambda.GetProvisionedConcurrencyConfig",
    ),
    (request("lex", "POST", f"{LEX}/text"), "lexv2-runtime.RecognizeText"),
    (request("lex", "POST", LEX), "lexv2-runtime.PutSession"),
    (request("lex", "POST", "/bots/"), "lexv2-models.ListBots"),
    (request("lex", "PUT", "/bots/ABCDEFGHIJ/botversions/"), "lexv2-models.CreateBotVersion"),
    (request("bedrock", "POST", "/model/a.b%3A0/converse"), "bedrock-runtime.Converse"),
    (request(None, "POST", "/model/a.b/converse-stream"), "bedrock-runtime.ConverseStream"),
    (request("bedrock", "GET", "/foundation-models"), "bedrock.ListFoundationModels"),
    (request("connect", "PUT", "/contact/outbound-voice"), "connect.StartOutboundVoiceContact"),
    (request("s3", "GET", "/"), "s3.ListBuckets"),
    (request("s3", "GET", "/b", "list-type=2"), "s3.ListObjectsV2"),
    (request("s3", "GET", "/b"), "s3.ListObjects"),
    (request("s3", "GET", "/b/a/long/key"), "s3.GetObject"),
    (request("s3", "PUT", "/b/k"), "s3.PutObject"),
    (request("s3", "PUT", "/b/k", x_amz_copy_source="b/o"), "s3.CopyObject"),
    (request("s3", "PUT", "/b/k", "partNumber=1&uploadId=u"), "s3.UploadPart"),
    (request("s3", "HEAD", "/b/k"), "s3.HeadObject"),
    (request("email", "POST", "/v2/email/outbound-emails"), "sesv2.SendEmail"),
    (request("email", "POST", "/", body=b"Action=SendEmail", content_type=FORM), "ses.SendEmail"),
]


@pytest.mark.parametrize(("call", "name"), CALLS, ids=[name for _, name in CALLS])
def test_a_call_is_named_as_botocore_names_it(call: HttpRequest, name: str) -> None:
    found = identify(call)
    assert f"{found.service}.{found.operation}" == name


def test_labels_are_decoded() -> None:
    path = "/model/arn%3Aaws%3Abedrock%3A%3A%3Afoundation-model%2Fanthropic.x/converse"
    found = identify(request("bedrock", "POST", path))
    assert found.labels == {"modelId": "arn:aws:bedrock:::foundation-model/anthropic.x"}


def test_a_presigned_url_names_its_service() -> None:
    credential = "X-Amz-Credential=sandbox%2F20261123%2Fus-east-1%2Fs3%2Faws4_request"
    assert signing_name(request(None, "GET", "/b/k", credential)) == "s3"


def test_a_service_without_that_route_is_unknown_not_wrong() -> None:
    found = identify(request("lambda", "GET", "/no/such/route"))
    assert (found.service, found.operation) == ("lambda", "unknown")


def test_a_service_that_botocore_lacks_is_named_by_its_signature() -> None:
    assert identify(request("nothing", "GET", "/x")).service == "nothing"
