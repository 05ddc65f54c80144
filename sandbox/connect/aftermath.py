"""What a call leaves behind: its contact events in their order, and its recording in S3."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.connect import contact_events
from sandbox.connect.call import Call
from sandbox.connect.contact_events import contact_event
from sandbox.connect.delivery import Delivery
from sandbox.connect.recordings import recording_of, wav
from sandbox.connect.timers import Scheduler


class Aftermath:
    """Returns at once: everything is sent in the background."""

    def __init__(self, delivery: Delivery, work: Scheduler, clock: Callable[[], float]) -> None:
        self._delivery, self._work, self._clock = delivery, work, clock

    def initiated(self, call: Call) -> None:
        self._send(contact_events.INITIATED, call)

    def connected(self, call: Call) -> None:
        self._send(contact_events.CONNECTED, call)

    def ended(self, call: Call) -> None:
        """Both events of the end, and the recording if the flow had switched recording on."""
        self._send(contact_events.DISCONNECTED, call)
        # "The COMPLETED event is published immediately after the DISCONNECT event with the same
        # data" where no agent took part.
        self._send(contact_events.COMPLETED, call)
        if call.run is not None and call.run.recording and call.line.recorded:
            self._work.after(call.line.recording_seconds, lambda: self._store(call))

    def _send(self, event_type: str, call: Call) -> None:
        event = contact_event(event_type, call, self._clock())
        self._delivery.event(call.id, event, is_last=event_type == contact_events.COMPLETED)

    def _store(self, call: Call) -> None:
        if call.origin is None or call.origin.storage is None:
            return
        recording = recording_of(call, call.origin.storage)
        # Whoever reacts to the object may ask for its transcript before PutObject has returned.
        call.recording = recording
        request = {
            "Bucket": recording.bucket,
            "Key": recording.key,
            "Body": wav(call.ended_at - call.answered_at),
            "ContentType": "audio/wav",
            "Metadata": {"contact-id": call.id},
        }
        if not self._delivery.put_object(request):
            call.recording = None
