"""The deployment zip: what is missing from it is named, what dominates it is told."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from ops import package as packaging
from ops.errors import RefusedError
from ops.package import package


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A clone whose Chalice project has two pins and an older zip lying about."""
    (tmp_path / "atlas/.chalice/deployments").mkdir(parents=True)
    (tmp_path / "atlas/.chalice/deployments/old.zip").write_text("old")
    pins = "# comment\nboto-core==1.2.3\nSix_Pack==4.5 ; python_version > '3'\n"
    (tmp_path / "atlas/requirements.txt").write_text(pins)
    return tmp_path


def built_with(monkeypatch: pytest.MonkeyPatch, *folders: str) -> list[Path]:
    """Have "chalice package" make a zip of these; returns the project folders it was given."""
    given: list[Path] = []

    def build(project: Path, stage: str, out: Path) -> None:
        given.append(project)
        assert not (project / ".chalice/deployments").exists()
        with zipfile.ZipFile(out / "deployment.zip", "w") as archive:
            archive.writestr("big/data.bin", b"0" * 5_000)
            for folder in folders:
                archive.writestr(f"{folder}/METADATA", "x")

    monkeypatch.setattr(packaging, "_run_chalice", build)
    return given


def test_package_is_built_from_a_copy_without_older_zips_and_measured(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = built_with(monkeypatch, "boto_core-1.2.3.dist-info", "six_pack-4.5.dist-info")
    built = package("prod", tmp_path / "dist", project)
    assert given[0].parent != project
    assert next(iter(built.largest)) == "big"
    assert built.largest["big"] == 5_000
    assert (tmp_path / "dist/.gitignore").read_text() == "*\n"


def test_missing_pin_is_named(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built_with(monkeypatch, "boto_core-1.2.3.dist-info")
    with pytest.raises(RefusedError, match=r"lacks Six_Pack==4\.5: no wheel fits"):
        package("prod", tmp_path / "dist", project)


def test_failure_of_chalice_is_one_line(project: Path, tmp_path: Path) -> None:
    # The project of the fixture has no app.py and no config.json, which Chalice refuses.
    with pytest.raises(RefusedError, match="chalice package failed: ") as refused:
        package("prod", tmp_path / "dist", project)
    assert "\n" not in str(refused.value)
