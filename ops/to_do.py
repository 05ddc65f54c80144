"""What of a deployment only a person can do, in the order in which it has to be done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ops.aws import found, pages
from ops.errors import RefusedError
from ops.stages import secret, team_topic
from ops.steps import Context, Done
from ops.team import team, team_file

SALESFORCE_FIELDS = ("username", "client_id", "private_key", "host")


@dataclass(frozen=True, slots=True)
class ToDo:
    """One thing, and how; `blocks`: nothing can be released before it is done."""

    what: str
    how: str
    blocks: bool

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def to_do(ctx: Context) -> list[ToDo]:
    """Everything that still waits for a person, as the stage's stacks stand; changes nothing."""
    return [*_salesforce(ctx), *_connect(ctx), *_alarms(ctx)]


def refuse_while_blocked(ctx: Context) -> Done[list[ToDo]]:
    """What waits without blocking; RefusedError numbers everything that blocks, with commands."""
    waiting = to_do(ctx)
    if blocking := [each for each in waiting if each.blocks]:
        told = "; ".join(f"({n}) {each.what}: {each.how}" for n, each in enumerate(blocking, 1))
        raise RefusedError(
            f"{len(blocking)} of the steps wait for a person: {told}. Then run `python -m ops "
            f"deploy --stage {ctx.stage}` again; it goes on from here"
        )
    return Done(waiting, "; ".join(each.what for each in waiting) or "nothing waits for a person")


def put_salesforce_secret(ctx: Context, path: Path) -> Done[None]:
    """Put the file's JSON into the stage's secret; RefusedError names what it lacks, no value."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise RefusedError(f"{path} cannot be read: {error.strerror}") from error
    name = secret(ctx.stage, "salesforce")
    if lacking := _lacking(text):
        raise RefusedError(f"{path} cannot be the secret {name}: it lacks {', '.join(lacking)}")
    if ctx.dry_run:
        return Done(None, f"would put {path.name} into {name}", True)
    if _secret_text(ctx) == text:
        return Done(None, f"{name} holds it already")
    ctx.clients.of("secretsmanager").put_secret_value(SecretId=name, SecretString=text)
    return Done(None, f"put {path.name} into {name}", True)


def _salesforce(ctx: Context) -> Iterator[ToDo]:
    name = secret(ctx.stage, "salesforce")
    text = _secret_text(ctx)
    if lacking := _lacking(text or ""):
        yield ToDo(
            f"the secret {name} lacks {', '.join(lacking)}",
            f"aws secretsmanager put-secret-value --secret-id {name} --secret-string file://sf.json"
            f" (a JSON object of {', '.join(SALESFORCE_FIELDS)})",
            blocks=True,
        )


def _secret_text(ctx: Context) -> str | None:
    operation = ctx.clients.of("secretsmanager").get_secret_value
    answer = found(operation, SecretId=secret(ctx.stage, "salesforce"))
    return str(answer["SecretString"]) if answer else None


def _lacking(text: str) -> list[str]:
    """Fields of the secret that are missing, empty or no key; the shell's key is a random word."""
    try:
        values = json.loads(text)
    except ValueError:
        values = {}
    if not isinstance(values, dict):
        values = {}
    lacking = [name for name in SALESFORCE_FIELDS if not values.get(name)]
    is_pem = "-----BEGIN" in str(values.get("private_key", ""))
    return lacking if is_pem or "private_key" in lacking else [*lacking, "a private_key in PEM"]


def _connect(ctx: Context) -> Iterator[ToDo]:
    if not team(ctx.stage).connect_instance_id:
        yield ToDo(
            "there is no Connect instance to call from",
            f"make one in the Amazon Connect console, claim a number, and write both into "
            f"{team_file().name} [{ctx.stage}]",
            blocks=True,
        )


def _alarms(ctx: Context) -> Iterator[ToDo]:
    address = team(ctx.stage).alarm_email
    if not address:
        yield ToDo(
            "nobody is told by alarms",
            f"write alarm_email into {team_file().name} [{ctx.stage}]",
            blocks=False,
        )
    elif _is_unconfirmed(ctx, address):
        yield ToDo(
            "the alarms' subscription is not confirmed",
            "follow the link in AWS's mail to alarm_email",
            blocks=False,
        )


def _is_unconfirmed(ctx: Context, address: str) -> bool:
    sns = ctx.clients.of("sns")
    topics = (topic["TopicArn"] for topic in pages(sns.list_topics, "Topics"))
    arn = next((each for each in topics if each.endswith(f":{team_topic(ctx.stage)}")), None)
    if arn is None:
        return False
    listed = pages(sns.list_subscriptions_by_topic, "Subscriptions", TopicArn=arn)
    states = [each["SubscriptionArn"] for each in listed if each["Endpoint"] == address]
    return not any(state.startswith("arn:") for state in states)
