"""What a package imports and does not hold, read from its syntax trees."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.imports import missing_imports


def missing(folder: Path, sources: dict[str, str]) -> list[str]:
    """What a package of these modules lacks."""
    for name, source in {"app.py": "", "chalicelib/__init__.py": "", **sources}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(source)
    return missing_imports(folder)


OWN = [
    "import gone",
    "def later():\n    import gone",
    "try:\n    import gone\nexcept ImportError:\n    pass",
    "from gone import x",
]


@pytest.mark.parametrize("source", OWN)
def test_every_import_of_our_own_code_counts(tmp_path: Path, source: str) -> None:
    assert missing(tmp_path, {"chalicelib/one.py": source}) == ["chalicelib.one: gone"]


@pytest.mark.parametrize(
    "source",
    [
        "import json.decoder, os.path",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import gone",
        "from chalicelib import two\nfrom chalicelib.two import NAME",
    ],
)
def test_what_is_there_and_what_never_runs_is_not_missed(tmp_path: Path, source: str) -> None:
    assert missing(tmp_path, {"chalicelib/one.py": source, "chalicelib/two.py": "NAME = 1"}) == []


LIBRARY = [
    ("import gone", ["big.part: gone"]),
    ("class A:\n    import gone", ["big.part: gone"]),
    ("from .absent import x", ["big.part: big.absent"]),
    ("from ..big.absent import x", ["big.part: big.absent"]),
    ("from . import whatever", []),
    ("def later():\n    import gone", []),
    ("try:\n    import gone\nexcept ImportError:\n    pass", []),
    ("if sys.platform == 'x':\n    import gone", []),
]


@pytest.mark.parametrize(("source", "expected"), LIBRARY)
def test_of_a_library_only_what_always_runs_counts(
    tmp_path: Path, source: str, expected: list[str]
) -> None:
    files = {"chalicelib/one.py": "from big import part", "big/__init__.py": ""}
    assert missing(tmp_path, {**files, "big/part.py": source}) == expected


def test_optional_imports_are_followed_where_they_are_there(tmp_path: Path) -> None:
    sources = {
        "app.py": "def later():\n    import big.one",
        "big/__init__.py": "try:\n    from . import two\nexcept ImportError:\n    pass",
        "big/one.py": "",
        "big/two.py": "import gone",
        "big/three.py": "import never_asked_for",
    }
    assert missing(tmp_path, sources) == ["big.two: gone"]


def test_extension_modules_are_there(tmp_path: Path) -> None:
    (tmp_path / "big").mkdir()
    (tmp_path / "big/_fast.cpython-311-x86_64-linux-gnu.so").touch()
    (tmp_path / "big/_rust.abi3.so").touch()
    sources = {"app.py": "from big import _fast\nimport big._rust", "big/__init__.py": ""}
    assert missing(tmp_path, sources) == []
