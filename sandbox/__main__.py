"""`python -m sandbox serve`: AWS on one machine, until it is told to stop."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import time
import traceback
from pathlib import Path

from sandbox import arguments

OLDEST, NEWEST = (3, 11), (3, 13)

_EPILOG = """
exit codes: 0 ended as asked; 1 a step of the start failed; 2 wrong usage, Python version or port;
3 pip could not get the packages."""


class _Stopped(BaseException):
    """SIGINT, SIGTERM or SIGHUP; unwinds whatever the main thread is doing."""


def main(argv: list[str] | None = None) -> int:
    """Run the command line; expected failures print one line and no traceback."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        found = ".".join(map(str, sys.version_info[:2]))
        return _fail(f"Python 3.11 to 3.13 is needed, and this is {found}", 2)
    options = _parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    _stop_on_signals()
    try:
        return _serve(options)
    except _Stopped:
        return 0


def _serve(options: argparse.Namespace) -> int:
    # Imported late, so that a wrong Python gets the line above rather than a SyntaxError.
    from sandbox.http_server import PortInUseError
    from sandbox.serve import Options, Progress, sandbox, welcome
    from sandbox.steps import StartError

    wanted = Options(
        *(options.port, options.profile, options.scale, options.state_file, options.bare),
        schedules=not options.no_schedules,
    )
    try:
        with sandbox(wanted, Progress(sys.stdout)) as state:
            print(welcome(state), flush=True)
            while True:
                # Not signal.pause(): a signal just before it would wait for a second one.
                time.sleep(1)
    except PortInUseError as exc:
        return _fail(str(exc), 2)
    except StartError as exc:
        return _fail(str(exc), exc.exit_code)


def _stop_on_signals() -> None:
    """The first signal ends the sandbox in order, the next are ignored while it does."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop(*_: object) -> None:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        raise _Stopped

    for each in signals:
        signal.signal(each, stop)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser(
        "serve",
        help="run AWS, with Atlas deployed and released on it, at one local endpoint",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    serve.add_argument(
        "--port", type=arguments.port, default=4566, help="0 takes any free one (4566)"
    )
    serve.add_argument("--profile", choices=("none", "reported"), default="none")
    serve.add_argument(
        "--scale", type=arguments.scale, default=1.0, help="multiplies every latency (1.0)"
    )
    serve.add_argument("--state-file", type=Path, help="written when the bot can be talked to")
    serve.add_argument("--bare", action="store_true", help="deploy and release nothing")
    serve.add_argument(
        "--no-schedules", action="store_true", help="run scheduled rules only when asked to"
    )
    return parser


def _fail(message: str, exit_code: int) -> int:
    print(f"sandbox: {message}", file=sys.stderr, flush=True)
    return exit_code


def _run_and_exit() -> None:
    """Exit at once at the end: a server thread still in a call must not keep the process."""
    try:
        code = main()
    except SystemExit as exc:
        code = exc.code if isinstance(exc.code, int) else 2
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _run_and_exit()
