"""Builds the whole sandbox, starts it, and takes it down again in order."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from sandbox import local_environment
from sandbox.assembly import Conditions, assemble
from sandbox.aws_api import REGION
from sandbox.control import Health
from sandbox.counters import CallCounters
from sandbox.deployment import STAGE, Deployment
from sandbox.faults import Faults
from sandbox.http_server import HttpServer
from sandbox.latency import Latency

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Options:
    """The command line of `serve`."""

    port: int = 4566
    profile: str = "none"
    scale: float = 1.0
    state_file: Path | None = None
    bare: bool = False
    schedules: bool = True
    root: Path = ROOT


@dataclass(slots=True)
class Progress:
    """Prints each finished step with the seconds since the start."""

    stream: TextIO
    clock: Callable[[], float] = time.monotonic
    started: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.clock()

    def __call__(self, sentence: str) -> None:
        print(f"{self.clock() - self.started:6.1f} s  {sentence}", file=self.stream, flush=True)


@contextlib.contextmanager
def sandbox(options: Options, progress: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """A running sandbox; yields what the state file says once the bot can be talked to.

    PortInUseError and StartError when it cannot come up. Nothing of it is left afterwards.
    """
    with contextlib.ExitStack() as stack:
        server = HttpServer(None, options.port)
        endpoint = f"http://127.0.0.1:{server.bind()}"
        stack.callback(server.close)
        outer = dict(os.environ)
        local_environment.enter(endpoint, os.environ)
        stack.callback(_restore, outer)
        work_dir = Path(stack.enter_context(_work_folder()))
        health = Health()
        conditions = Conditions(Latency(options.profile, options.scale), Faults(), CallCounters())
        parts = assemble(
            *(endpoint, options.root, work_dir, conditions, health),
            schedules=options.schedules,
            stack=stack,
        )
        server.serve(parts.app)
        progress(f"answering at {endpoint}")
        state: dict[str, Any] = {"endpoint": endpoint, "region": REGION, "pid": os.getpid()}
        state |= {"salesforce_url": parts.salesforce.url}
        state |= {"salesforce_ca_file": parts.salesforce.ca_file}
        if options.bare:
            secret = work_dir / "salesforce_secret.json"
            write_whole(secret, json.dumps(parts.salesforce.secret()))
            state |= {"salesforce_secret_file": str(secret)}
        else:
            steps = Deployment(
                *(options.root, work_dir, endpoint, parts.deploy_bot, progress, outer),
                secrets={f"atlas/{STAGE}/salesforce": parts.salesforce.secret()},
            )
            bot = steps.run()
            state |= {"bot_id": bot.bot_id, "bot_alias_id": bot.bot_alias_id}
            state |= {"locale_id": bot.locale_id}
        health.ready, health.about = True, state
        if options.state_file is not None:
            stack.callback(options.state_file.unlink, missing_ok=True)
            write_whole(options.state_file, json.dumps(state, indent=1) + "\n")
        yield state


def write_whole(path: Path, text: str) -> None:
    """Write a file that is seen whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as partial:
        partial.write(text)
    Path(partial.name).replace(path)


def welcome(state: dict[str, Any]) -> str:
    """How to talk to a ready sandbox, with a line to paste."""
    endpoint = state["endpoint"]
    lines = [
        f"\nReady. Every AWS service answers at {endpoint} in {state['region']}.",
        f"Counters, latencies and faults: {endpoint}/_sandbox/health (see sandbox/README.md).",
        f"Salesforce answers at {state['salesforce_url']} (CA: {state['salesforce_ca_file']}).",
        f"  Its records: {endpoint}/_sandbox/salesforce/Lead, and .../Task.",
        f"The phone: {endpoint}/_sandbox/phone shows its calls. A script answers them, or you:",
        "  POST phone/claim, then phone/answer, phone/say and phone/hang-up.",
    ]
    if "bot_id" in state:
        lines += [
            f"Stage {STAGE} is deployed and released. Say something:",
            "",
            _cli_line(state),
            "",
        ]
    return "\n".join([*lines, "Ctrl-C ends it; nothing stays behind."])


def _cli_line(state: dict[str, Any]) -> str:
    credentials = (
        f"AWS_ACCESS_KEY_ID={local_environment.ACCESS_KEY} "
        f"AWS_SECRET_ACCESS_KEY={local_environment.SECRET_KEY}"
    )
    return (
        f"{credentials} aws lexv2-runtime recognize-text --endpoint-url {state['endpoint']} "
        f"--region {state['region']} --bot-id {state['bot_id']} "
        f"--bot-alias-id {state['bot_alias_id']} --locale-id {state['locale_id']} "
        '--session-id me --text "hello"'
    )


@contextlib.contextmanager
def _work_folder() -> Iterator[str]:
    # An environment that is just ending may still write a file while its folder goes.
    with tempfile.TemporaryDirectory(prefix="sandbox-", ignore_cleanup_errors=True) as folder:
        yield folder


def _restore(environ: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environ)
