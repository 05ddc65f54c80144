"""One stage for the module that breaks it; moto's state is the process's, so it is emptied."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from audited_stage import AuditedStage
from moto.moto_api._internal.models import moto_api_backend


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuditedStage]:
    audited = AuditedStage(Path(tmp_path_factory.mktemp("audited")))
    os.environ["MOTO_PORT"] = audited.endpoint.rpartition(":")[2]
    audited.make()
    yield audited
    audited.close()
    del os.environ["MOTO_PORT"]
    moto_api_backend.reset()
