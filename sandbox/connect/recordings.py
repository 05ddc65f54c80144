"""The recording of a call: a real WAV file, and the key that Connect gives it."""

from __future__ import annotations

import io
import wave
from datetime import UTC, datetime

from sandbox.connect.call import Call, Recording
from sandbox.connect.origin import Storage

RATE_HERTZ = 8_000
_MOST_SECONDS = 2.0
_SAMPLE_BYTES = 2


def recording_of(call: Call, storage: Storage) -> Recording:
    """`<prefix>/YYYY/MM/DD/<contact>_YYYYMMDDThh:mm_UTC.wav`."""
    begun = datetime.fromtimestamp(call.answered_at, UTC)
    name = f"{call.id}_{begun:%Y%m%dT%H:%M}_UTC.wav"
    key = f"{storage.prefix}/{begun:%Y/%m/%d}/{name}"
    return Recording(storage.bucket, key)


def wav(seconds: float) -> bytes:
    """So much silence, two seconds at most: who transcribes it is told what was said."""
    frames = max(1, round(min(seconds, _MOST_SECONDS) * RATE_HERTZ))
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(_SAMPLE_BYTES)
        sound.setframerate(RATE_HERTZ)
        sound.writeframes(b"\0" * frames * _SAMPLE_BYTES)
    return file.getvalue()
