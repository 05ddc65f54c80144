"""The server's side of REST-JSON against botocore's own client side, for every service we serve."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore import parsers
from botocore.awsrequest import AWSRequest
from botocore.eventstream import EventStreamBuffer
from botocore.serialize import create_serializer

from sandbox import rest_json
from sandbox.aws_api import ApiError
from sandbox.http_message import HttpRequest, HttpResponse
from sandbox.routes import RouteTable, service_model

BOT = {"botId": "ABCDEFGHIJ", "botAliasId": "KLMNOPQRST", "localeId": "en_US", "sessionId": "a.b:c"}
EMPTY = {"VisitorFullName": None}
HELLO = [{"role": "user", "content": [{"text": "hé"}]}]

REQUESTS = [
    ("lambda", "Invoke", {"FunctionName": "f:live", "InvocationType": "Event", "Payload": b"{}"}),
    (
        "lambda",
        "Invoke",
        {
            "FunctionName": "arn:aws:lambda:us-east-1:123456789012:function:a-b_c",
            "Qualifier": "live",
            "LogType": "Tail",
            "Payload": b'{"a": "\xc3\xa9"}',
        },
    ),
    (
        "lambda",
        "PutProvisionedConcurrencyConfig",
        {"FunctionName": "f", "Qualifier": "3", "ProvisionedConcurrentExecutions": 2},
    ),
    ("lambda", "GetProvisionedConcurrencyConfig", {"FunctionName": "f", "Qualifier": "3"}),
    ("lambda", "ListProvisionedConcurrencyConfigs", {"FunctionName": "f"}),
    ("lambda", "GetAlias", {"FunctionName": "f", "Name": "live"}),
    ("lexv2-runtime", "RecognizeText", {**BOT, "text": "100% sure? / yes"}),
    (
        "lexv2-runtime",
        "RecognizeText",
        {**BOT, "text": "x", "sessionState": {"sessionAttributes": {"k": "v"}}},
    ),
    ("lexv2-runtime", "PutSession", {**BOT, "sessionState": {"dialogAction": {"type": "None"}}}),
    ("lexv2-runtime", "GetSession", BOT),
    ("lexv2-runtime", "DeleteSession", BOT),
    ("lexv2-models", "ListBots", {"maxResults": 10}),
    ("lexv2-models", "CreateBotAlias", {"botAliasName": "live", "botId": "ABCDEFGHIJ"}),
    (
        "bedrock-runtime",
        "Converse",
        {
            "modelId": "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.a.c-1:0",
            "messages": HELLO,
            "system": [{"text": "s"}, {"cachePoint": {"type": "default"}}],
            "inferenceConfig": {"maxTokens": 5, "temperature": 0.5},
            "additionalModelRequestFields": {"thinking": {"type": "disabled"}, "deep": [1, None]},
        },
    ),
    ("bedrock-runtime", "ConverseStream", {"modelId": "anthropic.x-v1:0", "messages": HELLO}),
    (
        "connect",
        "StartOutboundVoiceContact",
        {
            "DestinationPhoneNumber": "+15550100",
            "ContactFlowId": "flow",
            "InstanceId": "instance",
            "Attributes": {"a": "b"},
        },
    ),
]


def sent(service: str, operation: str, params: dict[str, Any]) -> HttpRequest:
    """The request as botocore's client would send it."""
    model = service_model(service)
    assert model is not None
    serialised = create_serializer("rest-json").serialize_to_request(
        params, model.operation_model(operation)
    )
    request = AWSRequest(
        method=serialised["method"],
        url="http://sandbox" + serialised["url_path"],
        params=serialised["query_string"],
        headers=serialised["headers"],
        data=serialised["body"],
    ).prepare()
    path, _, query = request.url.removeprefix("http://sandbox").partition("?")
    body = request.body or b""
    headers = {
        name.lower(): value.decode() if isinstance(value, bytes) else value
        for name, value in request.headers.items()
    }
    raw = body if isinstance(body, bytes) else body.encode()
    return HttpRequest(request.method, path, query, headers, raw)


