"""The AWS clients that are really built: pooled, with time-outs that end before their function."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from urllib3 import HTTPResponse

from chalicelib.clients import CONNECTIONS, AwsClients
from ops.stages import FUNCTIONS

CLIENTS = ("dynamodb", "bedrock_in_turn", "bedrock_in_background", "lambda_", "secretsmanager")
IN_TURN = ("dynamodb", "bedrock_in_turn", "lambda_")
TIMEOUT_BY_FUNCTION = {function.name: function.timeout_seconds for function in FUNCTIONS}


@pytest.fixture(scope="module")
def clients() -> AwsClients:
    return AwsClients()


def config(clients: AwsClients, name: str) -> Any:
    return getattr(clients, name).meta.config


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_is_built_once_and_keeps_its_connections(clients: AwsClients, name: str) -> None:
    assert getattr(clients, name) is getattr(clients, name)
    assert config(clients, name).max_pool_connections == CONNECTIONS
    assert config(clients, name).tcp_keepalive is True


@pytest.mark.parametrize("name", CLIENTS)
def test_a_call_ends_before_the_function_that_makes_it(clients: AwsClients, name: str) -> None:
    settings = config(clients, name)
    once = settings.connect_timeout + settings.read_timeout
    whole = once * settings.retries["total_max_attempts"]
    background = min(TIMEOUT_BY_FUNCTION["generate_answer"], TIMEOUT_BY_FUNCTION["keep_warm"])
    in_background = name == "bedrock_in_background"
    assert whole < (background if in_background else TIMEOUT_BY_FUNCTION["lex_fulfillment"])


@pytest.mark.parametrize("name", IN_TURN)
def test_on_a_turns_path_there_is_one_attempt_of_little_over_a_second(
    clients: AwsClients, name: str
) -> None:
    settings = config(clients, name)
    assert settings.retries["total_max_attempts"] == 1
    assert settings.connect_timeout + settings.read_timeout <= 1.5


def test_a_call_says_who_makes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS counts by the SDK's name, and a team or a benchmark by the application's id."""
    monkeypatch.setenv("AWS_SDK_UA_APP_ID", "bench-warmed")
    monkeypatch.setenv("AWS_EXECUTION_ENV", "AWS_Lambda_python3.11")
    client, sent = AwsClients().dynamodb, []

    def answer(request: Any, **_: Any) -> AWSResponse:
        sent.append(request.headers["User-Agent"])
        body = HTTPResponse(BytesIO(b"{}"), preload_content=False)
        return AWSResponse(request.url, 200, {}, body)

    client.meta.events.register("before-send.dynamodb.GetItem", answer)
    client.get_item(TableName="t", Key={"key": {"S": "k"}})
    (words,) = sent
    assert words.startswith(b"Botocore/")
    assert words.endswith(b" exec-env/AWS_Lambda_python3.11 app/bench-warmed")
