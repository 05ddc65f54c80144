"""`python -m sandbox serve`: AWS and Lex on this machine, until it is interrupted."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.assembly import Sandbox

DEFAULT_PORT = 4566
OLDEST, NEWEST = (3, 11), (3, 13)
_DEPLOYMENT_FAILED = 3

_EPILOG = """
Control while it runs, JSON under /_sandbox/: see sandbox/README.md.
exit codes: 0 ended by SIGINT or SIGTERM; 2 wrong usage or a port that is taken; 3 not deployed."""


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until interrupted and return the exit code."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        return _fail(f"needs Python 3.11 to 3.13, this is {sys.version.split()[0]}", 2)
    arguments = _parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    stop = _stop_on_signals()
    # Imported late, so that a wrong Python or wrong usage is said before moto's second of imports.
    from sandbox.assembly import Sandbox
    from sandbox.deployment import DeploymentError
    from sandbox.http_server import PortInUseError
    from sandbox.latency import Latency

    try:
        with closing(Sandbox(arguments.port, Latency(arguments.profile, arguments.scale))) as one:
            _serve(one, arguments, stop)
    except (PortInUseError, ValueError) as error:
        return _fail(str(error), 2)
    except DeploymentError as error:
        return _fail(str(error), _DEPLOYMENT_FAILED)
    except _Stopped:
        pass
    finally:
        if arguments.state_file:
            arguments.state_file.unlink(missing_ok=True)
    print("sandbox ended", flush=True)
    return 0


class _Stopped(Exception):
    """SIGINT or SIGTERM came while the sandbox was still starting."""


def _serve(sandbox: Sandbox, arguments: argparse.Namespace, stop: threading.Event) -> None:
    begin = time.monotonic()
    state: dict[str, Any] = {"endpoint": sandbox.endpoint, "region": "us-east-1"}
    if not arguments.bare:
        for name, step in (
            ("tables and bot", sandbox.create_infrastructure),
            ("chalice deploy --stage local", sandbox.deploy),
            ("python -m ops release --stage local", sandbox.release),
        ):
            _run(name, step, begin, stop)
        state |= sandbox.about()
    state["pid"] = os.getpid()
    sandbox.health.about, sandbox.health.ready = state, True
    if arguments.state_file:
        _write_atomically(arguments.state_file, state)
    print(_how_to_talk(state, arguments), flush=True)
    stop.wait()


def _run(name: str, step: Callable[[], None], begin: float, stop: threading.Event) -> None:
    started = time.monotonic()
    step()
    if stop.is_set():
        raise _Stopped
    now = time.monotonic()
    print(f"{now - begin:6.1f} s  {name} ({now - started:.1f} s)", flush=True)


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()

    def handle(signum: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handle)
    return stop


def _write_atomically(path: Path, state: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")
    part.replace(path)


def _how_to_talk(state: Mapping[str, Any], arguments: argparse.Namespace) -> str:
    profile = f"profile {arguments.profile}, scale {arguments.scale:g}"
    head = f"\nReady: {state['endpoint']} ({profile}). Ctrl-C ends it.\n"
    if "bot_id" not in state:
        return head + "Nothing is deployed (--bare)."
    return head + (
        "\nTalk to the bot with the AWS CLI:\n\n"
        "  AWS_ACCESS_KEY_ID=sandbox AWS_SECRET_ACCESS_KEY=sandbox \\\n"
        "  AWS_DEFAULT_REGION=us-east-1 \\\n"
        f"  aws lexv2-runtime recognize-text --endpoint-url {state['endpoint']} \\\n"
        f"    --bot-id {state['bot_id']} --bot-alias-id {state['bot_alias_id']} \\\n"
        f"    --locale-id {state['locale_id']} --session-id me-1 --text hello\n\n"
        f"What it saw: curl {state['endpoint']}/_sandbox/invocations"
    )


def _parser() -> argparse.ArgumentParser:
    from sandbox.latency import PROFILES

    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="AWS and Lex on this machine, with Atlas deployed and released to it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(required=True, metavar="serve")
    serve = verbs.add_parser("serve", help="deploy, release, and serve until interrupted")
    serve.add_argument("--port", type=_port, default=DEFAULT_PORT, help="0: any free one")
    serve.add_argument("--profile", default="none", choices=PROFILES, help="of latencies")
    serve.add_argument("--scale", type=_scale, default=1.0, help="0.1 divides latencies by ten")
    serve.add_argument("--state-file", type=Path, help="written as JSON when the bot can talk")
    serve.add_argument("--bare", action="store_true", help="deploy and release nothing")
    return parser


def _port(text: str) -> int:
    if not text.isdigit() or not 0 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError("must be a port from 0 to 65535")
    return int(text)


def _scale(text: str) -> float:
    try:
        scale = float(text)
    except ValueError:
        scale = -1.0
    if not 0 <= scale <= 1_000:
        raise argparse.ArgumentTypeError("must be a number from 0 to 1000")
    return scale


def _fail(message: str, exit_code: int) -> int:
    print(f"sandbox: {message}", file=sys.stderr, flush=True)
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
