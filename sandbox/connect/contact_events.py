"""Contact events as Connect puts them on the default bus.

Source: "Amazon Connect contact events" in the administrator's guide; `disconnectReason` holds the
codes of the contact record's data model.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sandbox.connect.call import Call
from sandbox.connect.delivery import Event

SOURCE = "aws.connect"
DETAIL_TYPE = "Amazon Connect Contact Event"
INITIATED, CONNECTED = "INITIATED", "CONNECTED_TO_SYSTEM"
DISCONNECTED, COMPLETED = "DISCONNECTED", "COMPLETED"

REASONS = {
    "busy": "TELECOM_BUSY",
    "declined": "TELECOM_UNANSWERED",
    "no_answer": "TELECOM_TIMEOUT",
    "dropped": "TELECOM_PROBLEM",
    "stopped": "OTHER",
}
"""The contact record's code by outcome; a talk ends by the caller's or the flow's own code."""
BY_CALLER, BY_FLOW = "CUSTOMER_DISCONNECT", "CONTACT_FLOW_DISCONNECT"


def contact_event(event_type: str, call: Call, now: float) -> Event:
    """The event of that type about the call as it stands."""
    return Event(
        source=SOURCE,
        detail_type=DETAIL_TYPE,
        detail=_detail(event_type, call),
        time=now,
        resources=(call.instance.arn, call.instance.contact_arn(call.id)),
    )


def _detail(event_type: str, call: Call) -> dict[str, Any]:
    known = {
        "initiationTimestamp": call.started_at,
        "connectedToSystemTimestamp": call.answered_at,
        "disconnectTimestamp": call.ended_at if event_type in (DISCONNECTED, COMPLETED) else 0.0,
    }
    detail: dict[str, Any] = {
        "eventType": event_type,
        "contactId": call.id,
        "channel": "VOICE",
        "instanceArn": call.instance.arn,
        "initiationMethod": "API",
        "tags": {
            "aws:connect:instanceId": call.instance.id,
            "aws:connect:systemEndpoint": call.instance.number,
        },
        **{name: _timestamp(at) for name, at in known.items() if at},
    }
    if detail.get("disconnectTimestamp"):
        detail["disconnectReason"] = call.disconnect_reason
    return detail


def _timestamp(epoch_seconds: float) -> str:
    moment = datetime.fromtimestamp(epoch_seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
