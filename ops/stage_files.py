"""Writes, or compares, the files that follow from `ops/stages.py` and the bot's definition."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from infra.bot_definition import Locale, load_bot_definition
from ops.environment import environment
from ops.phone_table import phone_table
from ops.policies import policy
from ops.stages import (
    APP,
    FUNCTIONS,
    GENERATE_ANSWER,
    STAGE_SIZES,
    STAGES,
    LambdaFunction,
)

ROOT = Path(__file__).resolve().parent.parent
CHALICE_FOLDER = Path("atlas/.chalice")
BOT_TEMPLATE = Path("infra/lex_bot.yaml")
BOT_UTTERANCES = Path("atlas/chalicelib/bot_utterances.json")
PHONE_TABLE = Path("atlas/chalicelib/phone_table.json")


def policy_file(stage: str, function: str) -> str:
    """The policy's file name, beside config.json, where Chalice looks for it."""
    return f"policy-{stage}-{function}.json"


def generated_files(root: Path = ROOT) -> dict[Path, str]:
    """Every generated file's text by its path under `root`."""
    files = chalice_files()
    files[BOT_UTTERANCES] = _json(_bot_utterances(root))
    files[PHONE_TABLE] = phone_table()
    return files


def chalice_files() -> dict[Path, str]:
    """config.json and the policies: what a deployment of code is told beside the code."""
    files = {CHALICE_FOLDER / "config.json": _json(_config())}
    for stage in STAGES:
        for function in FUNCTIONS:
            path = CHALICE_FOLDER / policy_file(stage, function.name)
            files[path] = _json(policy(stage, function))
    return files


def stale_files(root: Path = ROOT) -> list[Path]:
    """Paths that are missing, differ from the table, or are left over from a removed function."""
    files = generated_files(root)
    changed = [path for path, text in files.items() if _read(root / path) != text]
    return sorted([*changed, *_left_over(root, files)])


def write(root: Path = ROOT) -> list[Path]:
    """Bring every stale file up to date; returns the paths that changed."""
    files = generated_files(root)
    stale = stale_files(root)
    for path in stale:
        if path in files:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(files[path], encoding="utf-8")
        else:
            (root / path).unlink()
    return stale


def _left_over(root: Path, files: dict[Path, str]) -> list[Path]:
    found = (path.relative_to(root) for path in (root / CHALICE_FOLDER).glob("policy-*.json"))
    return [path for path in found if path not in files]


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _config() -> dict[str, Any]:
    # Both switches stand in every stage too: a stage that forgot them would fall back to
    # Chalice's analyser, which grants `Resource: "*"`.
    return {
        "version": "2.0",
        "app_name": APP,
        "autogen_policy": False,
        "xray": True,
        "stages": {stage: _stage(stage) for stage in STAGES},
    }


def _stage(stage: str) -> dict[str, Any]:
    return {
        "autogen_policy": False,
        "xray": True,
        "log_retention_in_days": STAGE_SIZES[stage].log_retention_days,
        "environment_variables": environment(stage),
        "lambda_functions": {f.name: _function(stage, f) for f in FUNCTIONS},
    }


def _function(stage: str, function: LambdaFunction) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "iam_policy_file": policy_file(stage, function.name),
        "lambda_memory_size": function.memory_mb,
        "lambda_timeout": function.timeout_seconds,
    }
    if function.name == GENERATE_ANSWER:
        settings["reserved_concurrency"] = STAGE_SIZES[stage].reserved_generate_answer
    return settings


def _bot_utterances(root: Path) -> dict[str, Any]:
    definition = load_bot_definition(root / BOT_TEMPLATE)
    return {"locales": {locale.locale_id: _intents(locale) for locale in definition.locales}}


def _intents(locale: Locale) -> dict[str, Any]:
    # Utterances with a slot in them carry a visitor's words, so none is a question to answer ahead.
    return {
        intent.name: {
            "utterances": [text for text in intent.utterances if "{" not in text],
            "slots": [slot.name for slot in intent.slots],
        }
        for intent in locale.intents
    }
