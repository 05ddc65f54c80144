"""The release's steps before traffic: the functions as deployed, their versions, their health."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from ops.aws import found, is_error, pages
from ops.errors import RefusedError
from ops.lambda_aliases import live_aliases, serves
from ops.stages import FUNCTIONS, function_name
from ops.steps import NEW_VERSION, Context, Done
from ops.together import each

HEALTH_EVENT = b'{"atlas": "health"}'
_ACTIVE_LIMIT_SECONDS = 120
# Long enough for a configuration error that names every setting.
_LONGEST = 2_000

Configuration = dict[str, Any]
Versions = dict[str, str]

# Two configurations are the same release when all but these agree; they differ by being
# another version or by the moment at which one looks.
_NOT_CONTENT = {
    "FunctionArn",
    "Version",
    "Description",
    "LastModified",
    "RevisionId",
    "MasterArn",
    "State",
    "StateReason",
    "StateReasonCode",
    "LastUpdateStatus",
    "LastUpdateStatusReason",
    "LastUpdateStatusReasonCode",
    "ConfigSha256",
    "ResponseMetadata",
}


def find_functions(ctx: Context) -> Done[dict[str, Configuration]]:
    """Every function's configuration by its name in app.py, once Lambda has finished with it.

    Raises RefusedError when one is missing or Failed.
    """
    names = [f.name for f in FUNCTIONS]
    configurations = dict(zip(names, each(partial(_settled, ctx), names), strict=True))
    return Done(configurations, f"{len(configurations)} functions, Active")


def latest(ctx: Context) -> dict[str, Configuration | None]:
    """What $LATEST of every function holds, code and settings; None where there is none yet."""
    operation = partial(found, ctx.clients.lambda_.get_function_configuration)
    names = [function_name(ctx.stage, f.name) for f in FUNCTIONS]
    configurations = each(lambda name: operation(FunctionName=name, Qualifier="$LATEST"), names)
    return {n: c and _content(c) for n, c in zip(names, configurations, strict=True)}


def _settled(ctx: Context, name: str, qualifier: str = "$LATEST") -> Configuration:
    deployed = function_name(ctx.stage, name)
    configuration: Configuration = {}

    def state() -> str:
        nonlocal configuration
        configuration = ctx.clients.lambda_.get_function_configuration(
            FunctionName=deployed, Qualifier=qualifier
        )
        return _unsettled(deployed, configuration)

    try:
        ctx.waiter.until(f"{deployed}:{qualifier}", _ACTIVE_LIMIT_SECONDS, state)
    except ClientError as error:
        if is_error(error, "ResourceNotFoundException"):
            raise RefusedError(
                f"there is no function {deployed}: run `python -m ops deploy --stage {ctx.stage}` "
                "first. Nothing has moved."
            ) from error
        raise
    return configuration


def _unsettled(deployed: str, configuration: Configuration) -> str:
    """What Lambda still does with the function, "" when it is Active and updated."""
    state = configuration.get("State", "Active")
    update = configuration.get("LastUpdateStatus", "Successful")
    if "Failed" in (state, update):
        reason = configuration.get("LastUpdateStatusReason") or configuration.get("StateReason")
        raise RefusedError(f"{deployed} is Failed: {reason or 'Lambda gives no reason'}")
    if state in ("Active", "Inactive") and update == "Successful":
        return ""
    return f"{state}, last update {update}"


def publish_versions(ctx: Context, configurations: Mapping[str, Configuration]) -> Done[Versions]:
    """The version of every function that holds its code and configuration as deployed now."""
    found = each(lambda item: _version_of(ctx, *item), configurations.items())
    versions = {name: version for name, (version, _) in zip(configurations, found, strict=True)}
    kept = sum(is_kept for _, is_kept in found)
    detail = _named(versions) + (f"; {kept} unchanged" if kept else "")
    return Done(versions, detail, kept < len(versions))


def _version_of(ctx: Context, name: str, configuration: Configuration) -> tuple[str, bool]:
    """The version that holds the configuration, and whether it was there before."""
    newest = _newest_version(ctx, name)
    if newest is not None and _content(newest) == _content(configuration):
        return str(newest["Version"]), True
    version = _publish(ctx, name, configuration["CodeSha256"])
    # Lambda too gives the newest version again when it sees no difference.
    return version, newest is not None and version == newest["Version"]


def _newest_version(ctx: Context, name: str) -> Configuration | None:
    operation = ctx.clients.lambda_.list_versions_by_function
    found_versions = pages(operation, "Versions", FunctionName=function_name(ctx.stage, name))
    numbered = [version for version in found_versions if version["Version"].isdigit()]
    return max(numbered, key=lambda version: int(version["Version"]), default=None)


def _content(configuration: Configuration) -> Configuration:
    return {key: value for key, value in configuration.items() if key not in _NOT_CONTENT}


def _publish(ctx: Context, name: str, code_sha256: str) -> str:
    if ctx.dry_run:
        return NEW_VERSION
    deployed = function_name(ctx.stage, name)
    try:
        # The hash makes Lambda refuse when somebody deployed between the look and the publish.
        answer = ctx.clients.lambda_.publish_version(FunctionName=deployed, CodeSha256=code_sha256)
    except ClientError as error:
        if is_error(error, "InvalidParameterValueException", "PreconditionFailedException"):
            raise RefusedError(
                f"{deployed} changed while it was being released; run the release again. "
                "Nothing has moved."
            ) from error
        raise
    version = str(answer["Version"])
    _settled(ctx, name, version)
    return version


def check_health(ctx: Context, versions: Versions) -> Done[None]:
    """Invoke every version that is not live yet; RefusedError names what one lacks to start."""
    aliases = live_aliases(ctx, versions)
    new = [name for name in versions if not serves(aliases[name], versions[name])]
    if ctx.dry_run:
        return Done(None, f"would invoke {', '.join(new) or 'nothing'}")
    each(lambda name: _check_one(ctx, name, versions[name]), new)
    return Done(None, f"{len(new)} versions answered" if new else "all versions are live already")


def _check_one(ctx: Context, name: str, version: str) -> None:
    deployed = function_name(ctx.stage, name)
    answer = ctx.clients.lambda_.invoke(
        FunctionName=deployed, Qualifier=version, Payload=HEALTH_EVENT
    )
    payload = answer["Payload"].read()
    if answer.get("FunctionError"):
        raise RefusedError(f"{deployed} version {version} {_failure(payload, ctx.stage)}")
    if not _is_healthy(payload):
        raise RefusedError(
            f"{deployed} version {version} answered the health event with "
            f'{_shortened(payload)} and not with {{"ok": true}}. Nothing has moved.'
        )


def _is_healthy(payload: bytes) -> bool:
    try:
        answer = json.loads(payload)
    except ValueError:
        return False
    return isinstance(answer, dict) and answer.get("ok") is True


def _failure(payload: bytes, stage: str) -> str:
    """The end of the sentence "<function> version <n> …" for an error that Lambda reported."""
    text = payload.decode("utf-8", "replace")
    if missing := re.search(r"No module named '([^'.]+)", text):
        return (
            f"does not start: its zip lacks the package '{missing[1]}'. See that its pin in "
            "atlas/requirements.txt has a wheel, remove atlas/.chalice/deployments and run "
            f"`python -m ops deploy --stage {stage}` again. Nothing has moved."
        )
    return f"failed its health event: {_shortened(payload)}. Nothing has moved."


def _shortened(payload: bytes) -> str:
    """One line of what a function answered: its error's type and message where it is an error."""
    text = payload.decode("utf-8", "replace")
    try:
        error = json.loads(text)
        text = f"{error['errorType']}: {error['errorMessage']}"
    except (ValueError, KeyError, TypeError):
        pass
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def check_one_zip(ctx: Context, configurations: Mapping[str, Configuration]) -> Done[None]:
    """RefusedError when the functions carry different code, as after an interrupted deploy.

    Comes after the health check, which names a broken zip's cause better than this can.
    """
    if len({c["CodeSha256"] for c in configurations.values()}) > 1:
        raise RefusedError(
            "the functions carry different code, so a deploy was interrupted: "
            f"run `python -m ops deploy --stage {ctx.stage}` again, then release. "
            "Nothing has moved."
        )
    return Done(None, "every function carries the same")


def _named(versions: Versions) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
