"""Rendering: files stand where they are named, and nothing too long leaves the house."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra import rendering
from infra.rendering import LIMIT_BYTES, RenderingError, document, rendered


def written(folder: Path, text: str) -> Path:
    path = folder / "some.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_stands_where_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "flow.json").write_text('{\n  "say": "a  b",\n  "to": "${Alias}"\n}\n')
    path = written(tmp_path, "Resources:\n  Flow:\n    Content:\n      Fn::Sub: file:flow.json\n")
    text = document(path)["Resources"]["Flow"]["Content"]["Fn::Sub"]
    assert text == '{"say": "a  b","to": "${Alias}"}'


def test_files_in_lists_are_found_too(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    assert document(written(tmp_path, "Resources: [file:a.json, 1]"))["Resources"] == ["{}", 1]


def test_metadata_is_left_to_the_linter(tmp_path: Path) -> None:
    path = written(tmp_path, "Metadata: {cfn-lint: {}}\nResources: {}\n")
    assert document(path) == {"Resources": {}}


def test_the_text_is_json_on_one_line(tmp_path: Path) -> None:
    path = written(tmp_path, "Resources:\n  A:\n    B: café\n")
    assert rendered(path) == '{"Resources":{"A":{"B":"café"}}}'


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RenderingError, match=r"gone\.json cannot be read"):
        document(written(tmp_path, "A: file:gone.json"))


@pytest.mark.parametrize("is_over", [False, True])
def test_a_template_may_have_as_many_bytes_as_a_request_takes(
    tmp_path: Path, is_over: bool
) -> None:
    text = "é" * ((LIMIT_BYTES - len('{"A":""}')) // 2 + is_over)
    path = written(tmp_path, f"A: {text}\n")
    if is_over:
        with pytest.raises(RenderingError, match=r"some\.yaml has 51,20[0-9] bytes"):
            rendered(path)
    else:
        assert json.loads(rendered(path)) == {"A": text}


def test_every_template_of_the_folder_is_deployed() -> None:
    there = {path.stem for path in rendering.FOLDER.glob("*.yaml")}
    assert there == set(rendering.TEMPLATES)
