"""The predecessor's deployment package: what it brought to Lambda, with the sequential design.

Built once and kept under .sandbox/. It holds boto3, simple-salesforce and aws-xray-sdk whole, as
wheels bring them and Chalice zips them: without bytecode. The handler imports what the
predecessor's did; X-Ray came in the package and was never switched on.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from sandbox.conversation.child import ROOT

PACKAGES = ("boto3", "simple-salesforce", "aws-xray-sdk")
HANDLER = "handler.lambda_handler"
INSTALL_SECONDS = 300
_SOURCE = ROOT / "bench" / "turns" / "sequential.py"
_PINS = ROOT / "requirements-dev.txt"
_HANDLER = """import simple_salesforce  # noqa: F401
from sequential import lambda_handler as turn


def lambda_handler(event, context):
    return {} if event.get("warm") else turn(event, context)
"""
_EXTRAS = re.compile(r"\[.*?\]")
_DATE = (2020, 1, 1, 0, 0, 0)


def package() -> bytes:
    """The zip's bytes; CalledProcessError when pip cannot fetch the wheels."""
    kept = ROOT / ".sandbox" / "predecessor" / f"{_key()}.zip"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            _install(Path(folder))
            _add_own(Path(folder))
            partial = kept.with_suffix(f".{os.getpid()}")
            _zip(Path(folder), partial)
            partial.replace(kept)
    return kept.read_bytes()


def _key() -> str:
    """Changes with everything that the zip is made of."""
    parts = (_PINS.read_text(), _SOURCE.read_text(), _HANDLER, sys.version)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def _install(folder: Path) -> None:
    """Every wheel in the version that this repository pins."""
    version_by_name = _pins()
    constraints = folder / "constraints.txt"
    constraints.write_text("".join(f"{n}=={v}\n" for n, v in version_by_name.items()))
    wanted = [f"{name}=={version_by_name[name]}" for name in PACKAGES]
    command = [sys.executable, "-m", "pip", "install", "-qq", "--no-compile"]
    command += ["--disable-pip-version-check", "--constraint", str(constraints)]
    command += ["--target", str(folder), *wanted]
    subprocess.run(command, check=True, timeout=INSTALL_SECONDS)  # noqa: S603
    constraints.unlink()


def _pins() -> dict[str, str]:
    """Versions by name; a constraint may name no extras."""
    lines = (line.partition(";")[0].strip() for line in _PINS.read_text().splitlines())
    return dict(_EXTRAS.sub("", line).split("==", 1) for line in lines if "==" in line)


def _add_own(folder: Path) -> None:
    (folder / "handler.py").write_text(_HANDLER)
    (folder / "sequential.py").write_text(_SOURCE.read_text())


def _zip(folder: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and path.parent.name != "bin":
                entry = zipfile.ZipInfo(str(path.relative_to(folder)), _DATE)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, path.read_bytes())
