"""One environment: what is importable, what it is told, how it ends. Both runtime clients."""

from __future__ import annotations

import base64
import calendar
import io
import json
import os
import py_compile
import sys
import time
import zipfile
from importlib.util import find_spec

import pytest
from lambda_harness import REGION, call, wait_until, zipped

from sandbox.aws_api import ApiError

PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"


AWS_CLIENT = pytest.param(
    "awslambdaric",
    marks=pytest.mark.skipif(
        find_spec("awslambdaric") is None, reason="awslambdaric has no wheel for this platform"
    ),
)


@pytest.fixture(params=[AWS_CLIENT, "own"])
def service(request, make_service):
    return make_service(runtime_client=request.param)


def run(service, event=None, name="f"):
    result = service.invoke(name, json.dumps(event or {}).encode())
    return json.loads(result.payload), result.function_error


def source(body: str, head: str = "") -> str:
    return f"{head}\ndef handler(event, context):\n    {body}\n"


def test_the_first_invocation_is_cold_and_the_second_reuses_the_process(account, service):
    account.create()
    first, _ = run(service)
    second, _ = run(service)
    assert (first["pid"], first["calls"], second["calls"]) == (second["pid"], 1, 2)
    cold, warm = service.records()
    assert (cold["start"], warm["start"]) == ("cold", "warm")
    assert cold["init_ms"] > 5
    assert warm["init_ms"] == 0


@pytest.mark.parametrize("package", ["boto3", "yaml", "chalice"])
def test_an_installed_package_that_the_zip_lacks_is_not_importable(account, service, package):
    __import__(package)
    account.create(source("return 1", f"import {package}"))
    payload, error = run(service)
    assert error == "Unhandled"
    assert payload["errorType"] == "Runtime.ImportModuleError"
    assert payload["errorMessage"] == (
        f"Unable to import module 'app': No module named '{package}'"
    )


def test_the_import_path_is_the_zip_the_runtime_and_the_standard_library(account, service):
    account.create(source("import sys; return sys.path"))
    path, _ = run(service)
    assert not [entry for entry in path if "site-packages" in entry or "dist-packages" in entry]
    assert "/code/" in path[0]
    assert "runtime-" in path[1]


