"""The Lambda service: moto's control plane, and environments that run what was deployed to it."""

from __future__ import annotations

import base64
import json
import logging
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox.aws_api import ACCOUNT, REGION, ApiError, InvokeResult, Operation, Params
from sandbox.lambda_service import moto_patch
from sandbox.lambda_service.admission import Admission
from sandbox.lambda_service.code_store import CodeStore
from sandbox.lambda_service.environment import Environment
from sandbox.lambda_service.event_configs import EventConfigs
from sandbox.lambda_service.event_queue import EventQueue
from sandbox.lambda_service.fleet import Fleet
from sandbox.lambda_service.functions import Code, FunctionDirectory
from sandbox.lambda_service.invoker import Finished, Invoker
from sandbox.lambda_service.logs import FunctionLogs
from sandbox.lambda_service.observer import Observer, Unobserved
from sandbox.lambda_service.permissions import Policies
from sandbox.lambda_service.provisioned import ProvisionedConcurrency
from sandbox.lambda_service.records import Records
from sandbox.lambda_service.releases import Releases
from sandbox.lambda_service.settings import Tunables
from sandbox.lambda_service.starter import Starter

NO_DAEMON = "127.0.0.1:2000"
"""The address that Lambda's environments have; nobody listens there where no receiver runs."""
_LOG = logging.getLogger(__name__)

MAX_REQUEST_BYTES = 6 * 1024 * 1024
MAX_EVENT_BYTES = 1024 * 1024
"""Lambda quotas: 6 MB for a synchronous invocation, 1 MB for an event."""


