"""One stage for the module that breaks it; moto's state is the process's, so it is emptied."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from audited_stage import STAGE, AuditedStage
from moto.moto_api._internal.models import moto_api_backend

from ops.stages import STAGE_SIZES


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuditedStage]:
    sizes = STAGE_SIZES[STAGE]
    # As small as dev, and meant to be scaled like prod.
    STAGE_SIZES[STAGE] = replace(sizes, provisioned_most=sizes.provisioned_fulfillment + 1)
    audited = AuditedStage(Path(tmp_path_factory.mktemp("audited")))
    os.environ["MOTO_PORT"] = audited.endpoint.rpartition(":")[2]
    audited.make()
    yield audited
    audited.close()
    STAGE_SIZES[STAGE] = sizes
    del os.environ["MOTO_PORT"]
    moto_api_backend.reset()
