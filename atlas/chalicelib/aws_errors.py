"""botocore's exceptions in Atlas's own terms, translated once and in one place."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import (
    DependencyError,
    RejectedByDependencyError,
    RetryableDependencyError,
    ThrottledError,
)

THROTTLING = frozenset(
    (
        "ThrottlingException",
        "Throttling",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceQuotaExceededException",
    )
)
"""Error codes by which AWS says that too much is asked of it, whatever the HTTP status."""
_TRANSIENT = frozenset(
    (
        "InternalServerException",
        "InternalServerError",
        "InternalFailure",
        "ServiceUnavailableException",
        "ServiceUnavailable",
        "ModelTimeoutException",
        "ModelNotReadyException",
        "ModelStreamErrorException",
        "ModelErrorException",
    )
)


def translated(dependency: str, exc: ClientError | BotoCoreError) -> DependencyError:
    """ThrottledError, RetryableDependencyError or RejectedByDependencyError for `exc`.

    The reason holds the error's code only: messages may quote the request. A BotoCoreError is a
    broken or late connection and so worth another try; a wrong parameter shows in tests.
    """
    if not isinstance(exc, ClientError):
        return RetryableDependencyError(dependency, type(exc).__name__)
    code = exc.response.get("Error", {}).get("Code", "Unknown")
    if code in THROTTLING:
        return ThrottledError(dependency, code)
    status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _TRANSIENT or code[:1].islower() or status >= 500:
        # Errors inside a stream come with their member name: "internalServerException".
        return _in_stream(dependency, code)
    return RejectedByDependencyError(dependency, code)


def _in_stream(dependency: str, code: str) -> DependencyError:
    capitalised = code[:1].upper() + code[1:]
    if capitalised in THROTTLING:
        return ThrottledError(dependency, capitalised)
    if capitalised == "ValidationException":
        return RejectedByDependencyError(dependency, capitalised)
    return RetryableDependencyError(dependency, capitalised)
