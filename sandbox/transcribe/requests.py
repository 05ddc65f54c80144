"""Refuses what Transcribe refuses of StartTranscriptionJob beyond the bounds of its model.

Source: the operation and its data types in Transcribe's API reference.
"""

from __future__ import annotations

import re
from typing import Any

from sandbox.aws_api import ApiError, Params

FORMATS = frozenset({"mp3", "mp4", "wav", "flac", "ogg", "amr", "webm", "m4a"})

_S3_URI = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.+)", re.DOTALL)
_HTTPS_URI = re.compile(
    r"https://s3[.-][a-z0-9-]+\.amazonaws\.com/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.+)", re.DOTALL
)
# Key id, alias, or the ARN of either: "Key management" in Transcribe's guide.
_KMS_KEY = re.compile(
    r"(arn:aws:kms:[a-z0-9-]+:[0-9]{12}:)?(alias/[a-zA-Z0-9/_-]{1,250}|(key/)?[0-9a-f-]{36})"
)
_OUTPUT_KEY = re.compile(r"[a-zA-Z0-9\-_.!*'()/]{1,1024}")


def bad_request(message: str) -> ApiError:
    return ApiError("BadRequestException", message)


def media_object(params: Params) -> tuple[str, str]:
    """Bucket and key of the media file; ApiError when the address is none of S3."""
    uri = str((params.get("Media") or {}).get("MediaFileUri") or "")
    match = _S3_URI.fullmatch(uri) or _HTTPS_URI.fullmatch(uri)
    if match is None:
        raise bad_request("The URI that you provided doesn't point to an S3 object.")
    return match[1], match[2]


def media_format(params: Params, key: str) -> str:
    """The format that was stated, else the file name's; ApiError when neither says it."""
    stated = str(params.get("MediaFormat") or key.rpartition(".")[2]).lower()
    if stated not in FORMATS:
        raise bad_request(f"Specify a MediaFormat of {', '.join(sorted(FORMATS))}.")
    return stated


def output_object(params: Params) -> tuple[str, str]:
    """Bucket and key of the transcript; a key that ends in `/` is a folder."""
    bucket, key = params.get("OutputBucketName"), params.get("OutputKey")
    if not bucket:
        raise bad_request("The sandbox keeps no bucket of its own: give OutputBucketName.")
    name = f"{params['TranscriptionJobName']}.json"
    if key is None:
        return bucket, name
    if not _OUTPUT_KEY.fullmatch(key):
        raise bad_request("OutputKey holds characters that are not allowed.")
    return bucket, f"{key}{name}" if key.endswith("/") else key


def encryption(params: Params) -> dict[str, str]:
    """How PutObject is told to encrypt: without a key by S3's own, not by the bucket's default.

    Source: "Data encryption" in Transcribe's guide.
    """
    key = params.get("OutputEncryptionKMSKeyId")
    if key is None:
        return {"ServerSideEncryption": "AES256"}
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}


def check(params: Params) -> None:
    """ApiError for the first rule about languages and settings that the request breaks."""
    ways = ("LanguageCode", "IdentifyLanguage", "IdentifyMultipleLanguages")
    if sum(bool(params.get(way)) for way in ways) != 1:
        raise bad_request(f"Exactly one of {', '.join(ways)} must be set.")
    key = params.get("OutputEncryptionKMSKeyId")
    if key is not None and not _KMS_KEY.fullmatch(key):
        raise bad_request("OutputEncryptionKMSKeyId names no key.")
    _check_settings(params.get("Settings") or {})


def _check_settings(settings: dict[str, Any]) -> None:
    for switch, number in (
        ("ShowSpeakerLabels", "MaxSpeakerLabels"),
        ("ShowAlternatives", "MaxAlternatives"),
    ):
        if bool(settings.get(switch)) != (settings.get(number) is not None):
            raise bad_request(f"Settings need {switch} and {number} together.")