class LambdaService:
    """An AwsService and a LambdaInvoker; every method may be called from any thread."""

    service_name = "lambda"

    def __init__(
        self,
        endpoint: str,
        region: str = REGION,
        account: str = ACCOUNT,
        *,
        work_dir: Path,
        tunables: Tunables | None = None,
        choose: Callable[[], float] = random.random,
        observer: Observer | None = None,
        xray_daemon: str = NO_DAEMON,
    ) -> None:
        tunables, observer = tunables or Tunables(), observer or Unobserved()
        self._account, self._region = account, region
        self._directory = FunctionDirectory(account, region, choose)
        self._records = Records(tunables.records)
        self._logs = FunctionLogs(account, region, tunables.log_lines, observer.wrote)
        self._admission = Admission(self._directory, tunables.account_concurrency)
        self._fleet = Fleet(tunables, self._directory.is_current)
        self._store = store = CodeStore(Path(work_dir).resolve(), tunables.runtime_client)
        sink = self._logs.write
        self._starter = Starter(store, self._fleet, endpoint, region, sink, tunables, xray_daemon)
        self._invoker = Invoker(
            self._admission, self._fleet, self._starter, self._records, sink, observer
        )
        self._policies = Policies(self._directory)
        self._configs = EventConfigs(self._directory)
        self._events = EventQueue(self._invoker, self._directory, tunables)
        self._provisioned = ProvisionedConcurrency(
            self._directory, self._fleet, self._starter, self._admission, tunables
        )
        releases = Releases(
            self._directory,
            self._fleet,
            self._admission,
            self._policies,
            self._configs,
            tunables.account_concurrency,
        )
        self._operations: dict[str, Operation] = {
            "Invoke": self._invoke,
            **self._provisioned.operations,
            **self._policies.operations,
            **self._configs.operations,
            **releases.operations,
        }
        self._closing = threading.Event()
        self._upkeep = threading.Thread(
            target=self._look_after, args=(tunables.upkeep_seconds,), name="lambda-upkeep"
        )
        self._upkeep.daemon = True
        self._upkeep.start()
        moto_patch.connect(account, region, self)

    @property
    def operations(self) -> dict[str, Operation]:
        return self._operations

    def invoke(self, function_arn: str, payload: bytes) -> InvokeResult:
        """Run to the end; ApiError says ResourceNotFoundException or TooManyRequestsException."""
        finished = self._invoker.run(self._directory.target(function_arn), payload)
        error = "Unhandled" if finished.error else None
        return InvokeResult(finished.payload, error, finished.version)

    def invoke_async(self, function_arn: str, payload: bytes) -> None:
        """Queue as `InvocationType=Event` does; ApiError when the function does not exist."""
        self._queue({"FunctionName": function_arn, "Payload": payload})

    def allows(self, function_arn: str, principal: str, source_arn: str) -> bool:
        """Whether that function's and qualifier's policy lets `principal` invoke for the source."""
        return self._policies.allows(function_arn, principal, source_arn)

    def grant(self, params: Params) -> None:
        """AddPermission, for CloudFormation."""
        self._policies.add(params)

    def prepare(self, code: Code) -> None:
        """Begin to unpack a zip that was uploaded, so that the first cold start finds it done."""
        self._store.unpack_soon(code)

    def invoke_for_moto(self, function: str, payload: bytes) -> tuple[str, bool, str]:
        """An invoke from within moto, in the terms of the method that it replaces."""
        finished = self._invoker.run(self._directory.target(function), payload)
        return finished.payload.decode("utf-8", "replace"), finished.error is not None, ""

    def records(self) -> list[dict[str, Any]]:
        """Every finished invocation, oldest first; `init_ms` is 0 unless the start was cold."""
        return self._records.all()

    def failed_events(self) -> list[dict[str, Any]]:
        """Event invocations that were given up, with payload, attempts and the reason."""
        return self._events.failed()

    def logs(self, function: str, limit: int = 100) -> list[str]:
        """The function's last log lines, oldest first, without waiting for CloudWatch Logs."""
        return self._logs.recent(function, limit)

    def flush_logs(self) -> None:
        """Bring moto's CloudWatch Logs up to date now."""
        self._logs.flush()

    def wait_for_events(self, timeout_seconds: float) -> bool:
        """Whether every queued event came to its end within the time."""
        return self._events.wait_until_idle(timeout_seconds)

    def environments(self) -> list[Environment]:
        """The live environments, oldest first."""
        return self._fleet.environments()

    def reset(self) -> None:
        """Forget the records and the failed events; environments stay."""
        self._records.clear()
        self._events.clear_failed()

    def close(self) -> None:
        """End every environment and thread; calls that still run see their process end."""
        moto_patch.disconnect(self._account, self._region, self)
        self._closing.set()
        self._events.close()
        self._fleet.close()
        self._provisioned.close()
        self._events.join()
        self._upkeep.join()
        self._starter.close()
        self._store.close()
        self._logs.close()

    def _look_after(self, seconds: float) -> None:
        while not self._closing.wait(seconds):
            try:
                self._provisioned.upkeep()
                self._fleet.upkeep()
            except Exception:
                # Upkeep has to go on; the next round sees the same state again.
                _LOG.exception("upkeep failed")

    def _invoke(self, params: Params) -> Params:
        kind = params.get("InvocationType") or "RequestResponse"
        if kind == "Event":
            self._queue(params)
            return {"StatusCode": 202, "Payload": b""}
        target = self._directory.target(params["FunctionName"], params.get("Qualifier"))
        if kind == "DryRun":
            return {"StatusCode": 204, "Payload": b""}
        payload = _checked(params.get("Payload"), MAX_REQUEST_BYTES)
        finished = self._invoker.run(target, payload, client_context=_client_context(params))
        return _response(finished, params.get("LogType") == "Tail")

    def _queue(self, params: Params) -> None:
        target = self._directory.target(params["FunctionName"], params.get("Qualifier"))
        payload = _checked(params.get("Payload"), MAX_EVENT_BYTES)
        policy = self._configs.policy(target.reference)
        self._events.put(target.arn, payload, policy, _client_context(params))


def _response(finished: Finished, with_log: bool) -> Params:
    response: Params = {
        "StatusCode": 200,
        "ExecutedVersion": finished.version,
        "Payload": finished.payload,
    }
    if finished.error:
        response["FunctionError"] = "Unhandled"
    if with_log:
        response["LogResult"] = finished.log_tail
    return response


def _checked(payload: Any, limit: int) -> bytes:
    """The event as Lambda takes it: JSON within the limit; an empty body counts as `{}`."""
    body = payload.encode() if isinstance(payload, str) else bytes(payload or b"{}")
    if len(body) > limit:
        message = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
        raise ApiError("RequestTooLargeException", message, 413, Type="User")
    try:
        json.loads(body)
    except ValueError as error:
        message = f"Could not parse request body into json: {error}"
        raise ApiError("InvalidRequestContentException", message, Type="User") from error
    return body


def _client_context(params: Params) -> str | None:
    """The header holds base64 of JSON; the runtime wants the JSON."""
    encoded = params.get("ClientContext")
    if not encoded:
        return None
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except ValueError as error:
        message = "Client context must be a valid Base64-encoded JSON object."
        raise ApiError("InvalidRequestContentException", message, Type="User") from error
