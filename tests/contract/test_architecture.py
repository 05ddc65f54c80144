"""Who may import what, read from the syntax trees: app → intents → pure modules; adapters apart."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ATLAS = ROOT / "atlas"
LIBRARY = ATLAS / "chalicelib"
FILES = sorted(ATLAS.rglob("*.py"))
PURE = (
    "answer",
    "bot",
    "calling_hours",
    "breakers",
    "call_budget",
    "cancellation",
    "content",
    "content_sections",
    "canonical_questions",
    "conversation",
    "deadline",
    "environment_reader",
    "errors",
    "folding",
    "latency_estimates",
    "lead",
    "lex",
    "lex_parse",
    "lex_reply",
    "model_router",
    "model_table",
    "name_parts",
    "phone_numbers",
    "phone_table",
    "phone_words",
    "phrases",
    "prompts",
    "questions",
    "refusals",
    "sentences",
    "session_attributes",
    "typos",
    "visitor_names",
)
ADAPTERS = (
    "background",
    "bedrock",
    "clients",
    "answer_table",
    "response_cache",
    "secret_store",
    "services",
    "settings",
    "observability",
    "warm_start",
)


def name_of(file: Path) -> str:
    return file.relative_to(ATLAS).as_posix()


def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def runtime_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those under `if TYPE_CHECKING:`, which never run."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield child
        yield from runtime_nodes(child)


def imports(file: Path) -> set[str]:
    found: set[str] = set()
    for node in runtime_nodes(tree(file)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "absolute imports only: Chalice puts the app at the top"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def packages(file: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(file)}


def modules_of_ours(file: Path) -> set[str]:
    return {n.split(".")[1] for n in imports(file) if n.startswith("chalicelib.")}


def those_with(package: str) -> list[str]:
    return [name_of(file) for file in FILES if package in packages(file)]


def reads_environment(file: Path) -> bool:
    texts = {ast.unparse(n) for n in ast.walk(tree(file)) if isinstance(n, ast.Attribute)}
    names = imports(file)
    return bool(texts & {"os.environ", "os.getenv", "os.putenv"}) or "os.environ" in names


PURE_FILES = [LIBRARY / f"{name}.py" for name in PURE]
INTENT_FILES = sorted((LIBRARY / "intents").glob("*.py"))
STEP_FILES = sorted((LIBRARY / "steps").glob("*.py"))


@pytest.mark.parametrize("file", [*PURE_FILES, *INTENT_FILES, *STEP_FILES], ids=name_of)
def test_intents_steps_and_pure_modules_know_no_aws_and_no_framework(file: Path) -> None:
    assert packages(file) & {"boto3", "botocore", "chalice", "aws_xray_sdk", "os"} == set()


@pytest.mark.parametrize("file", PURE_FILES, ids=name_of)
def test_pure_modules_import_only_pure_modules(file: Path) -> None:
    assert modules_of_ours(file) <= set(PURE)


@pytest.mark.parametrize("file", INTENT_FILES, ids=name_of)
def test_intents_reach_adapters_only_through_services(file: Path) -> None:
    assert modules_of_ours(file) & set(ADAPTERS) == set()


@pytest.mark.parametrize("file", STEP_FILES, ids=name_of)
def test_steps_reach_clients_only_through_services(file: Path) -> None:
    assert modules_of_ours(file) & {"clients", "services", "settings"} == set()


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_nothing_that_ships_imports_what_does_not(file: Path) -> None:
    assert packages(file) & {"sandbox", "ops", "bench", "infra", "tests", "moto", "yaml"} == set()


def test_only_settings_read_the_environment() -> None:
    readers = [name_of(file) for file in FILES if reads_environment(file)]
    assert readers == ["chalicelib/settings.py"]


def test_nobody_pays_for_the_xray_sdk_and_one_module_writes_segments() -> None:
    assert those_with("aws_xray_sdk") == []
    writing = [name_of(file) for file in FILES if '"subsegment"' in file.read_text("utf-8")]
    assert writing == ["chalicelib/observability/tracing.py"]


def test_only_the_app_and_its_local_route_know_chalice() -> None:
    assert those_with("chalice") == ["app.py", "chalicelib/local_http.py"]


def test_nobody_pays_for_boto3() -> None:
    assert those_with("boto3") == []


def test_only_boundaries_catch_everything() -> None:
    catching = [
        name_of(file)
        for file in FILES
        for node in ast.walk(tree(file))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
    ]
    # Decision 0005 says why the steps have one too, and the rows that recovery goes through.
    assert catching == [
        "chalicelib/fulfillment.py",
        "chalicelib/steps/boundary.py",
        "chalicelib/steps/recover_leads.py",
    ]


def test_every_module_says_what_it_is_for() -> None:
    assert [name_of(file) for file in FILES if not ast.get_docstring(tree(file))] == []


def test_everything_imported_is_pinned_or_comes_with_lambda() -> None:
    pinned = (ATLAS / "requirements.txt").read_text(encoding="utf-8")
    names = {line.partition("==")[0].replace("-", "_") for line in pinned.splitlines()}
    known = names | {"chalice", "chalicelib"}
    foreign = {p for file in FILES for p in packages(file)} - known
    assert foreign <= set(sys.stdlib_module_names)
