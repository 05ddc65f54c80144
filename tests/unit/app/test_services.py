"""The composition root: real services, or one error that names everything that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from chalicelib import content
from chalicelib.content import Contents
from chalicelib.errors import ConfigError
from chalicelib.services import services_from_env


def test_bad_settings_and_bad_content_are_named_in_one_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = (content.FOLDER / "en_US.toml").read_text(encoding="utf-8")
    broken = text.replace("write to {contact}", "write to {contcat}").replace("goodbye =", "bye =")
    (tmp_path / "en_US.toml").write_text(broken, encoding="utf-8")
    monkeypatch.setattr(Contents.load.__func__, "__defaults__", (tmp_path,))
    monkeypatch.setenv("ATLAS_STAGE", "moon")
    with pytest.raises(ConfigError) as caught:
        services_from_env()
    named = "\n".join(caught.value.problems)
    for part in (
        "ATLAS_STAGE must be one of",
        "RESPONSE_CACHE_TABLE is missing",
        "MODEL_ROUTES is missing",
        "texts.goodbye is missing",
        "texts.bye is not used",
        "texts.help has {contcat}, which stands for nothing",
    ):
        assert part in named
    assert sum("MODEL_ROUTES" in problem for problem in caught.value.problems) == 1


def test_a_file_that_cannot_be_read_is_one_problem(tmp_path: Path) -> None:
    (tmp_path / "en_US.toml").write_bytes(b'company = "\xff"')
    with pytest.raises(ConfigError) as caught:
        Contents.load(tmp_path)
    assert len(caught.value.problems) == 1