def received(service: str, operation: str, response: HttpResponse) -> dict[str, Any]:
    """The response as botocore's client would read it."""
    model = service_model(service)
    assert model is not None
    shape = model.operation_model(operation).output_shape
    raw = {
        "status_code": response.status,
        "headers": dict(response.headers),
        "body": response.body,
    }
    parsed = parsers.create_parser("rest-json").parse(raw, shape)
    parsed.pop("ResponseMetadata")
    return parsed


def arrived(service: str, request: HttpRequest) -> tuple[str, dict[str, Any]]:
    """The operation that the gateway sees, and its parameters."""
    model = service_model(service)
    assert model is not None
    found = RouteTable(model).match(request)
    assert found is not None
    return found[0], rest_json.parse(request, model.operation_model(found[0]), found[1])


def answered(service: str, operation: str, result: dict[str, Any]) -> HttpResponse:
    model = service_model(service)
    assert model is not None
    return rest_json.serialise(model.operation_model(operation), result)


@pytest.mark.parametrize(("service", "operation", "params"), REQUESTS)
def test_a_request_arrives_as_the_client_meant_it(
    service: str, operation: str, params: dict[str, Any]
) -> None:
    assert arrived(service, sent(service, operation, params)) == (operation, params)


def test_an_invoke_is_answered_with_header_status_and_raw_payload() -> None:
    response = answered(
        "lambda",
        "Invoke",
        {"StatusCode": 202, "FunctionError": "Unhandled", "Payload": b"\xff", "LogResult": None},
    )
    assert (response.status, response.body) == (202, b"\xff")
    assert ("X-Amz-Function-Error", "Unhandled") in response.headers


def test_the_status_is_the_one_that_the_model_states() -> None:
    response = answered("lambda", "PutProvisionedConcurrencyConfig", {"Status": "READY"})
    assert response.status == 202


def test_timestamps_blobs_and_nested_members_come_back() -> None:
    moment = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
    result = {
        "botSummaries": [{"botId": "ABCDEFGHIJ", "botName": "n", "lastUpdatedDateTime": moment}]
    }
    response = answered("lexv2-models", "ListBots", result)
    assert received("lexv2-models", "ListBots", response) == result


def test_a_slot_without_a_value_is_null_both_ways() -> None:
    intent = {"name": "InitiateDemo", "slots": EMPTY}
    response = answered("lexv2-runtime", "RecognizeText", {"sessionState": {"intent": intent}})
    state = received("lexv2-runtime", "RecognizeText", response)["sessionState"]
    assert state["intent"]["slots"] == EMPTY
    # boto3 refuses to send null; other SDKs do send it.
    body = json.dumps({"text": "x", "sessionState": {"intent": intent}}).encode()
    request = replace(sent("lexv2-runtime", "RecognizeText", {**BOT, "text": "x"}), body=body)
    assert arrived("lexv2-runtime", request)[1]["sessionState"]["intent"] == intent


@pytest.mark.parametrize(
    "result",
    [
        {"mesages": []},
        {"requestAttributes": {"a": None}},
        {"sessionState": {"intent": {"name": "i", "slots": {"s": {"value": 1}}}}},
    ],
)
def test_a_stand_in_that_departs_from_the_model_is_caught(result: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="RecognizeTextResponse"):
        answered("lexv2-runtime", "RecognizeText", result)


