"""The endpoint as real clients meet it: moto behind it, faults and latencies in front."""

from __future__ import annotations

import gc
import http.client
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from gateway_harness import FakeService, RunningGateway

from sandbox.aws_api import ApiError
from sandbox.http_server import HttpServer, PortInUseError

TABLE = {
    "TableName": "t",
    "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}
KEY = {"k": {"S": "x"}}


@pytest.fixture
def runtime() -> FakeService:
    return FakeService(
        "lexv2-runtime",
        {
            "GetSession": {"sessionId": "me"},
            "DeleteSession": ApiError("ResourceNotFoundException", "no such session", 404),
            "PutSession": RuntimeError("a bug"),
        },
    )


@pytest.fixture
def lex_gateway(runtime: FakeService) -> Iterator[RunningGateway]:
    running = RunningGateway(runtime)
    yield running
    running.close()


BOT = {"botId": "ABCDEFGHIJ", "botAliasId": "KLMNOPQRST", "localeId": "en_US", "sessionId": "me"}


def test_a_service_of_our_own_answers_its_operations(
    lex_gateway: RunningGateway, runtime: FakeService
) -> None:
    assert lex_gateway.client("lexv2-runtime").get_session(**BOT)["sessionId"] == "me"
    assert runtime.seen == [("GetSession", BOT)]


def test_its_errors_reach_the_client_as_typed_exceptions(lex_gateway: RunningGateway) -> None:
    client = lex_gateway.client("lexv2-runtime")
    with pytest.raises(client.exceptions.ResourceNotFoundException, match="no such session"):
        client.delete_session(**BOT)


def test_a_bug_of_a_stand_in_is_a_500_that_names_it(
    lex_gateway: RunningGateway, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ClientError, match="RuntimeError: a bug") as caught:
        lex_gateway.client("lexv2-runtime").put_session(sessionState={}, **BOT)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert "lexv2-runtime.PutSession failed" in caplog.text


def test_everything_else_goes_to_moto_and_is_counted(gateway: RunningGateway) -> None:
    dynamodb = gateway.client("dynamodb")
    dynamodb.create_table(**TABLE)
    dynamodb.put_item(TableName="t", Item=KEY)
    assert dynamodb.get_item(TableName="t", Key=KEY)["Item"] == KEY
    s3 = gateway.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="a b/%2F+é", Body=b"body")
    assert s3.get_object(Bucket="bucket", Key="a b/%2F+é")["Body"].read() == b"body"
    assert gateway.counters.snapshot() == {
        "dynamodb": {"CreateTable": 1, "PutItem": 1, "GetItem": 1},
        "s3": {"CreateBucket": 1, "PutObject": 1, "GetObject": 1},
    }


ERRORS: list[tuple[str, str, dict[str, Any], str, int]] = [
    ("dynamodb", "get_item", {"TableName": "t", "Key": KEY}, "ThrottlingException", 400),
    ("dynamodb", "get_item", {"TableName": "t", "Key": KEY}, "InternalServerError", 500),
    ("sts", "get_caller_identity", {}, "ExpiredTokenException", 400),
    ("s3", "get_object", {"Bucket": "b", "Key": "k"}, "SlowDown", 503),
    ("lambda", "list_functions", {}, "TooManyRequestsException", 429),
    (
        "cloudwatch",
        "put_metric_data",
        {"Namespace": "n", "MetricData": [{"MetricName": "m", "Value": 1}]},
        "InternalServiceFault",
        500,
    ),
    ("lexv2-runtime", "get_session", BOT, "ThrottlingException", 429),
    (
        "bedrock-runtime",
        "converse",
        {"modelId": "m", "messages": [{"role": "user", "content": [{"text": "x"}]}]},
        "ServiceUnavailableException",
        503,
    ),
]


@pytest.mark.parametrize(("service", "method", "params", "code", "status"), ERRORS)
def test_a_fault_is_an_error_in_the_services_own_protocol(
    gateway: RunningGateway,
    service: str,
    method: str,
    params: dict[str, Any],
    code: str,
    status: int,
) -> None:
    gateway.faults.replace([{"service": service, "error": code}])
    with pytest.raises(ClientError) as caught:
        getattr(gateway.client(service), method)(**params)
    response = caught.value.response
    assert response["Error"]["Code"] == code
    assert "a fault that was set in the sandbox" in response["Error"]["Message"]
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_a_lost_answer_is_a_closed_connection_after_the_work(gateway: RunningGateway) -> None:
    dynamodb = gateway.client("dynamodb")
    dynamodb.create_table(**TABLE)
    fault = {"service": "dynamodb", "operation": "PutItem", "lose_answer": True, "count": 1}
    gateway.control("POST", "faults", [fault])
    with pytest.raises(ConnectionClosedError):
        dynamodb.put_item(TableName="t", Item=KEY)
    assert dynamodb.get_item(TableName="t", Key=KEY)["Item"] == KEY


