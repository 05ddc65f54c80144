"""A transcript file in Transcribe's own format, made of what was said in a call.

Source: "Data input and output" in Transcribe's developer guide: items with times and alternatives,
speaker labels or channel labels where the job asks for them, audio segments. Numbers are texts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from sandbox.aws_api import ACCOUNT
from sandbox.connect.call import Turn

WORD_SECONDS = 0.3
_TOKEN = re.compile(r"[^\s.,!?;:]+(?:[.,:][^\s.,!?;:]+)*|[.,!?;:]")
_PUNCTUATION = frozenset(".,!?;:")

Item = dict[str, Any]


@dataclass(slots=True)
class _Segment:
    speaker: str
    text: str
    start: float
    items: list[Item] = field(default_factory=list)

    @property
    def end(self) -> float:
        times = [float(item["end_time"]) for item in self.items if "end_time" in item]
        return times[-1] if times else self.start


def transcript_file(
    name: str, settings: dict[str, Any], begun_at: float, turns: list[Turn]
) -> dict[str, Any]:
    """The JSON of a completed job; `begun_at` is when the recording begins, in epoch seconds."""
    segments = _segments(turns, begun_at)
    results: dict[str, Any] = {
        "transcripts": [{"transcript": " ".join(each.text for each in segments)}],
        "items": [item for segment in segments for item in segment.items],
        "audio_segments": [_audio_segment(i, each) for i, each in enumerate(segments)],
    }
    if settings.get("ShowSpeakerLabels"):
        results["speaker_labels"] = _speaker_labels(segments)
        _label(segments, results, "speaker_label", "spk_")
    if settings.get("ChannelIdentification"):
        results["channel_labels"] = _channel_labels(segments)
        _label(segments, results, "channel_label", "ch_")
    return {"jobName": name, "accountId": ACCOUNT, "status": "COMPLETED", "results": results}


def _segments(turns: list[Turn], begun_at: float) -> list[_Segment]:
    """One per turn, none of which begins before the last one ends."""
    segments: list[_Segment] = []
    free, number = 0.0, 0
    speakers = list(dict.fromkeys(turn.speaker for turn in turns))
    for turn in turns:
        start = max(free, turn.at - begun_at)
        segment = _Segment(str(speakers.index(turn.speaker)), turn.text, start)
        segment.items = _items(turn.text, start, number)
        segments.append(segment)
        free, number = segment.end, number + len(segment.items)
    return segments


def _items(text: str, start: float, first: int) -> list[Item]:
    items: list[Item] = []
    at = start
    for index, token in enumerate(_TOKEN.findall(text), first):
        if token in _PUNCTUATION:
            alternatives = [{"confidence": "0.0", "content": token}]
            items.append({"id": index, "type": "punctuation", "alternatives": alternatives})
            continue
        alternatives = [{"confidence": "0.998", "content": token}]
        times = {"start_time": f"{at:.3f}", "end_time": f"{at + WORD_SECONDS:.3f}"}
        items.append({"id": index, "type": "pronunciation", "alternatives": alternatives, **times})
        at += WORD_SECONDS
    return items


def _audio_segment(index: int, segment: _Segment) -> dict[str, Any]:
    return {
        "id": index,
        "transcript": segment.text,
        "start_time": f"{segment.start:.3f}",
        "end_time": f"{segment.end:.3f}",
        "items": [item["id"] for item in segment.items],
    }


def _label(segments: list[_Segment], results: dict[str, Any], name: str, prefix: str) -> None:
    for segment, shown in zip(segments, results["audio_segments"], strict=True):
        shown[name] = prefix + segment.speaker
        for item in segment.items:
            item[name] = prefix + segment.speaker


def _speaker_labels(segments: list[_Segment]) -> dict[str, Any]:
    return {
        "channel_label": "ch_0",
        "speakers": len({segment.speaker for segment in segments}),
        "segments": [
            {
                "start_time": f"{segment.start:.3f}",
                "end_time": f"{segment.end:.3f}",
                "speaker_label": f"spk_{segment.speaker}",
                "items": [
                    {
                        "speaker_label": f"spk_{segment.speaker}",
                        "start_time": item["start_time"],
                        "end_time": item["end_time"],
                    }
                    for item in segment.items
                    if "start_time" in item
                ],
            }
            for segment in segments
        ],
    }


def _channel_labels(segments: list[_Segment]) -> dict[str, Any]:
    speakers = sorted({segment.speaker for segment in segments})
    return {
        "number_of_channels": len(speakers),
        "channels": [
            {
                "channel_label": f"ch_{speaker}",
                "items": [i for each in segments if each.speaker == speaker for i in each.items],
            }
            for speaker in speakers
        ],
    }
