"""Provisioned concurrency: environments started ahead on a published version or an alias."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from sandbox.aws_api import ApiError, Operation, Params
from sandbox.lambda_service.admission import Admission
from sandbox.lambda_service.fleet import Allocation, Fleet, Key
from sandbox.lambda_service.functions import LATEST, FunctionDirectory, Reference, Target
from sandbox.lambda_service.process_env import PROVISIONED
from sandbox.lambda_service.settings import UNRESERVED_MINIMUM, Tunables
from sandbox.lambda_service.starter import InitError, Starter


class ProvisionedConcurrency:
    """The four operations, and the threads that start and replace the environments."""

    def __init__(
        self,
        directory: FunctionDirectory,
        fleet: Fleet,
        starter: Starter,
        admission: Admission,
        tunables: Tunables,
    ) -> None:
        self._directory = directory
        self._fleet = fleet
        self._starter = starter
        self._admission = admission
        self._tunables = tunables
        self._closed = False
        # More starts at a time than processors only make each of them slower.
        self._workers = ThreadPoolExecutor(max(2, os.cpu_count() or 1), "lambda-provision")
        fleet.on_loss = self._replace
        self.operations: dict[str, Operation] = {
            "PutProvisionedConcurrencyConfig": self.put,
            "GetProvisionedConcurrencyConfig": self.get,
            "ListProvisionedConcurrencyConfigs": self.list_all,
            "DeleteProvisionedConcurrencyConfig": self.delete,
        }

    def put(self, params: Params) -> Params:
        """Start (or resize to) that many environments; answers at once, IN_PROGRESS."""
        target = self._target(params)
        key = _key(target)
        requested = int(params["ProvisionedConcurrentExecutions"])
        self._check(target, key, requested)
        allocation = Allocation(key, target.version, requested, _now())
        with self._fleet.lock:
            former = self._fleet.allocations.get(key)
        if former is not None and former.spec == target.version and former.failure is None:
            return self._resize(former, requested)
        self._begin(allocation)
        return self._describe(allocation)

    def _begin(self, allocation: Allocation) -> None:
        with self._fleet.lock:
            former = self._fleet.allocations.pop(allocation.key, None)
            self._fleet.allocations[allocation.key] = allocation
        if former is not None:
            self._fleet.release(former)
        self._start(allocation, allocation.requested)

    def _resize(self, allocation: Allocation, requested: int) -> Params:
        with self._fleet.lock:
            more = requested - allocation.requested
            allocation.requested = requested
            allocation.last_modified = _now()
            allocation.was_ready = False
            surplus = [allocation.idle.pop() for _ in range(min(-more, len(allocation.idle)))]
        for environment in surplus:
            self._fleet.discard(environment)
        self._start(allocation, max(0, more))
        return self._describe(allocation)

    def _start(self, allocation: Allocation, count: int) -> None:
        for _ in range(count):
            self._workers.submit(self._start_one, allocation)

    def _start_one(self, allocation: Allocation) -> None:
        if not self._stands(allocation):
            return
        try:
            environment = self._starter.start(allocation.spec, PROVISIONED)
        except InitError:
            self._fail(allocation, "FUNCTION_ERROR_INIT_FAILURE")
        except ApiError as error:
            self._fail(allocation, error.message)
        else:
            self._fleet.enlist(environment, allocation)

    def _fail(self, allocation: Allocation, reason: str) -> None:
        with self._fleet.lock:
            allocation.failure = reason

    def _stands(self, allocation: Allocation) -> bool:
        with self._fleet.lock:
            standing = self._fleet.allocations.get(allocation.key) is allocation
            return standing and len(allocation.members) < allocation.requested

    def _replace(self, allocation: Allocation) -> None:
        """Start another for one that died; a failing init ends this, as it sets FAILED."""
        if not self._closed and allocation.failure is None:
            self._start(allocation, 1)

    def upkeep(self) -> None:
        """Follow aliases that have moved; drop allocations whose version or alias is gone."""
        with self._fleet.lock:
            allocations = list(self._fleet.allocations.values())
        for allocation in allocations:
            try:
                current = self._directory.target(*allocation.key).version
            except ApiError:
                self._fleet.release(allocation)
                continue
            if current != allocation.spec:
                moved = Allocation(allocation.key, current, allocation.requested, _now())
                self._begin(moved)

    def close(self) -> None:
        self._closed = True
        self._workers.shutdown(wait=True, cancel_futures=True)

    def get(self, params: Params) -> Params:
        return self._describe(self._allocation(params))

    def list_all(self, params: Params) -> Params:
        name = self._directory.parse(params["FunctionName"]).name
        self._directory.latest(name)
        with self._fleet.lock:
            found = [one for one in self._fleet.allocations.values() if one.key[0] == name]
        items = [
            {"FunctionArn": self._directory.arn(*one.key), **self._describe(one)} for one in found
        ]
        return {"ProvisionedConcurrencyConfigs": items}

    def delete(self, params: Params) -> Params:
        self._fleet.release(self._allocation(params))
        return {}

    def _allocation(self, params: Params) -> Allocation:
        key = _key(self._target(params))
        with self._fleet.lock:
            allocation = self._fleet.allocations.get(key)
        if allocation is None:
            raise ApiError(
                "ProvisionedConcurrencyConfigNotFoundException",
                "No Provisioned Concurrency Config found for this function",
                404,
                Type="User",
            )
        return allocation

    def _target(self, params: Params) -> Target:
        target = self._directory.target(params["FunctionName"], params.get("Qualifier"))
        if target.version.version == LATEST:
            raise _invalid(
                "Provisioned Concurrency Configs cannot be applied to unpublished function "
                "versions."
            )
        return target

    def _check(self, target: Target, key: Key, requested: int) -> None:
        with self._fleet.lock:
            others = [one for other, one in self._fleet.allocations.items() if other != key]
        self._check_overlap(target, others)
        own = sum(one.requested for one in others if one.key[0] == key[0])
        reservations = self._admission.reservations()
        reserved = reservations.get(key[0])
        if reserved is not None and own + requested > reserved:
            raise _invalid(
                "Specified ConcurrentExecutions for function is greater than function's reserved "
                "concurrency"
            )
        unreserved = sum(one.requested for one in others if one.key[0] not in reservations)
        free = self._tunables.account_concurrency - sum(reservations.values()) - unreserved
        if reserved is None and free - requested < UNRESERVED_MINIMUM:
            raise _invalid(
                "Specified ConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{UNRESERVED_MINIMUM}]."
            )

    def _check_overlap(self, target: Target, others: list[Allocation]) -> None:
        """AWS refuses provisioned concurrency on a version and on an alias of it at once."""
        function, version = target.version.function, target.version.version
        if target.alias:
            self._check_weights(target.reference)
            if any(one.key == (function, version) for one in others):
                raise _conflict(
                    "Alias can't be used for Provisioned Concurrency configuration on an already "
                    "Provisioned version"
                )
        elif any(one.spec == target.version for one in others):
            raise _conflict("Version is pointed by a Provisioned Concurrency alias")

    def _check_weights(self, reference: Reference) -> None:
        alias = self._directory.alias(reference)
        if (getattr(alias, "routing_config", None) or {}).get("AdditionalVersionWeights"):
            raise _invalid("Alias with weights can not be used with Provisioned Concurrency")

    def _describe(self, allocation: Allocation) -> dict[str, Any]:
        with self._fleet.lock:
            ready = len(allocation.members)
            described = {
                "RequestedProvisionedConcurrentExecutions": allocation.requested,
                "AvailableProvisionedConcurrentExecutions": ready,
                "AllocatedProvisionedConcurrentExecutions": ready,
                "Status": "READY" if allocation.is_ready() else "IN_PROGRESS",
                "LastModified": allocation.last_modified,
            }
            if allocation.failure:
                described |= {"Status": "FAILED", "StatusReason": allocation.failure}
        return described


def _key(target: Target) -> Key:
    return target.version.function, target.alias or target.version.version


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterValueException", message, Type="User")


def _conflict(message: str) -> ApiError:
    return ApiError("ResourceConflictException", message, 409, Type="User")
