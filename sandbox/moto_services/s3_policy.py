"""Bucket policies whose conditions count.

moto 5.2.5 applies a statement and skips its Condition, so that "deny what is not TLS" denies
everything. The sandbox has no TLS and no IAM: what depends on a condition does not apply here.
"""

from __future__ import annotations

import json
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket

_original_permission = FakeBucket.get_permission


def install() -> None:
    """Patch moto; a second time changes nothing."""
    FakeBucket.get_permission = _get_permission


def _get_permission(self: Any, action: str, resource: str) -> Any:
    policy = json.loads(self.policy) if self.policy else {}
    statements = [one for one in policy.get("Statement", []) if not one.get("Condition")]
    if not statements:
        return PermissionResult.NEUTRAL
    document = json.dumps({**policy, "Statement": statements})
    return IAMPolicy(document).is_action_permitted(action, resource)
