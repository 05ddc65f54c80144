"""What every test starts from: no account, no endpoint and no setting of the machine it runs on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.noted_environment import names_that_settings_read

OWN_VARIABLES = names_that_settings_read()

# The same examples in every run: a red build is about the change, not about luck.
settings.register_profile("atlas", deadline=None, derandomize=True, database=None)
settings.load_profile("atlas")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dummy credentials and a region; nothing else of AWS or Atlas from outside."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "ATLAS_", "_X_AMZN", "LAMBDA_")) or name in OWN_VARIABLES:
            monkeypatch.delenv(name)
    nowhere = str(Path(os.devnull))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", nowhere)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", nowhere)
