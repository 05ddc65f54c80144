"""What the slim package leaves out of the installed libraries, step by step, and why.

Each step works on the folder that pip has filled; together they make a third of it (decision 0064).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from ops import service_models

STAND_INS = Path(__file__).parent / "stand_ins"
NEVER_IMPORTED = (
    # SOAP, for simple-salesforce's metadata API, which Atlas never speaks, and what only it needs.
    *("zeep", "lxml", "isodate", "requests_file", "requests_toolbelt", "platformdirs"),
    *("attr", "attrs", "simple_salesforce/metadata.wsdl", "simple_salesforce/messages.py"),
    # For its Bulk API 2.0, and for its ways to log in.
    *("more_itertools", "typing_extensions.py", "jwt"),
    # cffi builds extensions with pycparser's help; only its backend is needed to use one.
    *("cffi", "pycparser"),
    # A copy of certifi's bundle, which requests brings anyway and botocore prefers; awscrt's side.
    *("botocore/cacert.pem", "botocore/crt/auth.py"),
    # Calendars and a second copy of the time zones: botocore reads dates only.
    *("dateutil/rrule.py", "dateutil/zoneinfo/dateutil-zoneinfo.tar.gz"),
    # Other transports than sockets.
    *("urllib3/contrib/emscripten", "urllib3/contrib/pyopenssl.py", "urllib3/contrib/socks.py"),
    "urllib3/http2/connection.py",
    # What the binary zones were made from.
    *("tzdata/zoneinfo/tzdata.zi", "tzdata/zoneinfo/leapseconds"),
)
NEVER_READ = (
    "*.dist-info",
    "tests",
    "*.data",
    "*-stubs",
    "bin",
    "*.pyi",
    "py.typed",
    "*.pyx",
    "*.c",
    "*.h",
)

Step: TypeAlias = Callable[[Path, Path], object]


def leave_out(libraries: Path, _: Path) -> None:
    """Drop modules that nothing of Atlas imports, and put the stand-ins where a name is needed."""
    for name in NEVER_IMPORTED:
        _remove(libraries / name)
    for pattern in NEVER_READ:
        for found in list(libraries.rglob(pattern)):
            _remove(found)


def stand_in(libraries: Path, _: Path) -> None:
    """Replace the modules that only lead to what is left out."""
    for path in [p for p in (libraries / "botocore/docs").iterdir() if p.name != "utils.py"]:
        _remove(path)
    for source in STAND_INS.rglob("*.py"):
        target = libraries / source.relative_to(STAND_INS)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def cut_models(libraries: Path, chalicelib: Path) -> dict[str, list[str]]:
    """botocore's data for the services and operations that Atlas calls."""
    kept, names = service_models.services(chalicelib), service_models.words(chalicelib)
    return service_models.cut(libraries / "botocore/data", kept, names)


STEPS: tuple[Step, ...] = (leave_out, stand_in, cut_models)


def slim(libraries: Path, chalicelib: Path, steps: tuple[Step, ...] = STEPS) -> None:
    """Run the steps on `libraries`, for the code below `chalicelib`."""
    for step in steps:
        step(libraries, chalicelib)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
