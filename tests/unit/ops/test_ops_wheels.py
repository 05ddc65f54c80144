"""What the wheel proof concludes from what pip says; pip itself is asked by `make wheels`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from ops import wheels
from ops.errors import UnavailableError
from ops.pins import pins


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    file = tmp_path / "requirements.txt"
    file.write_text("# a comment with a==1\nwrapt==2.5.2\npython_dateutil==2.9.0.post0\n")
    return file


def _pip(monkeypatch: pytest.MonkeyPatch, code: int, stdout: str = "", stderr: str = "") -> None:
    done = subprocess.CompletedProcess([], code, stdout, stderr)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)


def _report(*pins: str) -> str:
    metadata = [dict(zip(("name", "version"), pin.split("=="), strict=True)) for pin in pins]
    return json.dumps({"install": [{"metadata": entry} for entry in metadata]})


def test_pins_are_read_without_comments_and_with_normalised_names(requirements: Path) -> None:
    assert set(pins(requirements)) == {"wrapt==2.5.2", "python-dateutil==2.9.0.post0"}


def test_every_runtime_on_both_architectures_is_a_target() -> None:
    assert [target.name for target in wheels.TARGETS] == [
        "python3.11 x86_64",
        "python3.11 aarch64",
        "python3.12 x86_64",
        "python3.12 aarch64",
        "python3.13 x86_64",
        "python3.13 aarch64",
    ]


def test_python_3_11_takes_no_wheel_newer_than_its_glibc() -> None:
    assert "manylinux_2_28_x86_64" not in list(wheels.TARGETS[0].platforms())
    assert "manylinux_2_28_x86_64" in list(wheels.TARGETS[2].platforms())


def test_a_proof_holds_when_pip_finds_exactly_the_pins(
    requirements: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pip(monkeypatch, 0, _report("wrapt==2.5.2", "python-dateutil==2.9.0.post0"))
    assert [proof.problem for proof in wheels.prove(requirements)] == [""] * 6


def test_a_dependency_that_is_not_pinned_is_named(
    requirements: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pip(monkeypatch, 0, _report("wrapt==2.5.2", "six==1.17.0"))
    assert wheels.prove(requirements)[0].problem == "not pinned: six==1.17.0"


def test_a_pin_without_a_wheel_is_named_in_pips_own_words(
    requirements: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pip(monkeypatch, 1, stderr="WARNING: x\nERROR: No matching distribution for wrapt\n")
    assert wheels.prove(requirements)[0].problem == "No matching distribution for wrapt"


def test_no_network_is_said_and_is_no_missing_wheel(
    requirements: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pip(monkeypatch, 1, stderr="WARNING: ... NewConnectionError ...\nERROR: No matching x\n")
    with pytest.raises(UnavailableError, match="cannot be proven offline"):
        wheels.prove(requirements)
