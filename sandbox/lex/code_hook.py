"""One invocation of the alias's function: permission, limits, and Lex's errors for what goes wrong.

Errors: the service's guide and the exceptions' documentation name 424 DependencyFailedException
for a missing permission, an exception and 30 seconds without an answer, 502 BadGatewayException
for an internal failure of Lambda, and 429 when the function is at its concurrency. The wordings
"Invalid Lambda Response: ..." are those that people quote; the one for a missing permission is
put together from such quotes and not verified.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sandbox.aws_api import ApiError, InvokeResult, LambdaInvoker
from sandbox.lex.code_hook_reply import Reply, dependency_failed, parse_reply
from sandbox.lex.wire import Place

PRINCIPAL = "lexv2.amazonaws.com"
TIMEOUT_SECONDS = 30.0
# "Lambda input 12 KB, output 25 KB", from the 2021 guide.
MAX_INPUT_BYTES = 12 * 1024


class FunctionFailed(Exception):
    """The function threw or took too long; the bot may have a message for that."""

    def __init__(self, error: ApiError, timed_out: bool) -> None:
        super().__init__(error.message)
        self.error = error
        self.timed_out = timed_out


class CodeHookCaller:
    """Invokes the function of one turn's place."""

    def __init__(self, invoker: LambdaInvoker, clock: Callable[[], float]) -> None:
        self._invoker = invoker
        self._clock = clock

    def call(self, place: Place, event: dict[str, Any]) -> Reply:
        """FunctionFailed for what the bot may answer itself, ApiError for everything else."""
        arn = self._permitted(place)
        payload = json.dumps(event, ensure_ascii=False).encode()
        if len(payload) > MAX_INPUT_BYTES:
            raise dependency_failed(
                "Invalid Lambda Request: Lambda request exceeds maximum size "
                f"({len(payload)} vs. 12K)"
            )
        started = self._clock()
        result = self._invoke(arn, payload)
        self._check_outcome(arn, result, self._clock() - started)
        return parse_reply(result.payload, place.locale.definition)

    def _permitted(self, place: Place) -> str:
        arn = place.lambda_arn
        if arn is None:
            raise dependency_failed(
                "Invalid Bot Configuration: the bot alias has no Lambda function for the locale "
                f"{place.locale.definition.locale_id}, which the intent's code hook needs."
            )
        source = place.bot.alias_arn(place.alias.alias_id)
        if not self._invoker.allows(arn, PRINCIPAL, source):
            raise dependency_failed(
                f"Invalid Bot Configuration: Access Denied while invoking lambda function {arn} "
                "from Amazon Lex. Please check the policy on this function."
            )
        return arn

    def _invoke(self, arn: str, payload: bytes) -> InvokeResult:
        try:
            return self._invoker.invoke(arn, payload)
        except ApiError as exc:
            raise _translated(arn, exc) from exc

    def _check_outcome(self, arn: str, result: InvokeResult, seconds: float) -> None:
        if seconds > TIMEOUT_SECONDS:
            error = dependency_failed(
                f"Invalid Lambda Response: Lambda function {arn} timed out after 30 seconds"
            )
            raise FunctionFailed(error, timed_out=True)
        if result.function_error:
            error = dependency_failed(
                "Invalid Lambda Response: Received error response from Lambda: "
                f"{result.function_error}"
            )
            raise FunctionFailed(error, timed_out=False)


def _translated(arn: str, exc: ApiError) -> ApiError:
    if exc.code == "TooManyRequestsException":
        return ApiError("ThrottlingException", exc.message, status=429)
    if exc.status >= 500:
        return ApiError("BadGatewayException", f"Lambda failed: {exc.message}", status=502)
    return dependency_failed(f"Invalid Bot Configuration: invoking {arn}: {exc.message}")