def test_a_retrying_client_does_lost_work_twice(gateway: RunningGateway) -> None:
    sqs = gateway.client("sqs", retries={"mode": "standard", "total_max_attempts": 3})
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    fault = {"service": "sqs", "operation": "SendMessage", "lose_answer": True, "count": 1}
    gateway.control("POST", "faults", [fault])
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    counted = gateway.control("GET", "calls")[1]["sqs"]["SendMessage"]
    names = ["ApproximateNumberOfMessages"]
    kept = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    assert (counted, kept) == (2, {"ApproximateNumberOfMessages": "2"})


def test_a_hang_holds_the_call_until_the_faults_are_replaced(gateway: RunningGateway) -> None:
    gateway.faults.replace([{"service": "sts", "hang": True}])
    outcome: list[Exception] = []

    def call() -> None:
        try:
            gateway.client("sts", read_timeout=30).get_caller_identity()
        except ClientError as error:
            outcome.append(error)

    caller = threading.Thread(target=call)
    caller.start()
    wait_for(lambda: gateway.counters.snapshot().get("sts") is not None)
    assert caller.is_alive()
    gateway.faults.replace([])
    caller.join(10)
    assert "ServiceUnavailable" in str(outcome[0])


def test_more_hung_calls_than_threads_do_not_keep_out_who_ends_them(
    gateway: RunningGateway,
) -> None:
    gateway.faults.replace([{"service": "sts", "hang": True}])
    sts = gateway.client("sts", read_timeout=30, max_pool_connections=40)

    def call() -> None:
        with pytest.raises(ClientError, match="ServiceUnavailable"):
            sts.get_caller_identity()

    callers = [threading.Thread(target=call) for _ in range(30)]
    for caller in callers:
        caller.start()
    wait_for(lambda: gateway.counters.snapshot().get("sts") == {"GetCallerIdentity": 30})
    assert gateway.control("POST", "faults", []) == (200, [])
    for caller in callers:
        caller.join(10)
    assert not any(caller.is_alive() for caller in callers)


def wait_for(is_true: Any) -> None:
    end = time.monotonic() + 10
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_the_first_request_of_a_connection_pays_for_it(gateway: RunningGateway) -> None:
    gateway.client("dynamodb").create_table(**TABLE)
    gateway.latency.change("reported", 0.5)
    dynamodb = gateway.client("dynamodb")
    seconds = []
    for _ in range(3):
        begin = time.monotonic()
        dynamodb.get_item(TableName="t", Key=KEY)
        seconds.append(time.monotonic() - begin)
    assert seconds[0] >= 0.1
    assert min(seconds[1:]) >= 0.025
    assert min(seconds[1:]) < 0.1


def test_a_browser_may_call_from_another_origin(gateway: RunningGateway) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    asked = {"Origin": "http://page", "Access-Control-Request-Headers": "x-amz-date"}
    connection.request("OPTIONS", "/bots/x/y", headers=asked)
    preflight = connection.getresponse()
    preflight.read()
    assert preflight.status == 200
    assert preflight.getheader("Access-Control-Allow-Headers") == "x-amz-date"
    connection.request("GET", "/", headers={"Origin": "http://page"})
    answer = connection.getresponse()
    answer.read()
    assert answer.headers.get_all("Access-Control-Allow-Origin") == ["*"]
    connection.close()


def test_a_client_that_leaves_in_mid_stream_ends_it_quietly(
    gateway: RunningGateway, capfd: pytest.CaptureFixture[str]
) -> None:
    closed = threading.Event()

    def stream(_: dict[str, Any]) -> dict[str, Any]:
        def items() -> Iterator[dict[str, Any]]:
            try:
                while True:
                    yield {"contentBlockDelta": {"delta": {"text": "x" * 9999}, **index}}
            finally:
                closed.set()

        return {"stream": items()}

    index = {"contentBlockIndex": 0}
    endless = RunningGateway(FakeService("bedrock-runtime", {"ConverseStream": stream}))
    messages = [{"role": "user", "content": [{"text": "x"}]}]
    answer = endless.client("bedrock-runtime").converse_stream(modelId="m", messages=messages)
    next(iter(answer["stream"]))
    answer["stream"].close()
    assert closed.wait(10)
    endless.close()
    # What the client did not take must not be written when the connection is collected.
    gc.collect()
    assert "Traceback" not in capfd.readouterr().err


def test_a_taken_port_is_one_sentence(gateway: RunningGateway) -> None:
    with pytest.raises(PortInUseError, match=rf"^port {gateway.port} is in use; choose another"):
        HttpServer(None, gateway.port).bind()


def test_the_port_is_free_again_after_the_end() -> None:
    first = RunningGateway()
    first.close()
    second = HttpServer(None, first.port)
    assert second.bind() == first.port
    second.close()
