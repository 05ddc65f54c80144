"""What a release under load is tried with: visitors who go on talking, and versions with a fault.

A broken version is the project's own code with a fault written into a copy of it, built and put on
$LATEST as a deploy would.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from served_sandbox import Sandbox

from ops.build import build
from ops.package import project_copy
from ops.stages import FUNCTIONS, function_name
from sandbox.chalice_deploy import kept_packages

ROOT = Path(__file__).parents[2]
STAGE = "local"
WORDS = ("hello", "what technology do you use", "how does the demo work")
_BEGIN = "    turn = lex.parse(event)\n"
EVERY_FIFTH_FAILS = "    if next(_TURNS) % 5 == 4:\n        raise RuntimeError\n"
EACH_IS_SLOW = "    time.sleep(1.1)\n"
ANOTHER_CODE = "    next(_TURNS)\n"


def code_with(fault: str) -> bytes:
    """The package of the project with those lines where a turn begins."""
    with project_copy(ROOT) as project:
        path = project / "chalicelib" / "fulfillment.py"
        text = path.read_text(encoding="utf-8")
        assert text.count(_BEGIN) == 1
        text = text.replace(_BEGIN, f"{fault}{_BEGIN}")
        text += "\n\nimport itertools\n\n_TURNS = itertools.count()\n"
        path.write_text(text, encoding="utf-8")
        return build(project, kept=kept_packages(ROOT)).path.read_bytes()


def code_as_it_is() -> bytes:
    """The project's own package."""
    with project_copy(ROOT) as project:
        return build(project, kept=kept_packages(ROOT)).path.read_bytes()


def deploy(sandbox: Sandbox, code: bytes) -> None:
    """Put the code on $LATEST of every function."""
    for function in FUNCTIONS:
        name = function_name(STAGE, function.name)
        sandbox.client("lambda").update_function_code(FunctionName=name, ZipFile=code)


def start_ops(sandbox: Sandbox, *words: str) -> subprocess.Popen[str]:
    """A verb of ops on the sandbox's stage, with its result as JSON."""
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL": sandbox.address.endpoint,
        "AWS_DEFAULT_REGION": sandbox.address.region,
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
    }
    command = [sys.executable, "-m", "ops", *words, "--stage", STAGE, "--json"]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=pipe, stderr=pipe, text=True)


def ops(sandbox: Sandbox, *words: str) -> tuple[int, dict[str, Any]]:
    """The verb's exit code and its JSON."""
    with start_ops(sandbox, *words) as run:
        out, err = run.communicate(timeout=180)
    assert "Traceback" not in err, err
    return run.returncode, json.loads(out)


@dataclass(slots=True)
class Visitors:
    """How the turns of all visitors went; `troubled` are those with a failed turn."""

    turns: int = 0
    failed: int = 0
    troubled: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, session: str, is_good: bool) -> None:
        with self.lock:
            self.turns += 1
            self.failed += not is_good
            self.troubled |= set() if is_good else {session}


@contextmanager
def talking(sandbox: Sandbox, count: int = 2) -> Iterator[Visitors]:
    """So many visitors at a time, each gone after six turns for the next to come."""
    visitors, over = Visitors(), threading.Event()
    sandbox.client("lexv2-runtime")
    threads = [threading.Thread(target=_talk, args=(sandbox, visitors, over)) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield visitors
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _talk(sandbox: Sandbox, visitors: Visitors, over: threading.Event) -> None:
    turn, session = 0, ""
    # The pause is a person's, and keeps a small machine from measuring itself.
    while not over.wait(0.02):
        # A random id is its own label in the logs; others share labels now and then.
        session = session if turn % 6 else secrets.token_hex(16)
        visitors.note(session, _is_answered(sandbox, session, WORDS[turn % len(WORDS)]))
        turn += 1


def _is_answered(sandbox: Sandbox, session: str, words: str) -> bool:
    address = sandbox.address
    try:
        answer = sandbox.client("lexv2-runtime").recognize_text(
            botId=address.bot_id,
            botAliasId=address.bot_alias_id,
            localeId=address.locale_id,
            sessionId=session,
            text=words,
        )
    except (ClientError, BotoCoreError):
        return False
    return bool(answer["sessionState"]["intent"]["state"] != "Failed")
