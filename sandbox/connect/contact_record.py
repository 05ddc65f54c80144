"""A call as DescribeContact shows it."""

from __future__ import annotations

from typing import Any

from sandbox.connect.call import Call


def contact_record(call: Call) -> dict[str, Any]:
    """The members of `Contact` that a call placed by the API has; what is not known is left out."""
    with call.lock:
        times = {
            "InitiationTimestamp": call.started_at,
            "RingStartTimestamp": call.ring_at,
            "ConnectedToSystemTimestamp": call.answered_at,
            "DisconnectTimestamp": call.ended_at,
            "LastUpdateTimestamp": call.ended_at or call.answered_at or call.started_at,
        }
        record: dict[str, Any] = {
            "Id": call.id,
            "Arn": call.instance.contact_arn(call.id),
            "InitiationMethod": "API",
            "Channel": "VOICE",
            "CustomerEndpoint": _endpoint(call.number),
            "SystemEndpoint": _endpoint(call.instance.number),
            "Attributes": dict(call.attributes),
            **{name: at for name, at in times.items() if at},
        }
        if call.disconnect_reason:
            record["DisconnectReason"] = call.disconnect_reason
        if call.recording:
            record["Recordings"] = [_recording(call, call.recording.location)]
    return record


def _endpoint(number: str) -> dict[str, str]:
    return {"Type": "TELEPHONE_NUMBER", "Address": number}


def _recording(call: Call, location: str) -> dict[str, Any]:
    return {
        "StorageType": "S3",
        "Location": location,
        "MediaStreamType": "AUDIO",
        "ParticipantType": "ALL",
        "Status": "AVAILABLE",
        "StartTimestamp": call.answered_at,
        "StopTimestamp": call.ended_at,
    }
