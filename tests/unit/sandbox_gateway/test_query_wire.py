"""The query protocol both ways, against botocore's own client side of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import botocore.session
import pytest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from sandbox import query_wire
from sandbox.aws_api import ApiError
from sandbox.http_message import HttpRequest

SESSION = botocore.session.get_session()


def model(service: str, operation: str) -> Any:
    return SESSION.get_service_model(service).operation_model(operation)


def parsed(service: str, operation: str, params: dict[str, Any]) -> Any:
    """What the sandbox reads of a request as botocore writes it."""
    found = model(service, operation)
    request = create_serializer("query", False).serialize_to_request(params, found)
    body = urlencode(request["body"]).encode()
    return query_wire.parse(HttpRequest("POST", "/", body=body), found)


def answered(service: str, operation: str, result: dict[str, Any]) -> Any:
    """What botocore reads of the sandbox's answer."""
    found = model(service, operation)
    response = query_wire.serialise(found, result)
    headers = dict(response.headers)
    raw = {"status_code": response.status, "headers": headers, "body": response.body}
    read = create_parser("query").parse(raw, found.output_shape)
    assert read.pop("ResponseMetadata")["RequestId"] == headers["x-amzn-RequestId"]
    return read


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        (
            "cloudformation",
            "CreateStack",
            {
                "StackName": "one",
                "TemplateBody": '{"a": "ü & <b>"}',
                "Parameters": [{"ParameterKey": "P", "ParameterValue": ""}],
                "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
                "DisableRollback": False,
                "TimeoutInMinutes": 5,
            },
        ),
        ("cloudformation", "DescribeStacks", {}),
        ("cloudformation", "CreateStack", {"StackName": "one", "Capabilities": []}),
        ("sns", "CreateTopic", {"Name": "t", "Attributes": {"a": "1", "b": "2"}}),
    ],
)
def test_a_request_is_read_as_it_was_written(
    service: str, operation: str, params: dict[str, Any]
) -> None:
    assert parsed(service, operation, params) == params


@pytest.mark.parametrize(
    ("service", "operation", "result"),
    [
        ("cloudformation", "ValidateTemplate", {"Description": "a < b & c", "Parameters": []}),
        (
            "cloudformation",
            "DescribeStacks",
            {
                "Stacks": [
                    {
                        "StackName": "one",
                        "CreationTime": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
                        "StackStatus": "CREATE_COMPLETE",
                        "DisableRollback": True,
                        "TimeoutInMinutes": 3,
                        "Tags": [{"Key": "a", "Value": "b"}],
                    }
                ]
            },
        ),
        ("sns", "GetTopicAttributes", {"Attributes": {"a": "1", "b": "<2>"}}),
    ],
)
def test_an_answer_is_read_as_it_was_meant(
    service: str, operation: str, result: dict[str, Any]
) -> None:
    assert answered(service, operation, result) == result


def test_an_answer_without_members_is_still_one() -> None:
    response = query_wire.serialise(model("cloudformation", "DeleteStack"), {})
    assert b"<DeleteStackResponse" in response.body


def test_an_answer_that_departs_from_the_model_is_an_error() -> None:
    with pytest.raises(ValueError, match="StackStatus"):
        answered("cloudformation", "DescribeStacks", {"Stacks": [{"StackName": "one"}]})


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"StackName": "one", "OnFailure": "PANIC"}, "PANIC"),
        ({}, "stackName"),
    ],
)
def test_a_request_that_breaks_the_model_is_refused(params: dict[str, str], told: str) -> None:
    request = HttpRequest("POST", "/", body=urlencode(params).encode())
    with pytest.raises(ApiError) as caught:
        query_wire.parse(request, model("cloudformation", "CreateStack"))
    assert caught.value.code == "ValidationError"
    assert told in caught.value.message


def test_a_wrong_type_is_malformed() -> None:
    request = HttpRequest("POST", "/", body=b"StackName=one&TimeoutInMinutes=soon")
    with pytest.raises(ApiError, match="MalformedInput"):
        query_wire.parse(request, model("cloudformation", "CreateStack"))
