"""A folder of zips made before: each whole or not there, few, and never a reason to fail."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MOST = 8


@dataclass(frozen=True, slots=True)
class Kept:
    """Zips by name, the MOST of them that were last used."""

    folder: Path

    def fetch(self, name: str, target: Path) -> bool:
        """Copy that zip to `target`; False when there is none. What is damaged goes."""
        path = self._path(name)
        try:
            if not _is_whole(path):
                path.unlink(missing_ok=True)
                return False
            shutil.copyfile(path, target)
            os.utime(path)
        except OSError:
            return False
        return True

    def store(self, made: Path, name: str) -> None:
        """Keep `made` whole or not at all; a folder that cannot be written only costs time."""
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            _copy_whole(made, self._path(name))
            self._forget_oldest()

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.zip"

    def _forget_oldest(self) -> None:
        zips = self.folder.glob("*.zip")
        for old in sorted(zips, key=lambda path: path.stat().st_mtime, reverse=True)[MOST:]:
            old.unlink(missing_ok=True)


def _is_whole(path: Path) -> bool:
    """A zip's directory is its last part, so one that is cut off has none."""
    return zipfile.is_zipfile(path)


def _copy_whole(source: Path, target: Path) -> None:
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as partial:
        try:
            with source.open("rb") as stream:
                shutil.copyfileobj(stream, partial)
            partial.flush()
            Path(partial.name).replace(target)
        except BaseException:
            Path(partial.name).unlink(missing_ok=True)
            raise
