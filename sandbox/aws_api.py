"""What every stand-in of an AWS service offers the gateway; free of HTTP, so testable as calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Params = dict[str, Any]
Operation = Callable[[Params], Params]

REGION = "us-east-1"
ACCOUNT = "123456789012"


class ApiError(Exception):
    """An error as the API states it: botocore's `code`, HTTP `status`, extra `members`."""

    def __init__(self, code: str, message: str, status: int = 400, **members: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = members


class AwsService(Protocol):
    """One service by botocore's name; operations that it lacks are left to moto."""

    @property
    def service_name(self) -> str: ...

    @property
    def operations(self) -> Mapping[str, Operation]: ...


@dataclass(frozen=True, slots=True)
class InvokeResult:
    """What a synchronous invoke came to; `function_error` is None, "Handled" or "Unhandled"."""

    payload: bytes
    function_error: str | None
    executed_version: str


class LambdaInvoker(Protocol):
    """The part of the Lambda service that other stand-ins (Lex, rules) call directly."""

    def invoke(self, function_arn: str, payload: bytes) -> InvokeResult:
        """Run to the end; ApiError says ResourceNotFoundException or TooManyRequestsException."""
        ...

    def invoke_async(self, function_arn: str, payload: bytes) -> None:
        """Queue as `InvocationType=Event` does; ApiError when the function does not exist."""
        ...

    def allows(self, function_arn: str, principal: str, source_arn: str) -> bool:
        """Whether that function's and qualifier's policy lets `principal` invoke for the source."""
        ...
