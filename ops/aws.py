"""The clients that the release uses, built once, each with time-outs and bounded retries."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from ops.stages import FUNCTIONS

LOCAL_ENDPOINT = "http://127.0.0.1:4566"

# A health invoke may take as long as the function's own time-out; everything else is quick.
_READ_TIMEOUT_SECONDS = max(f.timeout_seconds for f in FUNCTIONS) + 10
_CONFIG = Config(
    connect_timeout=5,
    read_timeout=_READ_TIMEOUT_SECONDS,
    retries={"mode": "standard", "total_max_attempts": 5},
)


def _no_client(service: str) -> Any:
    raise LookupError(f"no client of {service} was given")


@dataclass(frozen=True, slots=True)
class Clients:
    """boto3's clients: of every release's services as fields, of any other by its name, once."""

    lambda_: Any
    lex: Any
    dynamodb: Any
    stepfunctions: Any
    of: Callable[[str], Any] = _no_client


def clients(stage: str, profile: str = "") -> Clients:
    """Clients for `stage`; endpoint, region and credentials as botocore finds them.

    `profile` names other credentials than the usual ones. Stage `local` without AWS_ENDPOINT_URL
    goes to the sandbox's usual address, never to AWS.
    """
    session = boto3.Session(profile_name=profile or None)
    return Clients(
        lambda_=client(stage, "lambda", session),
        lex=client(stage, "lexv2-models", session),
        dynamodb=client(stage, "dynamodb", session),
        stepfunctions=client(stage, "stepfunctions", session),
        of=cache(partial(client, stage, session=session)),
    )


def client(stage: str, service: str, session: Any = None) -> Any:
    """One client of that service, under the same rules as `clients`."""
    options: Any = _local_options() if stage == "local" else {}
    maker: Any = session or boto3.Session()
    return maker.client(service, config=_CONFIG, **options)


def pages(operation: Any, member: str, **params: Any) -> Iterator[dict[str, Any]]:
    """Every item of `member` over a list operation's pages, in each service's own style."""
    while True:
        page = operation(**params)
        yield from page.get(member, [])
        if marker := page.get("NextMarker"):
            params["Marker"] = marker
        elif token := page.get("nextToken"):
            params["nextToken"] = token
        elif token := page.get("NextToken"):
            params["NextToken"] = token
        else:
            return


def is_error(error: ClientError, *codes: str) -> bool:
    """Whether AWS answered with one of these error codes."""
    return error.response.get("Error", {}).get("Code") in codes


def found(operation: Any, **params: Any) -> Any:
    """The operation's answer, or None when AWS says that there is no such thing."""
    try:
        return operation(**params)
    except ClientError as error:
        missing = ("ResourceNotFoundException", "ProvisionedConcurrencyConfigNotFoundException")
        if is_error(error, *missing):
            return None
        raise


def local_variables() -> dict[str, str]:
    """The same place as environment variables, for what runs in a process of its own."""
    options = _local_options()
    return {
        "AWS_ENDPOINT_URL": options["endpoint_url"],
        "AWS_DEFAULT_REGION": options["region_name"],
        "AWS_ACCESS_KEY_ID": options["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": options["aws_secret_access_key"],
    }


def _local_options() -> dict[str, str]:
    return {
        "endpoint_url": os.environ.get("AWS_ENDPOINT_URL", LOCAL_ENDPOINT),
        "region_name": os.environ.get("AWS_REGION", "us-east-1"),
        "aws_access_key_id": os.environ.get("AWS_ACCESS_KEY_ID", "sandbox"),
        "aws_secret_access_key": os.environ.get("AWS_SECRET_ACCESS_KEY", "sandbox"),
    }
