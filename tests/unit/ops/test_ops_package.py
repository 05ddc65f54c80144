"""The deployment zip: same bytes each time, what is missing is named, what dominates it is told."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

import pytest

from ops import build as building
from ops import chalice_run, libraries, slimming
from ops.build import build
from ops.errors import RefusedError
from ops.kept import MOST, Kept
from ops.package import architecture_of, measured, package

CONFIG = {"lambda_architecture": "x86_64", "stages": {"far": {"lambda_architecture": "arm64"}}}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small Chalice project, with what a copy of it must not bring along."""
    folder = tmp_path / "root/atlas"
    for name in (".chalice/deployments", ".chalice/deployed", "chalicelib/__pycache__"):
        (folder / name).mkdir(parents=True)
    (folder / ".chalice/deployments/old.zip").write_text("old")
    (folder / ".chalice/config.json").write_text(json.dumps(CONFIG))
    (folder / "requirements.txt").write_text("# comment\nbig==1.2\n")
    (folder / "app.py").write_text("from chalicelib import one\n")
    (folder / "chalicelib/__init__.py").write_text("")
    (folder / "chalicelib/one.py").write_text("ONE = {1, 'two', 3}\n")
    return folder


class Pip:
    """Stands for the installation; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, requirements: Path, target: libraries.Target, folder: Path) -> None:
        self.asked.append(target.name)
        (folder / "big").mkdir(parents=True)
        (folder / "big/__init__.py").write_text("def f():\n    return {'a', 'b', 'c'}\n")
        (folder / "big/data.bin").write_bytes(b"0" * 5_000)
        (folder / "big-1.2.dist-info").mkdir()


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> Pip:
    pip = Pip()
    monkeypatch.setattr(libraries, "install", pip)
    monkeypatch.setattr(slimming, "slim", lambda *_: None)
    monkeypatch.setattr(building, "_libraries_name", lambda *_: "libraries")
    return pip


def copied(project: Path, target: Path) -> Path:
    building.shutil.copytree(project, target, ignore=building.left_out)
    return target


def test_two_builds_are_the_same_byte_for_byte(project: Path, tmp_path: Path, pip: Pip) -> None:
    one = build(copied(project, tmp_path / "one"))
    two = build(copied(project, tmp_path / "two"))
    assert one.path.read_bytes() == two.path.read_bytes()
    with zipfile.ZipFile(one.path) as archive:
        names = archive.namelist()
    assert names == sorted(names)
    assert {"app.py", "chalicelib/one.py", "chalice/app.py", "big/data.bin"} <= set(names)


def test_bytecode_is_used_whatever_the_times_of_the_sources(
    project: Path, tmp_path: Path, pip: Pip
) -> None:
    built = build(copied(project, tmp_path / "one"))
    tag = sys.implementation.cache_tag
    with zipfile.ZipFile(built.path) as archive:
        code = archive.read(f"chalicelib/__pycache__/one.{tag}.pyc")
        # PEP 552: bit 0 says that a hash stands there, bit 1 that it is checked.
        assert int.from_bytes(code[4:8], "little") == 0b01
        compiled = {n for n in archive.namelist() if n.endswith(".pyc")}
    assert f"big/__pycache__/__init__.{tag}.pyc" in compiled
    assert f"__pycache__/app.{tag}.pyc" in compiled


def test_a_module_that_does_not_compile_is_named(project: Path, tmp_path: Path, pip: Pip) -> None:
    (project / "chalicelib/two.py").write_text("def\n")
    with pytest.raises(RefusedError, match=r"two\.py"):
        build(copied(project, tmp_path / "one"))


def test_what_is_imported_and_not_in_the_zip_is_named(
    project: Path, tmp_path: Path, pip: Pip
) -> None:
    (project / "chalicelib/two.py").write_text("def later():\n    import absent.part\n")
    with pytest.raises(RefusedError, match=r"lacks .*chalicelib\.two: absent\.part"):
        build(copied(project, tmp_path / "one"))


def test_an_unchanged_project_is_not_built_again(project: Path, tmp_path: Path, pip: Pip) -> None:
    kept = Kept(tmp_path / "kept")
    first = build(copied(project, tmp_path / "one"), kept=kept)
    second = build(copied(project, tmp_path / "two"), kept=kept)
    assert (first.was_kept, second.was_kept, len(pip.asked)) == (False, True, 1)
    assert first.path.read_bytes() == second.path.read_bytes()


def test_changed_code_is_packaged_without_pip(project: Path, tmp_path: Path, pip: Pip) -> None:
    kept = Kept(tmp_path / "kept")
    build(copied(project, tmp_path / "one"), kept=kept)
    (project / "chalicelib/one.py").write_text("ONE = 2\n")
    changed = build(copied(project, tmp_path / "two"), kept=kept)
    assert (changed.was_kept, len(pip.asked)) == (False, 1)
    fresh = build(copied(project, tmp_path / "three"))
    assert changed.path.read_bytes() == fresh.path.read_bytes()


def test_each_architecture_gets_its_own_wheels_and_name(
    project: Path, tmp_path: Path, pip: Pip
) -> None:
    copy = copied(project, tmp_path / "one")
    assert build(copy, "arm64").path.name != build(copy).path.name
    assert [name.split()[1] for name in pip.asked] == ["aarch64", "x86_64"]


def test_a_damaged_zip_is_forgotten_and_few_are_kept(tmp_path: Path) -> None:
    kept, made = Kept(tmp_path / "kept"), tmp_path / "made.zip"
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("x", "y")
    for number in range(MOST + 2):
        kept.store(made, f"n{number}")
    assert len(list(kept.folder.glob("*.zip"))) == MOST
    (kept.folder / "half.zip").write_bytes(made.read_bytes()[:20])
    assert not kept.fetch("half", tmp_path / "out.zip")
    assert not (kept.folder / "half.zip").exists()


def test_a_folder_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file where the folder should be")
    Kept(tmp_path / "kept").store(tmp_path / "kept", "x")
    assert not Kept(tmp_path / "kept").fetch("x", tmp_path / "out.zip")


CHALICE_WARNS = f"{chalice_run.WARNING}:\nlxml==1\nYou will have to build these yourself\n"


@pytest.mark.parametrize(
    ("output", "zips", "problem"),
    [
        (f"{chalice_run.REUSED}.\n", 1, ""),
        ("Creating deployment package.\n", 1, "1 packages in"),
        (f"{chalice_run.REUSED}.\n", 2, "2 packages in"),
        (CHALICE_WARNS, 1, r"Could not install dependencies: / lxml==1"),
    ],
    ids=["reused", "made its own in place", "made another", "warned"],
)
def test_a_package_of_chalices_own_is_a_failure(
    tmp_path: Path, output: str, zips: int, problem: str
) -> None:
    packages = tmp_path / ".chalice/deployments"
    packages.mkdir(parents=True)
    for number in range(zips):
        (packages / f"{number}.zip").touch()
    assert chalice_run.reuse_problem(output, tmp_path).startswith(problem)
    assert bool(chalice_run.reuse_problem(output, tmp_path)) == bool(problem)


def test_failure_of_chalice_is_one_line(project: Path, tmp_path: Path, pip: Pip) -> None:
    # The project of the fixture has no `app` in app.py, which Chalice refuses.
    with pytest.raises(RefusedError, match="chalice package failed: ") as refused:
        package("prod", tmp_path / "dist", project.parent)
    assert "\n" not in str(refused.value)
    assert (tmp_path / "dist/.gitignore").read_text() == "*\n"


def test_a_stage_may_have_an_architecture_of_its_own(project: Path) -> None:
    assert architecture_of(project, "far") == "arm64"
    assert architecture_of(project, "near") == "x86_64"


def test_what_dominates_the_zip_is_told(project: Path, tmp_path: Path, pip: Pip) -> None:
    built = measured(build(copied(project, tmp_path / "one")).path)
    assert built.largest["big"] >= 5_000
    assert "big" in built.table()
    assert built.zipped_bytes < built.unpacked_bytes
