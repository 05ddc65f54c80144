"""Event invoke configs per function and qualifier; moto drops the qualifier and later puts."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

from sandbox.aws_api import ApiError, Operation, Params
from sandbox.lambda_service.event_queue import RetryPolicy
from sandbox.lambda_service.functions import LATEST, FunctionDirectory, Reference

_Key = tuple[int, str]
_MEMBERS = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")


class EventConfigs:
    """The five operations, and the retry policy that an Event invocation is queued with."""

    def __init__(self, directory: FunctionDirectory) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._configs: dict[_Key, dict[str, Any]] = {}
        self.operations: dict[str, Operation] = {
            "PutFunctionEventInvokeConfig": self.put,
            "UpdateFunctionEventInvokeConfig": self.update,
            "GetFunctionEventInvokeConfig": self.get,
            "DeleteFunctionEventInvokeConfig": self.delete,
            "ListFunctionEventInvokeConfigs": self.list_all,
        }

    def policy(self, reference: Reference) -> RetryPolicy:
        """The limits for events sent to that very qualifier; Lambda's defaults without a config."""
        key = (self._directory.incarnation(reference.name), reference.qualifier or LATEST)
        with self._lock:
            config = self._configs.get(key, {})
        default = RetryPolicy()
        return RetryPolicy(
            config.get("MaximumRetryAttempts", default.maximum_retry_attempts),
            config.get("MaximumEventAgeInSeconds", default.maximum_age_seconds),
        )

    def put(self, params: Params) -> Params:
        return self._store(params, {})

    def update(self, params: Params) -> Params:
        return self._store(params, self.get(params))

    def _store(self, params: Params, former: Params) -> Params:
        key, arn = self._key(params)
        _check_limits(params)
        config = {
            **former,
            **{name: params[name] for name in _MEMBERS if params.get(name) is not None},
            "FunctionArn": arn,
            "LastModified": datetime.now(UTC),
        }
        with self._lock:
            self._configs[key] = config
        return dict(config)

    def get(self, params: Params) -> Params:
        key, arn = self._key(params)
        with self._lock:
            config = self._configs.get(key)
        if config is None:
            raise _missing(arn)
        return dict(config)

    def delete(self, params: Params) -> Params:
        key, arn = self._key(params)
        with self._lock:
            if self._configs.pop(key, None) is None:
                raise _missing(arn)
        return {}

    def list_all(self, params: Params) -> Params:
        name = self._directory.parse(params["FunctionName"]).name
        incarnation = self._directory.incarnation(name)
        with self._lock:
            found = [dict(one) for key, one in self._configs.items() if key[0] == incarnation]
        return {"FunctionEventInvokeConfigs": found}

    def forget(self, function_name: str, qualifier: str) -> None:
        with self._lock:
            self._configs.pop((self._directory.incarnation(function_name), qualifier), None)

    def _key(self, params: Params) -> tuple[_Key, str]:
        reference = self._directory.parse(params["FunctionName"], params.get("Qualifier"))
        if self._directory.alias(reference) is None:
            self._directory.stored(reference)
        qualifier = reference.qualifier or LATEST
        arn = self._directory.arn(reference.name, qualifier)
        return (self._directory.incarnation(reference.name), qualifier), arn


def _check_limits(params: Params) -> None:
    """0 to 2 attempts, 60 to 21,600 s (API reference, PutFunctionEventInvokeConfig)."""
    for name, low, high in (
        ("MaximumRetryAttempts", 0, 2),
        ("MaximumEventAgeInSeconds", 60, 21_600),
    ):
        value = params.get(name)
        if value is not None and not low <= value <= high:
            message = f"{name} must be between {low} and {high}."
            raise ApiError("InvalidParameterValueException", message, Type="User")


def _missing(arn: str) -> ApiError:
    message = f"The function {arn} doesn't have an EventInvokeConfig"
    return ApiError("ResourceNotFoundException", message, 404, Type="User")
