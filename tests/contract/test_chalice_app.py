"""app.py as Chalice and Lambda load it: importable with nothing around, and nothing over HTTP."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chalice.test import Client

from chalicelib.content import Contents
from chalicelib.errors import ConfigError
from chalicelib.intents.grounded import ABOUT_DEMO
from tests.fakes import World, lex_event
from tests.lex_shapes import problems

ATLAS = Path(__file__).parents[2] / "atlas"
CONFIG = json.loads((ATLAS / ".chalice" / "config.json").read_text(encoding="utf-8"))
FUNCTIONS = tuple(CONFIG["stages"]["local"]["lambda_functions"])
HEALTH = {"atlas": "health"}


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A fresh app module, gone again afterwards."""
    monkeypatch.delitem(sys.modules, "app", raising=False)
    yield importlib.import_module("app")
    sys.modules.pop("app", None)


def run_python(code: str, **variables: str) -> str:
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **variables}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ATLAS, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_app_imports_without_aws_credentials_or_a_single_variable() -> None:
    assert run_python("import app; print(app.app.app_name, list(app.app.routes))") == "atlas []"


def test_importing_the_app_loads_no_tracer_and_no_boto3() -> None:
    loaded = "import sys, app; print({'boto3', 'aws_xray_sdk'} & set(sys.modules))"
    assert run_python(loaded) == "set()"


INSIDE_LAMBDA = """
from chalicelib.errors import ConfigError
try:
    import app
except ConfigError as error:
    print(error)
"""


def test_inside_lambda_the_init_phase_reads_the_settings_and_fails_loudly() -> None:
    inside = {"AWS_LAMBDA_FUNCTION_NAME": "atlas-dev-keep_warm", "AWS_LAMBDA_RUNTIME_API": "x"}
    problems = run_python(INSIDE_LAMBDA, **inside)
    for name in ("ATLAS_STAGE", "RESPONSE_CACHE_TABLE", "GENERATE_ANSWER_FUNCTION", "MODEL_ROUTES"):
        assert name in problems


def test_the_app_declares_every_function_of_the_configuration(loaded: Any) -> None:
    declared = {function.name for function in loaded.app.pure_lambda_functions}
    assert declared == set(FUNCTIONS)
    for stage in CONFIG["stages"].values():
        assert set(stage["lambda_functions"]) == declared


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_answers_a_health_check_under_its_own_name(
    loaded: Any, function: str
) -> None:
    with Client(loaded.app, stage_name="local", project_dir=str(ATLAS)) as client:
        payload = client.lambda_.invoke(function, HEALTH).payload
    assert payload["ok"]
    assert payload["function"] == function


def test_chalices_test_client_holds_a_turn_with_the_fulfilment_function(
    loaded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    monkeypatch.setattr(loaded, "services", lambda: world.services)
    with Client(loaded.app, stage_name="local", project_dir=str(ATLAS)) as client:
        response = client.lambda_.invoke("lex_fulfillment", lex_event("CloseIntent")).payload
    assert problems(response) == []
    assert response["messages"][0]["content"] == Contents.load().in_locale("en_US").texts["goodbye"]


def test_the_background_functions_reach_their_work(
    loaded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    monkeypatch.setattr(loaded, "services", lambda: world.services)
    with Client(loaded.app, stage_name="local", project_dir=str(ATLAS)) as client:
        warmed = client.lambda_.invoke("keep_warm", {}).payload
        assert set(warmed) == {"made", "fresh", "failed", "left"}
        english = Contents.load().in_locale("en_US")
        question = ABOUT_DEMO.question("how does the demo work", english, "chat").to_json()
        task = {"question": question, "lease": "x", "lease_until": world.clock() + 9}
        assert client.lambda_.invoke("generate_answer", task).payload == {"source": "model"}


def test_services_are_built_from_the_stages_variables(
    loaded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in CONFIG["stages"]["dev"]["environment_variables"].items():
        monkeypatch.setenv(name, value)
    services = loaded.services()
    assert services.settings.stage == "dev"
    assert services is loaded.services()


def test_bad_settings_are_one_error(loaded: Any) -> None:
    with pytest.raises(ConfigError, match="ATLAS_STAGE"):
        loaded.services()


# The HTTP route.

DECLARES = "import app; print(list(app.app.routes))"
AS_CHALICE_LOCAL = f"import chalice.cli.reloader; {DECLARES}"


CHALICE_LOCAL = """
import sys
import chalice.cli

def show_routes(factory, host, port, stage):
    print(list(factory.create_config_obj(stage).chalice_app.routes))

chalice.cli.run_local_server = show_routes
sys.argv = ["chalice", "local", "--no-autoreload", "--stage", "STAGE"]
sys.exit(chalice.cli.main())
"""


@pytest.mark.parametrize(("stage", "routes"), [("local", "['/lex']"), ("dev", "[]")])
def test_chalice_local_serves_the_fulfilment_function_on_the_local_stage_only(
    stage: str, routes: str
) -> None:
    assert run_python(CHALICE_LOCAL.replace("STAGE", stage)) == routes


@pytest.mark.parametrize("value", ["", "0", "true"])
def test_a_stage_that_does_not_ask_for_the_route_gets_none(value: str) -> None:
    assert run_python(AS_CHALICE_LOCAL, ATLAS_LOCAL_HTTP=value) == "[]"


def test_the_variable_alone_declares_no_route() -> None:
    """As in a shell that has exported it, and in `chalice deploy --stage local`."""
    assert run_python(DECLARES, ATLAS_LOCAL_HTTP="1") == "[]"


def test_inside_lambda_there_is_no_route() -> None:
    inside = {
        **CONFIG["stages"]["local"]["environment_variables"],
        "AWS_LAMBDA_FUNCTION_NAME": "atlas-local-lex_fulfillment",
        "AWS_LAMBDA_RUNTIME_API": "x",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_XRAY_SDK_ENABLED": "false",
    }
    assert run_python(DECLARES, **inside).splitlines()[-1] == "[]"
