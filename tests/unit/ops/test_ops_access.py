"""Each function may do what its code does: read from the code's syntax, compared with its row."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from ops.access import ACCESS, BY_PHONE
from ops.stages import APP

LIBRARY = Path(__file__).parents[3] / "atlas" / "chalicelib"
Need = tuple[str, str]

# What a call of a service's method does on AWS: the table and the DynamoDB action, or the other
# column of the row and its word.
NEEDS: dict[str, set[Need]] = {
    "leads.get": {("leads", "GetItem")},
    "leads.offer": {("leads", "PutItem")},
    "leads.update": {("leads", "UpdateItem")},
    "leads.delete": {("leads", "DeleteItem")},
    "leads.strip": {("leads", "UpdateItem")},
    "leads.withdraw_offer": {("leads", "DeleteItem")},
    "leads.table": {("leads", "UpdateItem")},
    "leads.by_phone": {(BY_PHONE, "Query")},
    "consents.record": {
        ("leads", "UpdateItem"),
        ("pending-work", "PutItem"),
        ("call-limits", "ConditionCheckItem"),
        ("call-limits", "UpdateItem"),
    },
    "call_limits.stop_calling": {("call-limits", "PutItem")},
    "call_limits.may_call": {("call-limits", "GetItem")},
    "call_limits.attempt": {("call-limits", "UpdateItem")},
    "pending.put": {("pending-work", "PutItem")},
    "pending.postpone": {("pending-work", "PutItem")},
    "pending.table": {("pending-work", "DeleteItem")},
    "pending.due": {("pending-work", "Query")},
    "pending.all": {("pending-work", "Query")},
    "pending.count": {("pending-work", "Query")},
    "pending.untold": {("pending-work", "Query")},
    "pending.told": {("pending-work", "UpdateItem")},
    "pending.done": {("pending-work", "DeleteItem")},
    "pending.done_if": {("pending-work", "DeleteItem")},
    "contacts.placed": {("contacts", "UpdateItem")},
    "contacts.ended": {("contacts", "UpdateItem")},
    "contacts.interaction_of": {("contacts", "GetItem")},
    "contacts.delete": {("contacts", "DeleteItem")},
    "scenarios.draft": {("scenario-cache", "UpdateItem")},
    "scenarios.visitor": {("scenario-cache", "GetItem")},
    "scenarios.read": {("scenario-cache", "GetItem")},
    "scenarios.claim": {("scenario-cache", "UpdateItem")},
    "scenarios.store": {("scenario-cache", "UpdateItem")},
    "scenarios.release": {("scenario-cache", "UpdateItem")},
    "scenarios.delete": {("scenario-cache", "DeleteItem")},
    "workflow.start": {("workflow", "StartExecution")},
    "workflow.resume": {("workflow", "SendTaskSuccess")},
    "workflow.stop": {("workflow", "StopExecution")},
    "telephony.place_call": {("calls", "StartOutboundVoiceContact")},
    "telephony.recording_locations": {("calls", "DescribeContact")},
    "recordings.read": {("objects", "GetObject")},
    "recordings.delete": {("objects", "DeleteObject")},
    "recordings.delete_of": {("objects", "DeleteObject")},
    "transcriber.start": {
        ("transcription", "StartTranscriptionJob"),
        ("objects", "GetObject"),
        ("objects", "PutObject"),
    },
    "transcriber.delete": {("transcription", "DeleteTranscriptionJob")},
    "deletions.request": {("deletions", "PutItem")},
    "deletions.receipt": {("deletions", "GetItem")},
    "deletions.note": {("deletions", "UpdateItem")},
    "telephony.prepare": set(),
    "scenarios.beside": set(),
    "scenarios.clock": set(),
}
HARMLESS = {"log", "contents", "settings", "clock", "models", "background", "answers", "policy"}
HANDLERS = ("fulfillment", "phone_session", "intents")


def steps() -> list[str]:
    """The functions with a step of their own name."""
    return sorted(name for name in ACCESS if (LIBRARY / "steps" / f"{name}.py").exists())


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def service_calls(node: ast.AST) -> set[str]:
    """`leads.get` for every `services.leads.get` under `node`."""
    found = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Attribute):
            text = ast.unparse(each)
            if text.startswith("services.") and text.count(".") == 2:
                found.add(text.removeprefix("services."))
    return {call for call in found if call.partition(".")[0] not in HARMLESS}


def path_of(module: str) -> Path:
    return LIBRARY.parent / Path(*module.split(".")).with_suffix(".py")


def origins(path: Path) -> dict[str, tuple[Path, str]]:
    """Where each name of the module that is ours comes from: its own functions and imports."""
    names: dict[str, tuple[Path, str]] = {}
    for node in tree(path).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names[node.name] = (path, node.name)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("chalicelib.s"):
            source = path_of(node.module or "")
            names |= {a.asname or a.name: (source, a.name) for a in node.names if source.exists()}
    return names


def reached(path: Path, name: str) -> Iterator[ast.AST]:
    """The definition of `name` and of all of ours that it names, each once."""
    waiting, seen = [(path, name)], set()
    while waiting:
        here, wanted = waiting.pop()
        if (here, wanted) in seen:
            continue
        seen.add((here, wanted))
        for node in tree(here).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == wanted:
                yield node
                used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
                waiting += [place for n, place in origins(here).items() if n in used]


def calls_of(function: str) -> set[str]:
    if function != "lex_fulfillment":
        nodes = reached(LIBRARY / "steps" / f"{function}.py", function)
        return {call for node in nodes for call in service_calls(node)}
    return {call for file in turn_files() for call in service_calls(tree(file))}


def turn_files() -> list[Path]:
    files = [LIBRARY / f"{name}.py" for name in HANDLERS]
    return [*filter(Path.is_file, files), *(LIBRARY / "intents").glob("*.py")]


def rights(function: str) -> set[Need]:
    row = ACCESS[function]
    columns = {"workflow": row.workflow, "calls": row.calls, "transcription": row.transcription}
    words = {**row.tables, **columns}
    on_objects = {("objects", verb) for verbs in row.objects.values() for verb in verbs}
    return {(name, verb) for name, verbs in words.items() for verb in verbs} | on_objects


@pytest.mark.parametrize("function", [*steps(), "lex_fulfillment"])
def test_every_call_in_the_code_is_permitted(function: str) -> None:
    calls = calls_of(function) & set(NEEDS)
    needed = {need for call in calls for need in NEEDS[call]}
    assert needed - rights(function) == set()


@pytest.mark.parametrize("function", [*steps(), "lex_fulfillment"])
def test_every_service_that_the_code_calls_is_known_here(function: str) -> None:
    known = {name.partition(".")[0] for name in NEEDS}
    unknown = {c for c in calls_of(function) if c.partition(".")[0] in known} - set(NEEDS)
    assert unknown == set(), "say in NEEDS what it does on AWS"


def test_reading_the_code_follows_what_a_step_takes_from_another() -> None:
    assert "workflow.resume" in calls_of("invoke_call")
    assert "transcriber.start" in calls_of("summarize_call")
    assert "contacts.interaction_of" not in calls_of("summarize_call")
    assert len(steps()) >= 6


def test_tables_of_the_rows_are_named_without_app_and_stage() -> None:
    assert not [n for row in ACCESS.values() for n in row.tables if n.startswith(APP)]


def code_of(function: str) -> str:
    if function == "lex_fulfillment":
        return "".join(file.read_text(encoding="utf-8") for file in turn_files())
    nodes = reached(LIBRARY / "steps" / f"{function}.py", function)
    return "".join(ast.unparse(node) for node in nodes)


@pytest.mark.parametrize("function", [*steps(), "lex_fulfillment"])
def test_whoever_uses_a_service_as_a_whole_has_the_right_to_it(function: str) -> None:
    row, code = ACCESS[function], code_of(function)
    assert "services.team." not in code or row.tells_the_team
    assert "services.salesforce." not in code or "salesforce" in row.secrets
    assert "services.phone_hash(" not in code or "phone-hash" in row.secrets
    assert "services.background.invoke(" not in code or row.invokes
    assert "services.models." not in code or row.routes
