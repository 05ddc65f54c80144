"""Invoke as callers meet it: kinds, names, errors, throttling, records and logs."""

from __future__ import annotations

import base64
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from lambda_harness import REGION, call, client, wait_until, zipped

from sandbox.aws_api import ApiError

ARN = f"arn:aws:lambda:{REGION}:123456789012:function:f"


def invoke(service, name="f", event=None, **params):
    payload = json.dumps(event or {}).encode()
    return call(service, "Invoke", FunctionName=name, Payload=payload, **params)


def answer(response):
    return json.loads(response["Payload"])


def test_invoke_answers_with_status_version_and_payload(account, service):
    account.create()
    response = invoke(service, event={"a": 1})
    assert (response["StatusCode"], response["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in response
    assert "LogResult" not in response
    assert answer(response)["event"] == {"a": 1}


def test_a_function_error_is_status_200_and_unhandled(account, service):
    account.create()
    response = invoke(service, event={"raise": "x"})
    assert (response["StatusCode"], response["FunctionError"]) == (200, "Unhandled")
    assert answer(response)["errorType"] == "ValueError"


def test_the_log_tail_holds_what_the_function_printed(account, service):
    account.create()
    response = invoke(service, event={"say": "hello from inside"}, LogType="Tail")
    tail = base64.b64decode(response["LogResult"]).decode().splitlines()
    assert [line.split()[0] for line in tail] == ["START", "hello", "END", "REPORT"]


def test_a_dry_run_runs_nothing_and_needs_the_function(account, service):
    account.create()
    assert invoke(service, InvocationType="DryRun")["StatusCode"] == 204
    assert service.records() == []
    with pytest.raises(ApiError, match="ResourceNotFoundException"):
        invoke(service, "absent", InvocationType="DryRun")


@pytest.mark.parametrize(
    ("name", "qualifier", "arn", "version", "alias"),
    [
        ("f", None, ARN, "$LATEST", None),
        ("f", "$LATEST", f"{ARN}:$LATEST", "$LATEST", None),
        ("f", "1", f"{ARN}:1", "1", None),
        ("f", "live", f"{ARN}:live", "1", "live"),
        ("f:live", None, f"{ARN}:live", "1", "live"),
        ("123456789012:function:f", "1", f"{ARN}:1", "1", None),
        ("function:f:1", None, f"{ARN}:1", "1", None),
        (ARN, None, ARN, "$LATEST", None),
        (f"{ARN}:live", "live", f"{ARN}:live", "1", "live"),
    ],
)
def test_every_way_to_name_a_function(account, service, name, qualifier, arn, version, alias):
    account.create()
    account.client.publish_version(FunctionName="f")
    call(service, "CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
    response = invoke(service, name, **({"Qualifier": qualifier} if qualifier else {}))
    assert response["ExecutedVersion"] == version
    assert (answer(response)["arn"], answer(response)["version"]) == (arn, version)
    record = service.records()[-1]
    assert (record["function"], record["version"], record["alias"]) == ("f", version, alias)


@pytest.mark.parametrize(
    "name",
    ["absent", "f:7", "f:nowhere", ARN.replace("us-east-1", "eu-west-1"), ARN.replace("9012", "0")],
)
def test_what_does_not_exist_is_not_found(account, service, name):
    account.create()
    with pytest.raises(ApiError) as caught:
        invoke(service, name)
    assert caught.value.code in ("ResourceNotFoundException", "ValidationException")
    with pytest.raises(ApiError):
        service.invoke_async(name, b"{}")


def test_the_error_names_the_whole_arn(account, service):
    account.create()
    with pytest.raises(ApiError) as caught:
        invoke(service, "f", Qualifier="live")
    assert caught.value.status == 404
    assert caught.value.message == f"Function not found: {ARN}:live"


def test_contradicting_qualifiers_are_refused(account, service):
    account.create()
    with pytest.raises(ApiError, match="derived qualifier"):
        invoke(service, "f:1", Qualifier="2")


def test_a_body_that_is_not_json_is_refused_before_anything_starts(account, service):
    account.create()
    with pytest.raises(ApiError) as caught:
        call(service, "Invoke", FunctionName="f", Payload=b"{nope")
    assert caught.value.code == "InvalidRequestContentException"
    assert service.environments() == []


@pytest.mark.parametrize(("kind", "size"), [("RequestResponse", 6), ("Event", 1)])
def test_a_body_over_the_limit_is_refused(account, service, kind, size):
    account.create()
    with pytest.raises(ApiError) as caught:
        invoke(service, event={"x": "y" * (size << 20)}, InvocationType=kind)
    assert (caught.value.code, caught.value.status) == ("RequestTooLargeException", 413)


def test_no_body_is_an_empty_object(account, service):
    account.create()
    assert answer(call(service, "Invoke", FunctionName="f"))["event"] == {}


def test_at_once_means_several_processes_and_one_request_each(account, service, tmp_path):
    account.create()
    gate = tmp_path / "gate"
    event = {"until": str(gate)}
    with ThreadPoolExecutor(4) as callers:
        running = [callers.submit(invoke, service, event=event) for _ in range(4)]
        wait_until(lambda: len(service.environments()) == 4)
        gate.touch()
        answers = [answer(one.result()) for one in running]
    assert len({one["pid"] for one in answers}) == 4
    assert {one["calls"] for one in answers} == {1}


def test_many_callers_never_share_an_environment(account, service):
    account.create()
    with ThreadPoolExecutor(4) as callers:
        answers = list(callers.map(lambda n: answer(invoke(service, event={"n": n})), range(120)))
    assert [one["event"]["n"] for one in answers] == list(range(120))
    calls = sorted((one["pid"], one["calls"]) for one in answers)
    assert len(set(calls)) == 120
    assert len(service.records()) == 120


def hold(service, gate, callers):
    """Start an invocation that runs until the gate exists, and wait until it does run."""
    before = len(service.environments())
    running = callers.submit(invoke, service, event={"until": str(gate)})
    wait_until(lambda: len(service.environments()) > before)
    return running


def test_reserved_concurrency_throttles_with_429(account, service, tmp_path):
    account.create()
    call(service, "PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=1)
    gate = tmp_path / "gate"
    with ThreadPoolExecutor(1) as callers:
        running = hold(service, gate, callers)
        with pytest.raises(ApiError) as caught:
            invoke(service)
        gate.touch()
        running.result()
    assert (caught.value.code, caught.value.status) == ("TooManyRequestsException", 429)
    assert caught.value.members["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert invoke(service)["StatusCode"] == 200


def test_reserved_concurrency_of_zero_switches_a_function_off(account, service):
    account.create()
    call(service, "PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=0)
    with pytest.raises(ApiError, match="TooManyRequestsException"):
        invoke(service)


def test_the_accounts_concurrency_is_shared_by_unreserved_functions(
    account, make_service, tmp_path
):
    service = make_service(account_concurrency=1)
    account.create()
    account.create(name="g")
    gate = tmp_path / "gate"
    with ThreadPoolExecutor(1) as callers:
        running = hold(service, gate, callers)
        with pytest.raises(ApiError) as caught:
            invoke(service, "g")
        gate.touch()
        running.result()
    assert caught.value.members["Reason"] == "ConcurrentInvocationLimitExceeded"


def test_a_changed_configuration_retires_the_old_environment(account, service):
    account.create()
    first = answer(invoke(service))
    account.set_mark("new")
    second = answer(invoke(service))
    assert (first["mark"], second["mark"]) == (None, "new")
    assert first["pid"] != second["pid"]
    wait_until(lambda: [one.pid for one in service.environments()] == [second["pid"]])


def test_changed_code_is_what_runs_next(account, service):
    account.create()
    invoke(service)
    code = zipped({"app.py": "def handler(e, c):\n    return 'new code'\n"})
    account.client.update_function_code(FunctionName="f", ZipFile=code)
    assert answer(invoke(service)) == "new code"
    assert service.records()[-1]["start"] == "cold"


def test_deleting_a_function_ends_its_environments_at_once(account, service):
    account.create()
    invoke(service)
    environment = service.environments()[0]
    call(service, "DeleteFunction", FunctionName="f")
    assert service.environments() == []
    assert not environment.is_alive()
    with pytest.raises(ApiError, match="ResourceNotFoundException"):
        invoke(service)


def test_a_function_made_anew_shares_nothing_with_the_deleted_one(account, service):
    account.create()
    first = answer(invoke(service))
    account.client.delete_function(FunctionName="f")
    account.create()
    assert answer(invoke(service))["pid"] != first["pid"]


def test_idle_environments_are_reclaimed(account, make_service):
    service = make_service(idle_seconds=0.2)
    account.create()
    invoke(service)
    assert len(service.environments()) == 1
    wait_until(lambda: service.environments() == [])


def test_idle_environments_are_bounded_and_the_oldest_goes(account, make_service):
    service = make_service(max_idle=2)
    for name in ("a", "b", "c"):
        account.create(name=name)
        invoke(service, name)
    assert [one.spec.function for one in service.environments()] == ["b", "c"]


def test_processes_are_bounded_and_beyond_that_callers_are_throttled(
    account, make_service, tmp_path
):
    service = make_service(max_environments=1)
    account.create()
    account.create(name="g")
    invoke(service, "g")
    gate = tmp_path / "gate"
    with ThreadPoolExecutor(1) as callers:
        running = callers.submit(invoke, service, event={"until": str(gate)})
        wait_until(lambda: [one.spec.function for one in service.environments()] == ["f"])
        with pytest.raises(ApiError, match="TooManyRequestsException"):
            invoke(service, "g")
        gate.touch()
        running.result()


def test_the_report_names_the_init_only_on_a_cold_start_and_bills_it(account, service):
    account.create()
    invoke(service)
    invoke(service)
    cold, warm = (line for line in service.logs("f") if line.startswith("REPORT"))
    assert "\tMemory Size: 256 MB\t" in cold
    assert "Init Duration" not in warm
    duration, init = (float(cold.split(f"{name}: ")[1].split(" ms")[0]) for name in NAMES)
    billed = int(cold.split("Billed Duration: ")[1].split(" ms")[0])
    assert duration + init - 0.02 <= billed < duration + init + 1.02


NAMES = ("\tDuration", "\tInit Duration")


def test_the_lines_are_in_cloudwatch_logs(account, service):
    account.create()
    invoke(service, event={"say": "to be found"})
    service.flush_logs()
    logs = client("logs")
    found = logs.filter_log_events(logGroupName="/aws/lambda/f", filterPattern='"to be found"')
    assert [event["message"] for event in found["events"]] == ["to be found"]
    streams = logs.describe_log_streams(logGroupName="/aws/lambda/f")["logStreams"]
    assert "/[$LATEST]" in streams[0]["logStreamName"]


def test_logs_reach_cloudwatch_by_themselves(account, service):
    account.create()
    invoke(service)
    logs = client("logs")

    def reported():
        groups = logs.describe_log_groups()["logGroups"]
        if not groups:
            return []
        events = logs.filter_log_events(logGroupName="/aws/lambda/f")["events"]
        return [one for one in events if one["message"].startswith("REPORT")]

    assert len(wait_until(reported)) == 1


def test_logs_are_bounded(account, make_service):
    service = make_service(log_lines=10)
    account.create()
    for _ in range(5):
        invoke(service)
    service.flush_logs()
    assert len(service.logs("f", 1000)) == 10
    logs = client("logs")
    assert len(logs.filter_log_events(logGroupName="/aws/lambda/f")["events"]) <= 10


def test_records_are_bounded_and_reset_clears_them(account, make_service):
    service = make_service(records=3)
    account.create()
    for _ in range(5):
        invoke(service)
    assert len(service.records()) == 3
    service.reset()
    assert service.records() == []
    assert len(service.environments()) == 1


def test_close_ends_what_is_idle_and_what_runs(account, make_service, tmp_path):
    service = make_service()
    account.create(Timeout=60)
    invoke(service)
    with ThreadPoolExecutor(1) as callers:
        started = threading.active_count()
        event = {"until": str(tmp_path / "never")}
        running = [callers.submit(invoke, service, event=event)]
        environments = service.environments()
        wait_until(lambda: service._admission.running("f") == 1)
        service.close()
        assert answer(running[0].result())["errorType"] == "Runtime.ExitError"
    assert not any(one.is_alive() for one in environments)
    assert threading.active_count() < started


def test_a_warm_invocation_costs_little(account, service):
    account.create("def handler(event, context):\n    return 1\n")
    for _ in range(200):
        service.invoke("f", b"{}")
    # A generous bound for a busy machine; alone it is about 0.6 ms.
    times = sorted(record["run_ms"] for record in service.records())
    assert times[len(times) // 4] < 5
