"""Speaks Lambda's Runtime API where awslambdaric has no wheel (macOS); standard library only.

It runs from the runtime directory, outside this package. Errors, log lines and the context have
the shapes that awslambdaric gives them, and one contract test runs both.
"""

import http.client
import importlib
import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from typing import Any

Handler = Callable[[Any, "LambdaContext"], Any]
Error = dict[str, Any]

_BASE = "/2018-06-01/runtime"
_LINE = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"


class LambdaContext:
    """The handler's second argument; times in milliseconds."""

    def __init__(self, headers: http.client.HTTPMessage) -> None:
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.client_context = json.loads(headers["Lambda-Runtime-Client-Context"] or "null")
        self.identity = None
        self._deadline_ms = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self) -> int:
        return max(0, self._deadline_ms - int(time.time() * 1000))


class _Client:
    """One kept connection to the Runtime API."""

    def __init__(self) -> None:
        self._connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

    def next(self) -> tuple[http.client.HTTPMessage, bytes]:
        self._connection.request("GET", f"{_BASE}/invocation/next")
        response = self._connection.getresponse()
        return response.headers, response.read()

    def post(self, path: str, body: bytes, error_type: str | None = None) -> None:
        headers = {"Content-Type": "application/json"}
        if error_type:
            headers["Lambda-Runtime-Function-Error-Type"] = error_type
        self._connection.request("POST", f"{_BASE}/{path}", body, headers)
        self._connection.getresponse().read()


class _RequestId(logging.Filter):
    """Puts the current request id on every log record."""

    value = ""

    def filter(self, record: logging.LogRecord) -> bool:
        record.aws_request_id = self.value
        return True


def _set_up_logging() -> _RequestId:
    request_id = _RequestId()
    handler = logging.StreamHandler(sys.stdout)
    handler.terminator = ""
    formatter = logging.Formatter(_LINE, "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    handler.addFilter(request_id)
    logging.getLogger().addHandler(handler)
    return request_id


def _error(error_type: str, message: str, stack: Iterable[str] = (), request_id: str = "") -> Error:
    return {
        "errorMessage": message,
        "errorType": error_type,
        "requestId": request_id,
        "stackTrace": list(stack),
    }


def _raised(error: Exception, request_id: str = "") -> Error:
    frames = traceback.extract_tb(error.__traceback__)
    while frames and os.path.basename(frames[0].filename) == "own_runtime.py":
        frames.pop(0)
    return _error(type(error).__name__, str(error), frames.format(), request_id)


def _load(handler: str) -> tuple[Handler | None, Error]:
    """The handler's function, or the init error that Lambda reports for it."""
    module_name, _, name = handler.rpartition(".")
    if not module_name:
        message = f"Bad handler '{handler}': not enough values to unpack (expected 2, got 1)"
        return None, _error("Runtime.MalformedHandlerName", message)
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        message = f"Unable to import module '{module_name}': {error}"
        return None, _error("Runtime.ImportModuleError", message)
    except SyntaxError as error:
        where = f'  File "{error.filename}" Line {error.lineno}\n    {error.text}'
        message = f"Syntax error in module '{module_name}': {error}"
        return None, _error("Runtime.UserCodeSyntaxError", message, [where])
    except Exception as error:
        return None, _raised(error)
    if not hasattr(module, name):
        message = f"Handler '{name}' missing on module '{module_name}'"
        return None, _error("Runtime.HandlerNotFound", message)
    return getattr(module, name), {}


def _log_error(error: Error) -> None:
    lines = [f"[ERROR] {error['errorType']}: {error['errorMessage']}"]
    lines.append("Traceback (most recent call last):")
    lines += [line for frame in error["stackTrace"] for line in frame.splitlines()]
    sys.stdout.write("\r".join(lines) + "\n")


def _handle(
    function: Handler, headers: http.client.HTTPMessage, body: bytes
) -> tuple[str, bytes, str | None]:
    """The path and body to post, and the error's type when there is one."""
    context = LambdaContext(headers)
    path = f"invocation/{context.aws_request_id}"
    try:
        answer = function(json.loads(body), context)
        encoded = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return f"{path}/response", encoded, None
    except Exception as raised:
        error = _raised(raised, context.aws_request_id)
        _log_error(error)
        return f"{path}/error", json.dumps(error).encode(), error["errorType"]


def run(handler: str) -> None:
    """Load the handler, then serve invocations until the Runtime API is gone."""
    sys.stdout = open(1, "w", buffering=1, encoding="utf-8", closefd=False)  # noqa: SIM115
    request_id = _set_up_logging()
    client = _Client()
    function, error = _load(handler)
    if function is None:
        _log_error(error)
        client.post("init/error", json.dumps(error).encode(), error["errorType"])
        sys.exit(1)
    while True:
        headers, body = client.next()
        request_id.value = headers["Lambda-Runtime-Aws-Request-Id"]
        os.environ["_X_AMZN_TRACE_ID"] = headers["Lambda-Runtime-Trace-Id"] or ""
        client.post(*_handle(function, headers, body))
