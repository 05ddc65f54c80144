"""An environment's start: garbage is not searched for until it is over, and then it is."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ATLAS = Path(__file__).parents[3] / "atlas"
CODE = """
import gc, json
from chalicelib import init_phase
starting = gc.isenabled()
init_phase.end()
print(json.dumps([starting, gc.isenabled(), gc.get_freeze_count() > 1000]))
"""
LAMBDA = {"AWS_LAMBDA_FUNCTION_NAME": "atlas-x", "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9"}


def told(**variables: str) -> Any:
    command = [sys.executable, "-B", "-c", CODE]
    done = subprocess.run(command, cwd=ATLAS, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_in_lambda_the_collector_rests_until_the_start_is_over() -> None:
    assert told(**LAMBDA) == [False, True, True]


def test_elsewhere_nothing_is_switched_off() -> None:
    assert told() == [True, True, True]


def test_the_app_imports_it_before_anything_else_of_ours() -> None:
    tree = ast.parse((ATLAS / "app.py").read_text(encoding="utf-8"))
    ours = [
        node
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("chalicelib")
    ]
    assert ours[0].names[0].name == "init_phase"