def test_the_variables_are_lambdas_and_the_functions_own_and_no_others(
    account, service, monkeypatch
):
    monkeypatch.setenv("LEAKED_FROM_THE_SANDBOX", "1")
    account.create(
        source("import os; return dict(os.environ)"),
        Environment={"Variables": {"MARK": "x", "TZ": "Asia/Tokyo"}},
        TracingConfig={"Mode": "Active"},
    )
    seen, _ = run(service)
    assert set(seen) == {
        *("_HANDLER", "_X_AMZN_TRACE_ID", "AWS_REGION", "AWS_DEFAULT_REGION"),
        *("AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION"),
        *("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_INITIALIZATION_TYPE"),
        *("AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API"),
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
        *("AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_PORT"),
        *("AWS_XRAY_CONTEXT_MISSING", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"),
        *("LANG", "TZ", "PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "AWS_ENDPOINT_URL", "MARK"),
    }
    assert seen["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9"
    assert seen["AWS_LAMBDA_INITIALIZATION_TYPE"] == "on-demand"
    assert seen["AWS_REGION"] == REGION
    assert seen["TZ"] == "Asia/Tokyo"
    assert seen["_X_AMZN_TRACE_ID"].startswith("Root=1-")
    assert seen["_X_AMZN_TRACE_ID"].endswith("Sampled=1")


def test_the_context_names_the_request_the_function_and_the_time_left(account, service):
    body = """return {
        "id": context.aws_request_id,
        "name": context.function_name,
        "left": context.get_remaining_time_in_millis(),
        "memory": context.memory_limit_in_mb,
        "group": context.log_group_name,
        "arn": context.invoked_function_arn,
    }"""
    account.create(source(body), Timeout=7)
    seen, _ = run(service)
    assert 6000 < seen["left"] <= 7000
    assert (seen["name"], seen["memory"]) == ("f", "256")
    assert seen["group"] == "/aws/lambda/f"
    assert seen["arn"] == f"arn:aws:lambda:{REGION}:123456789012:function:f"
    assert f"START RequestId: {seen['id']} Version: $LATEST" in service.logs("f")


def test_a_raised_error_comes_back_as_unhandled_with_its_type_and_stack(account, service):
    account.create()
    payload, error = run(service, {"raise": "no such lead"})
    assert error == "Unhandled"
    assert (payload["errorType"], payload["errorMessage"]) == ("ValueError", "no such lead")
    assert 'raise ValueError(event["raise"])' in payload["stackTrace"][-1]
    assert service.records()[-1]["error"] == "ValueError"
    assert run(service)[1] is None
    assert service.records()[-1]["start"] == "warm"


@pytest.mark.parametrize(
    ("head", "handler", "error_type"),
    [
        ("import nothing_of_that_name", "app.handler", "Runtime.ImportModuleError"),
        ("def broken(:", "app.handler", "Runtime.UserCodeSyntaxError"),
        ("", "app.missing", "Runtime.HandlerNotFound"),
        ("raise KeyError('TABLE')", "app.handler", "KeyError"),
        ("", "app", "Runtime.MalformedHandlerName"),
    ],
)
def test_a_failing_init_is_reported_as_the_runtime_reports_it(
    account, service, head, handler, error_type
):
    account.create(source("return 1", head), Handler=handler)
    payload, error = run(service)
    assert (error, payload["errorType"]) == ("Unhandled", error_type)
    record = service.records()[-1]
    assert (record["start"], record["error"]) == ("cold", error_type)
    assert any("INIT_REPORT" in line and error_type in line for line in service.logs("f"))
    assert service.environments() == []


def test_a_timeout_ends_the_environment_with_lambdas_words(account, service):
    account.create(source("import time; time.sleep(30)"), Timeout=1)
    payload, error = run(service)
    assert error == "Unhandled"
    assert payload["errorType"] == "Sandbox.Timedout"
    message = payload["errorMessage"]
    assert message.startswith("RequestId: ")
    assert message.endswith(" Error: Task timed out after 1.00 seconds")
    assert 1000 <= service.records()[-1]["run_ms"] < 1500
    assert service.environments() == []
    assert any(line.endswith("Task timed out after 1.00 seconds") for line in service.logs("f"))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("import os; os._exit(7)", "Runtime exited with error: exit status 7"),
        ("import os; os._exit(0)", "Runtime exited without providing a reason"),
        ("import os; os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
    ],
)
def test_a_crash_is_an_exit_error_and_the_next_call_starts_anew(account, service, body, reason):
    account.create(source(f"\n    if 'die' in event:\n        {body}\n    return 1"))
    assert run(service) == (1, None)
    payload, error = run(service, {"die": 1})
    assert (error, payload["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert payload["errorMessage"].endswith(f" Error: {reason}")
    assert run(service) == (1, None)
    assert [record["start"] for record in service.records()] == ["cold", "warm", "cold"]


def test_more_memory_than_configured_ends_the_environment(account, service):
    account.create(source("return len(bytes(b'x' * (300 << 20)))"), MemorySize=128)
    payload, error = run(service)
    assert error == "Unhandled"
    assert payload["errorMessage"].endswith("Runtime exited with error: signal: killed")
    assert service.records()[-1]["error"] == "Runtime.OutOfMemory"
    assert "Max Memory Used: 128 MB" in service.logs("f")[-1]
    assert service.environments() == []


def test_memory_used_is_reported(account, service):
    account.create(source("return len(b'x' * (40 << 20))"), MemorySize=256)
    run(service)
    used = int(service.logs("f")[-1].split("Max Memory Used: ")[1].split(" MB")[0])
    assert 45 < used < 128


FROZEN = """
import threading, time
TICKS = 0

def tick():
    global TICKS
    while True:
        time.sleep(0.001)
        TICKS += 1

threading.Thread(target=tick, daemon=True).start()

def handler(event, context):
    before = TICKS
    time.sleep(event.get("sleep", 0))
    return {"before": before, "after": TICKS}
"""


def test_a_background_thread_stands_still_between_invocations(account, service):
    account.create(FROZEN)
    first, _ = run(service, {"sleep": 0.1})
    assert first["after"] - first["before"] > 20
    time.sleep(0.3)
    second, _ = run(service)
    assert second["before"] - first["after"] < 20


def test_an_init_past_its_limit_is_repeated_within_the_functions_timeout(account, make_service):
    service = make_service(init_seconds=0.2)
    account.create(source("return 1", "import time; time.sleep(30)"), Timeout=1)
    payload, _ = run(service)
    assert payload["errorType"] == "Sandbox.Timedout"
    reports = [line for line in service.logs("f") if line.startswith("INIT_REPORT")]
    assert len(reports) == 2
    assert all(line.endswith("Status: timeout") for line in reports)


def test_a_response_over_six_megabytes_is_refused(account, service):
    account.create(source("return 'x' * (6 * 1024 * 1024 + 200)"))
    payload, error = run(service)
    assert (error, payload["errorType"]) == ("Unhandled", "Function.ResponseSizeTooLarge")


def test_large_and_wide_events_arrive_unchanged(account, service):
    account.create(source("return event"))
    event = {"text": "é😀" * 200_000, "n": [1.5, None, True]}
    assert run(service, event) == (event, None)


def test_log_lines_of_one_invocation_stand_between_its_start_and_end(account, service):
    head = "import logging\nlogging.getLogger().setLevel('INFO')"
    body = "print('out'); logging.info('logged'); import sys; sys.stderr.write('err\\n'); return 1"
    account.create(source(body, head))
    run(service)
    lines = service.logs("f")
    start = next(n for n, line in enumerate(lines) if line.startswith("START"))
    assert lines[0].startswith("INIT_START Runtime Version: python:3")
    assert lines[start + 1] == "out"
    assert lines[start + 2].startswith("[INFO]\t20")
    assert lines[start + 2].endswith("Z\t" + lines[start].split()[2] + "\tlogged")
    assert lines[start + 3] == "err"
    assert lines[start + 4].startswith("END RequestId: ")
    assert lines[start + 5].startswith("REPORT RequestId: ")


def test_a_shipped_pyc_is_used_because_its_source_keeps_its_time(account, service, tmp_path):
    stamp = (2020, 5, 4, 3, 2, 2)
    when = calendar.timegm((*stamp, 0, 0, 0))
    (tmp_path / "slow.py").write_text("VALUE = 'pyc...'\n")
    os.utime(tmp_path / "slow.py", (when, when))
    compiled = py_compile.compile(str(tmp_path / "slow.py"), doraise=True)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", "import slow\ndef handler(e, c):\n    return slow.VALUE\n")
        archive.writestr(zipfile.ZipInfo("slow.py", stamp), "VALUE = 'source'\n")
        with open(compiled, "rb") as pyc:
            archive.writestr(f"__pycache__/{os.path.basename(compiled)}", pyc.read())
    account.create(buffer.getvalue())
    assert run(service) == ("pyc...", None)


def test_layers_are_importable_and_the_zip_wins(account, service):
    layer = account.client.publish_layer_version(
        LayerName="deps",
        Content={
            "ZipFile": zipped(
                {
                    "python/one.py": "VALUE = 'layer'",
                    f"python/lib/{PYTHON}/site-packages/two.py": "VALUE = 'layer'",
                    "python/three.py": "VALUE = 'layer'",
                }
            )
        },
    )["LayerVersionArn"]
    code = {
        "app.py": source("import one, two, three; return [one.VALUE, two.VALUE, three.VALUE]"),
        "three.py": "VALUE = 'zip'",
    }
    account.create(zipped(code), Layers=[layer])
    assert run(service) == (["layer", "layer", "zip"], None)


def test_client_context_reaches_the_handler(account, service):
    account.create(source("return context.client_context is not None"))
    encoded = base64.b64encode(b'{"custom": {"a": "b"}}').decode()
    result = call(service, "Invoke", FunctionName="f", Payload=b"{}", ClientContext=encoded)
    assert result["Payload"] == b"true"


def test_a_zip_that_is_none_is_refused_with_lambdas_error(account, service):
    account.create(b"no zip at all")
    with pytest.raises(ApiError) as caught:
        run(service)
    assert caught.value.code == "InvalidZipFileException"
    assert caught.value.status == 502


def test_nothing_is_written_into_the_unpacked_zip(account, service, tmp_path):
    account.create(zipped({"app.py": source("import other; return 1"), "other.py": ""}))
    run(service)
    roots = list(tmp_path.glob("lambda-*/code/*"))
    assert len(roots) == 1
    assert sorted(path.name for path in roots[0].rglob("*")) == ["app.py", "other.py"]


def test_a_frozen_environment_that_was_killed_is_replaced_unnoticed(account, service):
    account.create()
    first, _ = run(service)
    environment = service.environments()[0]
    environment.end()
    wait_until(lambda: not environment.is_alive())
    second, error = run(service)
    assert error is None
    assert second["pid"] != first["pid"]
