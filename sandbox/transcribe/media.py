"""What a file is by its first bytes, whatever its name says."""

from __future__ import annotations

_MP4_BRANDS = {b"M4A ": "m4a"}


def format_of(body: bytes) -> str | None:
    """One of Transcribe's formats, or None for a file that is no sound."""
    if body[:4] == b"RIFF" and body[8:12] == b"WAVE":
        return "wav"
    if body[4:8] == b"ftyp":
        return _MP4_BRANDS.get(body[8:12], "mp4")
    if body[:3] == b"ID3" or (body[:1] == b"\xff" and body[1:2] in (b"\xfb", b"\xf3", b"\xf2")):
        return "mp3"
    for name, magic in _MAGIC.items():
        if body.startswith(magic):
            return name
    return None


_MAGIC = {"flac": b"fLaC", "ogg": b"OggS", "amr": b"#!AMR", "webm": b"\x1a\x45\xdf\xa3"}
