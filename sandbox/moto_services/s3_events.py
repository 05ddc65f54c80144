"""S3's events for EventBridge, shaped as AWS shapes them.

moto 5.2.5 gives every event one id and one sequencer, the time as a number, `eTag` for `etag`, a
version where there is none and its own words as the reason; with every put comes an event that tags
were added; what a rule then raises, it swallows. Only creations and deletions are sent.
Members: Amazon S3 user guide, "EventBridge event message structure".
"""

from __future__ import annotations

import itertools
import logging
import time
import uuid
from typing import Any

import moto.s3.notifications as moto_notifications
from moto.events.models import events_backends

_REASONS = {
    "s3:ObjectCreated:Put": "PutObject",
    "s3:ObjectCreated:Post": "POST Object",
    "s3:ObjectCreated:Copy": "CopyObject",
    "s3:ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
    "s3:ObjectRemoved:Delete": "DeleteObject",
    "s3:ObjectRemoved:DeleteMarkerCreated": "DeleteObject",
}
_DELETIONS = {
    "s3:ObjectRemoved:Delete": "Permanently Deleted",
    "s3:ObjectRemoved:DeleteMarkerCreated": "Delete Marker Created",
}
_log = logging.getLogger(__name__)
_sequence = itertools.count(int(time.time() * 1000))

_original_send = moto_notifications._send_event_bridge_message


def install() -> None:
    """Patch moto; a second time changes nothing."""
    moto_notifications._send_event_bridge_message = _send


def _send(account_id: str, bucket: Any, event_name: Any, key: Any) -> None:
    name = str(getattr(event_name, "value", event_name))
    if name not in _REASONS:
        return
    event = _event(account_id, bucket, name, key)
    buses = events_backends[account_id][bucket.region_name].event_buses
    for rule in [rule for bus in list(buses.values()) for rule in list(bus.rules.values())]:
        try:
            rule.send_to_targets(event)
        except Exception:
            # A put does not fail for what its event meets.
            _log.exception("rule %s failed with an event of S3", rule.name)


def _event(account: str, bucket: Any, name: str, key: Any) -> dict[str, Any]:
    detail = {
        "version": "0",
        "bucket": {"name": bucket.name},
        "object": _object(name, key, bool(bucket.is_versioned)),
        "request-id": uuid.uuid4().hex[:16].upper(),
        "requester": account,
        "source-ip-address": "127.0.0.1",
        "reason": _REASONS[name],
    }
    if name in _DELETIONS:
        detail["deletion-type"] = _DELETIONS[name]
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": moto_notifications._detail_type(name),
        "source": "aws.s3",
        "account": account,
        "time": time.time(),
        "region": bucket.region_name,
        "resources": [bucket.arn],
        "ingestion-time": time.time(),
        "detail": detail,
    }


def _object(event_name: str, key: Any, is_versioned: bool) -> dict[str, Any]:
    """The key is raw: EventBridge does not encode it as S3's own notifications do."""
    described = {"key": key.name, "sequencer": f"{next(_sequence):018X}"}
    if event_name not in _DELETIONS:
        described |= {"size": key.size, "etag": key.etag.strip('"')}
    if is_versioned:
        described["version-id"] = key.version_id
    return described
