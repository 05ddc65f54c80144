"""An environment's variables: Lambda's reserved set, the function's own, no more."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sandbox.lambda_service.functions import FunctionVersion

ON_DEMAND = "on-demand"
PROVISIONED = "provisioned-concurrency"

CREDENTIAL = "sandbox"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an environment runs: directories, region and endpoint, and X-Ray's daemon."""

    task_root: Path
    runtime_dir: Path
    region: str
    endpoint: str
    xray_daemon: str = "127.0.0.1:2000"


def log_group(function: str) -> str:
    return f"/aws/lambda/{function}"


def new_log_stream(version: str) -> str:
    """A name as Lambda gives each environment: the day, the version, 32 hexadecimal digits."""
    return f"{datetime.now(UTC):%Y/%m/%d}/[{version}]{uuid.uuid4().hex}"


def variables(
    spec: FunctionVersion, place: Place, initialization: str, stream: str, api_address: str
) -> dict[str, str]:
    """Lambda's defined runtime variables, which win over the function's own where it reserves them.

    Source: Lambda developer guide, "Defined runtime environment variables". The one addition is
    AWS_ENDPOINT_URL, which leads the function's clients back to the sandbox.
    """
    changeable = {
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LD_LIBRARY_PATH": f"{place.task_root}:{place.task_root}/lib",
        "PYTHONPATH": str(place.runtime_dir),
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_ENDPOINT_URL": place.endpoint,
    }
    reserved = _reserved(spec, place, initialization, stream)
    return {
        **changeable,
        **dict(spec.variables),
        **reserved,
        "AWS_LAMBDA_RUNTIME_API": api_address,
    }


def _reserved(
    spec: FunctionVersion, place: Place, initialization: str, stream: str
) -> dict[str, str]:
    return {
        "_HANDLER": spec.handler,
        "AWS_REGION": place.region,
        "AWS_DEFAULT_REGION": place.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": spec.function,
        "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": initialization,
        "AWS_LAMBDA_LOG_GROUP_NAME": log_group(spec.function),
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_ACCESS_KEY_ID": CREDENTIAL,
        "AWS_SECRET_ACCESS_KEY": CREDENTIAL,
        "AWS_SESSION_TOKEN": CREDENTIAL,
        "AWS_XRAY_DAEMON_ADDRESS": place.xray_daemon,
        "_AWS_XRAY_DAEMON_ADDRESS": place.xray_daemon.partition(":")[0],
        "_AWS_XRAY_DAEMON_PORT": place.xray_daemon.partition(":")[2],
        "LAMBDA_TASK_ROOT": str(place.task_root),
        "LAMBDA_RUNTIME_DIR": str(place.runtime_dir),
    }


RESERVED = frozenset(
    [
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    ]
)
"""Names that CreateFunction and UpdateFunctionConfiguration refuse (same page of the guide)."""
