"""Unpacks each zip once, and lays out the runtime directory that Lambda has at /var/runtime."""

from __future__ import annotations

import base64
import binascii
import calendar
import compileall
import contextlib
import hashlib
import importlib.util
import io
import os
import shutil
import tempfile
import threading
import zipfile
from pathlib import Path

from sandbox.aws_api import ApiError
from sandbox.lambda_service.functions import Code

_OFFICIAL = ("awslambdaric", "runtime_client", "snapshot_restore_py", "simplejson")
_OWN = ("bootstrap.py", "own_runtime.py")


class CodeStore:
    """Directories under `work_dir`; what is in them is never written again."""

    def __init__(self, work_dir: Path, runtime_client: str = "auto") -> None:
        self._work_dir = work_dir
        self._lock = threading.Lock()
        self._seen_lock = threading.Lock()
        self._runtime: Path | None = None
        self._seen: set[str] = set()
        self._unpacking: list[threading.Thread] = []
        self._closed = threading.Event()
        self.runtime_client = _available(runtime_client)

    def unpacked(self, code: Code) -> Path:
        """The directory of that zip; ApiError InvalidZipFileException where it is none."""
        target = self._work_dir / "code" / _directory_name(code)
        with self._lock:
            if not target.is_dir():
                _unpack(code.content, target, self._closed)
        return target

    def unpack_soon(self, code: Code) -> None:
        """Unpack beside the caller; what is wrong with the zip is told to who needs it unpacked."""
        with self._seen_lock:
            if code.sha256 in self._seen or self._closed.is_set():
                return
            self._seen.add(code.sha256)
            thread = threading.Thread(target=self._try, args=(code,), name="unpack", daemon=True)
            self._unpacking.append(thread)
            thread.start()

    def _try(self, code: Code) -> None:
        with contextlib.suppress(ApiError, OSError):
            self.unpacked(code)

    def close(self) -> None:
        """Break off what is being unpacked."""
        with self._seen_lock:
            self._closed.set()
        for thread in self._unpacking:
            thread.join()

    def runtime(self) -> Path:
        """The directory with the runtime client and nothing else."""
        with self._lock:
            if self._runtime is None:
                self._runtime = self._lay_out_runtime()
        return self._runtime

    def _lay_out_runtime(self) -> Path:
        self._work_dir.mkdir(parents=True, exist_ok=True)
        runtime = Path(tempfile.mkdtemp(prefix="runtime-", dir=self._work_dir))
        for name in _OWN:
            shutil.copy2(Path(__file__).with_name(name), runtime / name)
        if self.runtime_client == "awslambdaric":
            for name in _OFFICIAL:
                _copy_module(name, runtime)
        compileall.compile_dir(runtime, quiet=2)
        return runtime


def _available(wanted: str) -> str:
    if wanted != "auto":
        return wanted
    installed = all(importlib.util.find_spec(name) for name in _OFFICIAL)
    return "awslambdaric" if installed else "own"


def _copy_module(name: str, target: Path) -> None:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"the runtime client needs {name}", name=name)
    origin = Path(spec.origin)
    if origin.name == "__init__.py":
        ignore = shutil.ignore_patterns("tests")
        shutil.copytree(origin.parent, target / name, ignore=ignore)
    else:
        shutil.copy2(origin, target / origin.name)


def _directory_name(code: Code) -> str:
    try:
        return base64.b64decode(code.sha256, validate=True).hex() or _digest(code)
    except (binascii.Error, ValueError):
        return _digest(code)


def _digest(code: Code) -> str:
    return hashlib.sha256(code.content).hexdigest()


def _unpack(content: bytes, target: Path, closed: threading.Event) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    half_done = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=target.parent))
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _extract_all(archive, str(half_done), closed)
        half_done.chmod(0o755)
        half_done.rename(target)
    except zipfile.BadZipFile as error:
        message = "Lambda was unable to unzip the file."
        raise ApiError("InvalidZipFileException", message, 502, Type="User") from error
    finally:
        shutil.rmtree(half_done, ignore_errors=True)


def _extract_all(archive: zipfile.ZipFile, target: str, closed: threading.Event) -> None:
    """As ZipFile.extractall, with half of its system calls: thousands of files are a second."""
    folders = {target}
    for member in archive.infolist():
        if closed.is_set():
            raise ApiError("ServiceException", "The sandbox is closing.", 500, Type="Server")
        # A name never leads out of the folder.
        parts = [part for part in member.filename.split("/") if part not in ("", ".", "..")]
        path = os.path.join(target, *parts)
        folder = path if member.is_dir() else os.path.dirname(path)
        if folder not in folders:
            os.makedirs(folder, exist_ok=True)
            folders.add(folder)
        if not member.is_dir():
            _write(path, archive.read(member), member)


def _write(path: str, content: bytes, member: zipfile.ZipInfo) -> None:
    with open(path, "wb", buffering=0) as stream:
        stream.write(content)
        os.fchmod(stream.fileno(), (member.external_attr >> 16) & 0o777 | 0o444)
        # A shipped .pyc is used only when the source has the time that it was compiled with.
        modified = calendar.timegm((*member.date_time, 0, 0, 0))
        os.utime(stream.fileno(), (modified, modified))
