"""Unpacks each zip once, and lays out the runtime directory that Lambda has at /var/runtime."""

from __future__ import annotations

import base64
import binascii
import calendar
import compileall
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
        self._runtime: Path | None = None
        self.runtime_client = _available(runtime_client)

    def unpacked(self, code: Code) -> Path:
        """The directory of that zip; ApiError InvalidZipFileException where it is none."""
        target = self._work_dir / "code" / _directory_name(code)
        with self._lock:
            if not target.is_dir():
                _unpack(code.content, target)
        return target

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


def _unpack(content: bytes, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    half_done = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=target.parent))
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.infolist():
                _extract(archive, member, half_done)
        half_done.chmod(0o755)
        half_done.rename(target)
    except zipfile.BadZipFile as error:
        message = "Lambda was unable to unzip the file."
        raise ApiError("InvalidZipFileException", message, 502, Type="User") from error
    finally:
        shutil.rmtree(half_done, ignore_errors=True)


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    path = archive.extract(member, target)
    mode = (member.external_attr >> 16) & 0o777
    os.chmod(path, mode | (0o555 if member.is_dir() else 0o444))
    # A shipped .pyc is used only when the source has the time that it was compiled with.
    modified = calendar.timegm((*member.date_time, 0, 0, 0))
    os.utime(path, (modified, modified))
