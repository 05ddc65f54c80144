"""Takes a function's zip out of its request before moto reads the request.

moto looks for a query string in the whole body, parses it twice, and keeps the zip twice for each
function. A deployment sends the same zip once per function, so here it is decoded and kept once.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

Content = tuple[bytes, int, str, str]
"""A zip's bytes, its size, its SHA-256 in base64 and in hexadecimal digits, as moto has them."""

# Longer than anything else in a request may be: a function's variables have 4 KB in all.
_LARGE_BYTES = 64 * 1024

_PATH = re.compile(r"/(functions|functions/[^/]+/code|layers/[^/]+/versions)/?$")
_KEY = re.compile(rb'(?<!\\)"ZipFile"\s*:\s*"')


@dataclass(frozen=True, slots=True, weakref_slot=True)
class _Package:
    content: Content


class Upload(str):
    """Stands in a specification for a zip's base64, by the digest of it, and knows the zip."""

    __slots__ = ("package",)
    package: _Package

    def __deepcopy__(self, memo: dict[int, Any]) -> Upload:
        return self


_packages: WeakValueDictionary[str, _Package] = WeakValueDictionary()
_lock = threading.Lock()


def is_large(path: str, length: int) -> bool:
    """Whether the request brings code, and so much that its text is better left alone."""
    return length >= _LARGE_BYTES and _PATH.search(path) is not None


def parse(body: bytes, decode: Callable[[str], Content]) -> Any:
    """The JSON of `body`, a large zip in it as an Upload; `decode` is moto's own, for a new zip."""
    found = _find(body)
    if found is None:
        return json.loads(body)
    begin, end = found
    text = memoryview(body)[begin:end]
    upload = Upload(hashlib.sha256(text).hexdigest())
    with _lock:
        known = _packages.get(upload)
        upload.package = known or _Package(decode(str(text, "ascii")))
        _packages[str(upload)] = upload.package
    small = body[:begin] + upload.encode() + body[end:]
    return json.loads(small, object_hook=lambda members: _put_in(members, upload))


def _put_in(members: dict[str, Any], upload: Upload) -> dict[str, Any]:
    if members.get("ZipFile") == upload:
        members["ZipFile"] = upload
    return members


def _find(body: bytes) -> tuple[int, int] | None:
    """Where the zip's base64 begins and ends; None where there is none that is worth it."""
    for key in _KEY.finditer(body):
        begin = key.end()
        end = body.find(b'"', begin)
        if end - begin >= _LARGE_BYTES and body.find(b"\\", begin, end) < 0:
            return begin, end
    return None
