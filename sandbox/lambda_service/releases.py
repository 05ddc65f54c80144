"""The control-plane calls of a release in which moto and AWS differ: versions, aliases, limits."""

from __future__ import annotations

import uuid
from typing import Any

from sandbox.aws_api import ApiError, Operation, Params
from sandbox.lambda_service.admission import Admission
from sandbox.lambda_service.event_configs import EventConfigs
from sandbox.lambda_service.fleet import Fleet
from sandbox.lambda_service.functions import LATEST, FunctionDirectory, Reference
from sandbox.lambda_service.permissions import Policies, precondition_failed
from sandbox.lambda_service.settings import UNRESERVED_MINIMUM


class Releases:
    """PublishVersion, the writing alias calls, DeleteFunction and PutFunctionConcurrency."""

    def __init__(
        self,
        directory: FunctionDirectory,
        fleet: Fleet,
        admission: Admission,
        policies: Policies,
        configs: EventConfigs,
        account_concurrency: int,
    ) -> None:
        self._directory = directory
        self._fleet = fleet
        self._admission = admission
        self._policies = policies
        self._configs = configs
        self._account_concurrency = account_concurrency
        self.operations: dict[str, Operation] = {
            "PublishVersion": self.publish_version,
            "CreateAlias": self.create_alias,
            "UpdateAlias": self.update_alias,
            "DeleteAlias": self.delete_alias,
            "DeleteFunction": self.delete_function,
            "PutFunctionConcurrency": self.put_concurrency,
        }

    def publish_version(self, params: Params) -> Params:
        """The new version, or the last one when neither code nor configuration has changed."""
        name = self._directory.parse(params["FunctionName"]).name
        latest = self._directory.latest(name)
        wanted = params.get("CodeSha256")
        if wanted and wanted != latest.code_sha_256:
            raise _invalid(
                f"CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST "
                f"({latest.code_sha_256}). Please try again with the CodeSHA256 in $LATEST."
            )
        published = self._directory.backend.publish_version(name, params.get("Description") or "")
        return without_nulls(published.get_configuration())

    def create_alias(self, params: Params) -> Params:
        """ResourceConflictException when it exists, which moto calls ConflictException."""
        name, alias_name = self._directory.parse(params["FunctionName"]).name, params["Name"]
        if alias_name.isdigit():
            raise ApiError("ValidationException", "An alias name cannot be a number.")
        if any(one.name == alias_name for one in self._aliases(name)):
            arn = self._directory.arn(name, alias_name)
            message = f"Alias already exists: {arn}"
            raise ApiError("ResourceConflictException", message, 409, Type="User")
        self._check_route(name, None, params)
        alias = self._directory.backend.create_alias(
            name=alias_name,
            function_name=name,
            function_version=params["FunctionVersion"],
            description=params.get("Description") or "",
            routing_config=params.get("RoutingConfig"),
        )
        return without_nulls(alias.to_json())

    def update_alias(self, params: Params) -> Params:
        """Move or weigh an alias; what is not named stays. Takes effect with the next request."""
        name = self._directory.parse(params["FunctionName"]).name
        alias = self._alias(name, params["Name"])
        if params.get("RevisionId") not in (None, alias.revision_id):
            raise precondition_failed()
        self._check_route(name, alias, params)
        self._directory.backend.update_alias(
            name=alias.name,
            function_name=name,
            function_version=params.get("FunctionVersion"),
            description=params.get("Description"),
            routing_config=params.get("RoutingConfig"),
        )
        alias.revision_id = str(uuid.uuid4())
        return without_nulls(alias.to_json())

    def delete_alias(self, params: Params) -> Params:
        name, alias_name = self._directory.parse(params["FunctionName"]).name, params["Name"]
        self._directory.latest(name)
        self._directory.backend.delete_alias(alias_name, name)
        self._policies.forget(name, alias_name)
        self._configs.forget(name, alias_name)
        self._release((name, alias_name))
        return {}

    def delete_function(self, params: Params) -> Params:
        """Delete a version or all; the environments of what is gone end before this returns."""
        reference = self._directory.parse(params["FunctionName"], params.get("Qualifier"))
        self._directory.stored(reference)
        if reference.qualifier is not None:
            self._check_deletable(reference.name, reference.qualifier)
        self._directory.backend.delete_function(reference.name, reference.qualifier)
        with self._fleet.lock:
            keys = [key for key in self._fleet.allocations if key[0] == reference.name]
        for key in keys:
            if reference.qualifier in (None, key[1]):
                self._release(key)
        self._fleet.upkeep()
        return {}

    def put_concurrency(self, params: Params) -> Params:
        """Reserve; not below what is provisioned, and 100 of the account stay unreserved."""
        name = self._directory.parse(params["FunctionName"]).name
        self._directory.latest(name)
        wanted = int(params["ReservedConcurrentExecutions"])
        provisioned = self._provisioned(name)
        if wanted < provisioned:
            raise _invalid(
                f"ReservedConcurrentExecutions '{wanted}' should not be lower than function's "
                f"total provisioned concurrency [{provisioned}]."
            )
        others = {key: n for key, n in self._admission.reservations().items() if key != name}
        if self._account_concurrency - sum(others.values()) - wanted < UNRESERVED_MINIMUM:
            raise _invalid(
                "Specified ReservedConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{UNRESERVED_MINIMUM}]."
            )
        self._directory.backend.put_function_concurrency(name, wanted)
        return {"ReservedConcurrentExecutions": wanted}

    def _provisioned(self, name: str) -> int:
        with self._fleet.lock:
            allocations = self._fleet.allocations.values()
            return sum(one.requested for one in allocations if one.key[0] == name)

    def _release(self, key: tuple[str, str]) -> None:
        with self._fleet.lock:
            allocation = self._fleet.allocations.get(key)
        if allocation is not None:
            self._fleet.release(allocation)

    def _aliases(self, name: str) -> list[Any]:
        self._directory.latest(name)
        return list(self._directory.backend.list_aliases(name))

    def _alias(self, name: str, alias_name: str) -> Any:
        for alias in self._aliases(name):
            if alias.name == alias_name:
                return alias
        arn = self._directory.arn(name, alias_name)
        raise ApiError("ResourceNotFoundException", f"Cannot find alias arn: {arn}", 404)

    def _check_deletable(self, name: str, qualifier: str) -> None:
        if qualifier == LATEST:
            raise _invalid("$LATEST version cannot be deleted without deleting the function.")
        pointing = [one.name for one in self._aliases(name) if qualifier in _versions(one)]
        if pointing:
            message = (
                f"Unable to delete version because the following aliases reference it: {pointing}"
            )
            raise ApiError("ResourceConflictException", message, 409, Type="User")

    def _check_route(self, name: str, alias: Any | None, params: Params) -> None:
        """A weighted alias has two different published versions, and no provisioned concurrency."""
        version = params.get("FunctionVersion") or getattr(alias, "function_version", None)
        if version != LATEST:
            self._directory.stored(Reference(name, version))
        routing = params.get("RoutingConfig")
        if routing is None:
            routing = getattr(alias, "routing_config", None)
        weights = (routing or {}).get("AdditionalVersionWeights") or {}
        if weights:
            self._check_weights(name, str(version), weights)
            with self._fleet.lock:
                provisioned = (name, params["Name"]) in self._fleet.allocations
            if provisioned:
                raise _invalid("Alias with weights can not be used with Provisioned Concurrency")

    def _check_weights(self, name: str, version: str, weights: dict[str, float]) -> None:
        if len(weights) > 1:
            raise _invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
        if LATEST in (version, *weights):
            raise _invalid("$LATEST is not supported for an alias pointing to more than 1 version")
        for other, weight in weights.items():
            if other == version:
                raise _invalid(
                    f"Invalid function version {other}. Function version {other} is already "
                    "included in routing configuration."
                )
            if not 0.0 <= weight <= 1.0:
                raise ApiError("ValidationException", "A weight must be between 0.0 and 1.0.")
            self._directory.stored(Reference(name, other))


def _versions(alias: Any) -> set[str]:
    weights = (alias.routing_config or {}).get("AdditionalVersionWeights") or {}
    return {str(alias.function_version), *map(str, weights)}


def without_nulls(members: dict[str, Any]) -> dict[str, Any]:
    """moto writes absent members as null; an output shape has none."""
    return {name: value for name, value in members.items() if value is not None}


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterValueException", message, Type="User")
