"""One release at a time: a lease in the table of operations, which ends by itself.

Whoever changes what is live holds it. It is renewed while its holder waits, so a process that was
killed keeps the next one out for three minutes at most. A roll-back takes it from a release, which
sees that before it moves anything more.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from ops import records
from ops.aws import is_error
from ops.errors import RefusedError
from ops.steps import Context

LEASE_SECONDS = 180
"""Longer than the longest call that nothing interrupts: keep_warm's, with its 60 s and retries."""
_RENEW_SECONDS = 5
_LONG_SLEEP_SECONDS = 5
"""After so long, and before what follows is freed or moved, somebody else may have it."""
_KEY = {"kind": {"S": "lease"}, "at": {"S": "release"}}
_FREE = "attribute_not_exists(kind) OR expires_at < :now"
_OWN = "holder = :holder"


@dataclass(slots=True)
class Lease:
    """What its holder knows of it; `verb` is what others are told."""

    ctx: Context
    verb: str
    holder: str = field(default_factory=lambda: secrets.token_hex(8))
    renewed: float = 0.0

    def take(self, *, by_force: bool = False) -> None:
        """RefusedError names the verb that holds it, unless it is taken by force."""
        now = self.ctx.now().timestamp()
        condition: dict[str, Any] = {
            "ConditionExpression": _FREE,
            "ExpressionAttributeValues": {":now": {"N": str(int(now))}},
        }
        item = {
            **_KEY,
            "holder": {"S": self.holder},
            "verb": {"S": self.verb},
            "since": {"N": str(int(now))},
            "expires_at": {"N": str(int(now) + LEASE_SECONDS)},
        }
        try:
            records.call(self.ctx, "put_item", Item=item, **({} if by_force else condition))
        except ClientError as error:
            if is_error(error, "ConditionalCheckFailedException"):
                raise RefusedError(_held(self.ctx)) from error
            raise
        self.renewed = now

    def keep(self) -> None:
        """Renew it where that is due; RefusedError when another has it, before anything moves."""
        now = self.ctx.now().timestamp()
        if now - self.renewed >= _RENEW_SECONDS:
            self.check()

    def check(self) -> None:
        """Renew it now, which proves that nobody took it; RefusedError when somebody did."""
        now = self.ctx.now().timestamp()
        try:
            records.call(
                self.ctx,
                "update_item",
                Key=_KEY,
                UpdateExpression="SET expires_at = :until",
                ConditionExpression=_OWN,
                ExpressionAttributeValues={
                    ":holder": {"S": self.holder},
                    ":until": {"N": str(int(now) + LEASE_SECONDS)},
                },
            )
        except ClientError as error:
            if is_error(error, "ConditionalCheckFailedException"):
                raise RefusedError(
                    f"this {self.verb} was taken over: {_held(self.ctx)} It has moved nothing since"
                ) from error
            raise
        self.renewed = now

    def leave(self) -> None:
        """Let the next one in; one who lost it leaves it to who has it."""
        try:
            records.call(
                self.ctx,
                "delete_item",
                Key=_KEY,
                ConditionExpression=_OWN,
                ExpressionAttributeValues={":holder": {"S": self.holder}},
            )
        except ClientError as error:
            if not is_error(error, "ConditionalCheckFailedException"):
                raise


@contextmanager
def leased(ctx: Context, verb: str, *, by_force: bool = False) -> Iterator[tuple[Context, Lease]]:
    """Hold the lease; the context to go on with renews it whenever it waits.

    A dry run needs none.
    """
    lease = Lease(ctx, verb)
    if ctx.dry_run:
        yield ctx, lease
        return
    lease.take(by_force=by_force)

    def sleep(seconds: float) -> None:
        lease.keep()
        ctx.waiter.sleep(seconds)
        if seconds >= _LONG_SLEEP_SECONDS:
            lease.check()

    try:
        yield replace(ctx, waiter=replace(ctx.waiter, sleep=sleep)), lease
    finally:
        lease.leave()


def held(ctx: Context) -> str:
    """Who holds the lease, as a sentence; "" when nobody does, or its time is over."""
    item = records.call(ctx, "get_item", Key=_KEY, ConsistentRead=True).get("Item")
    is_over = item is None or float(item["expires_at"]["N"]) < ctx.now().timestamp()
    return "" if is_over else _held(ctx)


def _held(ctx: Context) -> str:
    item = records.call(ctx, "get_item", Key=_KEY, ConsistentRead=True).get("Item")
    if item is None:
        return "the lease has just become free; run it again."
    since, until = (_clock(item[name]["N"]) for name in ("since", "expires_at"))
    return (
        f"another {item['verb']['S']} of stage {ctx.stage} holds the lease since {since} UTC. "
        f"Wait for its end; were it dead, its lease would end at {until} UTC."
    )


def _clock(seconds: str) -> str:
    return f"{datetime.fromtimestamp(float(seconds), UTC):%H:%M:%S}"
