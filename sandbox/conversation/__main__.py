"""`python -m sandbox.conversation demo` and `... chat`; `make demo` and `make chat` call it."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from sandbox.conversation.chat import chat
from sandbox.conversation.child import Address, SandboxError, own_sandbox
from sandbox.conversation.demo import demo
from sandbox.conversation.layout import dim, wants_colour
from sandbox.conversation.talk import Control, Conversation
from sandbox.latency import PROFILES

_EPILOG = """
Without --state-file a sandbox is started on a free port, and ended afterwards.
exit codes: 0 as it should be; 1 a turn failed, was cold or on $LATEST, or no sandbox; 2 wrong
usage; 130 interrupted."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo or the chat and return the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        with _address(arguments) as address:
            return _RUNNERS[arguments.verb](address)
    except SandboxError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.conversation",
        description="Talk to the deployed bot through boto3's lexv2-runtime.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", choices=sorted(_RUNNERS))
    parser.add_argument("--state-file", type=Path, help="of a sandbox that runs already")
    parser.add_argument("--profile", default="reported", choices=list(PROFILES))
    parser.add_argument("--scale", type=float, default=1.0, help="of every latency; default 1")
    parser.add_argument("--quiet", action="store_true", help="no progress while it starts")
    return parser


@contextlib.contextmanager
def _address(arguments: argparse.Namespace) -> Iterator[Address]:
    if arguments.state_file:
        yield Address.read(arguments.state_file)
        return
    begin = time.monotonic()
    progress = _progress(arguments.quiet, begin)
    progress("starting the sandbox: deploy, publish, provision, bind")
    with own_sandbox(progress, arguments.profile, arguments.scale) as address:
        progress(f"ready at {address.endpoint}, profile {arguments.profile}\n")
        yield address
    progress("sandbox ended")


def _progress(quiet: bool, begin: float) -> Callable[[str], None]:
    colour = wants_colour(sys.stderr)

    def tell(line: str) -> None:
        if line and not quiet:
            text = f"{time.monotonic() - begin:5.1f} s  {line[:90]}"
            print(dim(text, colour), file=sys.stderr, flush=True)

    return tell


def _demo(address: Address) -> int:
    return demo(Conversation(address), Control(address.endpoint), _tell)


def _chat(address: Address) -> int:
    # With a prompt on a terminal only, a piped conversation reads as a transcript.
    prompt = "you> " if sys.stdin.isatty() else ""
    return chat(Conversation(address), lambda: input(prompt), _tell, wants_colour(sys.stdout))


def _tell(line: str) -> None:
    print(line, flush=True)


_RUNNERS: dict[str, Callable[[Address], int]] = {"demo": _demo, "chat": _chat}

if __name__ == "__main__":
    sys.exit(main())