@pytest.mark.parametrize(
    ("service", "operation", "path", "body", "code", "words"),
    [
        ("bedrock-runtime", "Converse", "/model/m/converse", b'{"messages": 1}', None, "messages"),
        ("bedrock-runtime", "Converse", "/model/m/converse", b"{", None, "not JSON"),
        (
            "bedrock-runtime",
            "Converse",
            "/model/m/converse",
            b'{"inferenceConfig": {"maxTokens": 0}}',
            "ValidationException",
            "Value '0' at 'inferenceConfig.maxTokens' failed to satisfy constraint: Member must "
            "have value greater than or equal to 1",
        ),
        (
            "lexv2-runtime",
            "RecognizeText",
            "/bots/ABCDEFGHIJ/botAliases/KLMNOPQRST/botLocales/en_US/sessions/a/text",
            b"{}",
            "ValidationException",
            "2 validation errors detected: Value null at 'text'",
        ),
        (
            "lexv2-runtime",
            "RecognizeText",
            "/bots/short/botAliases/KLMNOPQRST/botLocales/en_US/sessions/ab/text",
            b'{"text": "x"}',
            "ValidationException",
            "at 'botId' failed to satisfy constraint",
        ),
        (
            "lexv2-runtime",
            "RecognizeText",
            "/bots/ABCDEFGHIJ/botAliases/KLMNOPQRST/botLocales/en_US/sessions/ab/text",
            b'{"text": "half a pair: \\ud83d"}',
            None,
            "not JSON in UTF-8",
        ),
        (
            "lexv2-runtime",
            "RecognizeText",
            "/bots/ABCDEFGHIJ/botAliases/KLMNOPQRST/botLocales/en_US/sessions/ab/text",
            b'{"text": "x", "requestAttributes": {"a": null}}',
            None,
            "requestAttributes.a must be of type string",
        ),
        (
            "connect",
            "StartOutboundVoiceContact",
            "/contact/outbound-voice",
            b'{"DestinationPhoneNumber": "+1", "ContactFlowId": "f"}',
            "InvalidRequestException",
            "Value null at 'instanceId'",
        ),
    ],
)
def test_a_bad_request_is_refused_as_aws_refuses_it(
    service: str, operation: str, path: str, body: bytes, code: str | None, words: str
) -> None:
    model = service_model(service)
    assert model is not None
    method = model.operation_model(operation).http["method"]
    request = HttpRequest(method, path, body=body)
    found = RouteTable(model).match(request)
    assert found is not None
    with pytest.raises(ApiError, match=code or "Serialization") as caught:
        rest_json.parse(request, model.operation_model(operation), found[1])
    assert caught.value.code == (code or "SerializationException")
    assert words in caught.value.message


def test_an_error_has_the_status_and_spelling_of_its_shape() -> None:
    model = service_model("lambda")
    assert model is not None
    error = ApiError("ResourceNotFoundException", "gone", Type="User")
    response = rest_json.error(model, error)
    assert response.status == 404
    assert received_error(response) == ("ResourceNotFoundException", "gone")


def received_error(response: HttpResponse) -> tuple[str, str]:
    raw = {
        "status_code": response.status,
        "headers": {name.lower(): value for name, value in response.headers},
        "body": response.body,
    }
    error = parsers.create_parser("rest-json").parse(raw, None)["Error"]
    return error["Code"], error["Message"]


def events(items: Any) -> list[tuple[dict[str, str], bytes]]:
    """The frames as botocore decodes them, checksums included."""
    response = answered("bedrock-runtime", "ConverseStream", {"stream": items})
    buffer = EventStreamBuffer()
    assert not isinstance(response.body, bytes)
    for chunk in response.body:
        buffer.add_data(chunk)
    return [(message.headers, message.payload) for message in buffer]


def test_events_are_framed_one_by_one() -> None:
    frames = events(iter([{"messageStart": {"role": "assistant"}}]))
    assert frames == [
        (
            {
                ":event-type": "messageStart",
                ":content-type": "application/json",
                ":message-type": "event",
            },
            b'{"role": "assistant"}',
        )
    ]


def test_an_error_in_mid_stream_is_an_exception_frame() -> None:
    def items() -> Any:
        yield {"messageStart": {"role": "assistant"}}
        raise ApiError("ThrottlingException", "slow down", 429)

    headers, payload = events(items())[1]
    assert headers[":exception-type"] == "throttlingException"
    assert headers[":message-type"] == "exception"
    assert payload == b'{"message": "slow down"}'


def test_an_error_unknown_to_the_stream_is_an_error_frame() -> None:
    def items() -> Any:
        raise ApiError("Strange", "words", 500)
        yield

    headers, _ = events(items())[0]
    assert (headers[":error-code"], headers[":error-message"]) == ("Strange", "words")
