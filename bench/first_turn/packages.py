"""The packages whose first turn is measured: the predecessor's, Atlas's whole, and Atlas's slim."""

from __future__ import annotations

import json
import shutil
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from ops import archive, libraries, service_models, slimming
from ops.build import add_app, add_chalice, build, running_python
from ops.kept import Kept
from ops.package import project_copy
from ops.pins import pins
from ops.stage_files import ROOT
from ops.wheels import REQUIREMENTS, Target

_CONTROL = Path(__file__).with_name("control.py")
_KEPT = Kept(ROOT / ".sandbox" / "packages" / "first-turn")
_ONLY_ATLAS = ("cachetools==", "tzdata==")
_ONLY_PREDECESSOR = ("aws-xray-sdk==", "boto3==", "s3transfer==", "wrapt==")


@dataclass(frozen=True, slots=True)
class Packed:
    """A zip; `compiled`: bytecode is written beside its sources once it is unpacked."""

    name: str
    path: Path
    handler: str
    variables: dict[str, str] = field(default_factory=dict)
    compiled: bool = False

    def sizes(self) -> tuple[int, int]:
        """Bytes zipped and unzipped, as they are uploaded."""
        with zipfile.ZipFile(self.path) as zipped:
            return self.path.stat().st_size, sum(item.file_size for item in zipped.infolist())


def packages(folder: Path) -> list[Packed]:
    """The predecessor's without and with bytecode, Atlas's as bare Chalice has it, and the slim."""
    old, whole = folder / "predecessor.zip", folder / "whole.zip"
    _write_predecessor(folder, old)
    archive.write_zip(_with_app(_installed(folder / "atlas", REQUIREMENTS)), whole)
    with project_copy() as project:
        slim = shutil.copy(build(project, kept=_KEPT).path, folder / "slim.zip")
    return [
        Packed("predecessor", old, "control.lambda_handler"),
        Packed("predecessor, bytecode added", old, "control.lambda_handler", compiled=True),
        _atlas("Atlas, whole (bare chalice deploy)", whole),
        _atlas("Atlas, slim", Path(slim)),
    ]


def ladder(folder: Path) -> list[Packed]:
    """The predecessor with bytecode, then what each step of the slimming adds to those before."""
    old = folder / "predecessor.zip"
    _write_predecessor(folder, old)
    rungs = [Packed("predecessor, bytecode added", old, "control.lambda_handler", compiled=True)]
    content = _with_app(_installed(folder / "atlas", REQUIREMENTS))
    rungs.append(_rung(content, folder, "Atlas, whole"))
    archive.compile_all(content, ".")
    rungs.append(_rung(content, folder, "+ bytecode"))
    chalicelib = ROOT / "atlas/chalicelib"
    for name, steps in _STEPS:
        slimming.slim(content, chalicelib, steps)
        # Else the bytecode of what was left out would stay.
        for cache in list(content.rglob("__pycache__")):
            shutil.rmtree(cache)
        archive.compile_all(content, ".")
        rungs.append(_rung(content, folder, name))
    return rungs


def _services_only(content: Path, chalicelib: Path) -> None:
    """botocore's data of the services used, with all their operations."""
    kept = service_models.services(chalicelib)
    service_models.cut(content / "botocore/data", kept, _Everything())


class _Everything(frozenset[str]):
    def __contains__(self, _: object) -> bool:
        return True


_STEPS: tuple[tuple[str, tuple[slimming.Step, ...]], ...] = (
    ("+ services not used left out", (_services_only,)),
    ("+ operations not used left out", (slimming.cut_models,)),
    ("+ zeep, lxml and the like left out, stand-ins", (slimming.leave_out, slimming.stand_in)),
)


def _rung(content: Path, folder: Path, name: str) -> Packed:
    target = folder / f"rung-{len(list(folder.glob('rung-*')))}.zip"
    archive.write_zip(content, target)
    return _atlas(name, target)


def _atlas(name: str, path: Path) -> Packed:
    return Packed(name, path, "app.lex_fulfillment", _stage_variables())


def _stage_variables() -> dict[str, str]:
    config = json.loads((ROOT / "atlas/.chalice/config.json").read_text(encoding="utf-8"))
    variables: dict[str, str] = config["stages"]["local"]["environment_variables"]
    return variables


def _with_app(content: Path) -> Path:
    add_chalice(content)
    add_app(ROOT / "atlas", content)
    return content


def _installed(content: Path, requirements: Path) -> Path:
    libraries.install(requirements, Target(running_python(), "x86_64"), content)
    return content


def _write_predecessor(folder: Path, target: Path) -> None:
    """boto3, simple-salesforce and aws-xray-sdk whole, in the versions that Atlas has."""
    lines = [line for line in pins(REQUIREMENTS) if not line.startswith(_ONLY_ATLAS)]
    lines += [
        line for line in pins(ROOT / "requirements-dev.txt") if line.startswith(_ONLY_PREDECESSOR)
    ]
    requirements = folder / "predecessor.txt"
    requirements.write_text("\n".join(lines) + "\n", encoding="utf-8")
    content = _installed(folder / "predecessor", requirements)
    shutil.copyfile(_CONTROL, content / "control.py")
    archive.write_zip(content, target)
