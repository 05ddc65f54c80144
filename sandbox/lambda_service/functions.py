"""Finds in moto's control plane which function version a name, ARN and qualifier mean."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from moto.awslambda.utils import get_backend
from moto.core.exceptions import JsonRESTError

from sandbox.aws_api import ApiError

LATEST = "$LATEST"

_REFERENCE = re.compile(
    r"^(?:arn:aws[a-z-]*:lambda:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):function:"
    r"|(?:(?P<part_account>\d{12}):)?function:)?"
    r"(?P<name>[A-Za-z0-9_-]+)(?::(?P<qualifier>\$LATEST|[A-Za-z0-9_-]+))?$"
)


@dataclass(frozen=True, slots=True)
class Reference:
    """A function as a caller names it; `qualifier` is None, `$LATEST`, a version or an alias."""

    name: str
    qualifier: str | None


@dataclass(frozen=True, slots=True)
class Code:
    """A zip; equal when its hash is."""

    sha256: str
    content: bytes = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class FunctionVersion:
    """All that decides how an environment runs; two unequal ones never share a process."""

    incarnation: int
    function: str
    version: str
    handler: str
    runtime: str
    memory_mb: int
    timeout_seconds: int
    traced: bool
    code: Code
    layers: tuple[Code, ...]
    variables: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Target:
    """What one invocation runs: the ARN it was called by, the alias if any, and the version."""

    arn: str
    reference: Reference
    alias: str | None
    version: FunctionVersion


class FunctionDirectory:
    """Reads moto's Lambda backend; it holds no copy, so a change there counts at once."""

    def __init__(self, account: str, region: str, choose: Callable[[], float]) -> None:
        self.account = account
        self.region = region
        self._choose = choose
        self._serials = itertools.count(1)
        self._incarnations: WeakKeyDictionary[Any, int] = WeakKeyDictionary()

    @property
    def backend(self) -> Any:
        return get_backend(self.account, self.region)

    def arn(self, name: str, qualifier: str | None = None) -> str:
        arn = f"arn:aws:lambda:{self.region}:{self.account}:function:{name}"
        return f"{arn}:{qualifier}" if qualifier else arn

    def parse(self, function_name: str, qualifier: str | None = None) -> Reference:
        """Split a name, partial or full ARN; ApiError where it is malformed or contradictory."""
        match = _REFERENCE.match(function_name)
        if match is None:
            raise ApiError("ValidationException", f"Invalid function name: {function_name}")
        self._check_home(function_name, match)
        own = match["qualifier"]
        if own and qualifier and own != qualifier:
            raise ApiError(
                "InvalidParameterValueException",
                "The derived qualifier from the function name does not match the specified "
                "qualifier.",
            )
        return Reference(match["name"], own or qualifier)

    def _check_home(self, function_name: str, match: re.Match[str]) -> None:
        region = match["region"] or self.region
        account = match["account"] or match["part_account"] or self.account
        if (region, account) != (self.region, self.account):
            raise _not_found(function_name)

    def latest(self, name: str) -> Any:
        """moto's object for `$LATEST`; ApiError ResourceNotFoundException (404)."""
        return self._lookup(Reference(name, None))

    def stored(self, reference: Reference) -> Any:
        """moto's object for the version that the reference means, an alias by its main version."""
        return self._lookup(reference)

    def functions(self) -> list[Any]:
        """moto's `$LATEST` objects of all functions."""
        while True:
            # moto iterates its own dictionary, which another request may change meanwhile.
            with contextlib.suppress(RuntimeError):
                return list(self.backend.list_functions())

    def alias(self, reference: Reference) -> Any | None:
        """moto's alias when the qualifier is one; None for `$LATEST`, versions and no qualifier."""
        qualifier = reference.qualifier
        if qualifier is None or qualifier == LATEST or qualifier.isdigit():
            return None
        self.latest(reference.name)
        try:
            return self.backend.get_alias(name=qualifier, function_name=reference.name)
        except JsonRESTError as error:
            raise _not_found(self.arn(reference.name, qualifier)) from error

    def _lookup(self, reference: Reference) -> Any:
        try:
            found = self.backend.get_function(reference.name, reference.qualifier)
        except JsonRESTError as error:
            raise _not_found(self.arn(reference.name, reference.qualifier)) from error
        if found is None:
            raise _not_found(self.arn(reference.name, reference.qualifier))
        return found

    def target(self, function_name: str, qualifier: str | None = None) -> Target:
        """Resolve to one version; a weighted alias draws one each time it is asked."""
        reference = self.parse(function_name, qualifier)
        alias = self.alias(reference)
        version = self._pick(alias) if alias else reference.qualifier
        return Target(
            self.arn(reference.name, reference.qualifier),
            reference,
            reference.qualifier if alias else None,
            self.snapshot(Reference(reference.name, version)),
        )

    def _pick(self, alias: Any) -> str:
        weights = (alias.routing_config or {}).get("AdditionalVersionWeights") or {}
        draw = self._choose() if weights else 1.0
        for version, weight in weights.items():
            if draw < weight:
                return str(version)
            draw -= weight
        return str(alias.function_version)

    def snapshot(self, reference: Reference) -> FunctionVersion:
        """What moto holds of that version now, as an environment needs it."""
        stored = self._lookup(reference)
        return FunctionVersion(
            incarnation=self.incarnation(reference.name),
            function=reference.name,
            version=str(stored.version),
            handler=str(stored.handler or ""),
            runtime=str(stored.run_time or ""),
            memory_mb=int(stored.memory_size),
            timeout_seconds=int(stored.timeout),
            traced=(stored.tracing_config or {}).get("Mode") == "Active",
            code=Code(stored.code_sha_256, stored.code_bytes),
            layers=tuple(self._layer(layer["Arn"]) for layer in stored.layers or ()),
            variables=tuple(sorted((stored.environment_vars or {}).items())),
        )

    def _layer(self, arn: str) -> Code:
        layer = self.backend.layers_versions_by_arn(arn)
        return Code(layer.code_sha_256, layer.code_bytes)

    def incarnation(self, name: str) -> int:
        """A number for each creation: a function made anew shares nothing with the old one."""
        latest = self.latest(name)
        return self._incarnations.setdefault(latest, next(self._serials))

    def is_current(self, version: FunctionVersion) -> bool:
        """Whether moto still holds exactly this: not deleted, not changed."""
        try:
            return self.snapshot(Reference(version.function, version.version)) == version
        except ApiError:
            return False


def _not_found(arn: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"Function not found: {arn}", 404, Type="User")
