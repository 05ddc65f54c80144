"""The command line of the demo and the chat: arguments in, prints and exit codes out."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from sandbox import arguments
from sandbox.conversation.backstage import Backstage
from sandbox.conversation.chat import Chat
from sandbox.conversation.child import Address, SandboxError, own_sandbox
from sandbox.conversation.demo import demo, free_number
from sandbox.conversation.layout import dim, wants_colour, width_for
from sandbox.conversation.phone import Phone
from sandbox.conversation.story import Cast
from sandbox.conversation.talk import Control, Conversation
from sandbox.conversation.terminal import own_terminal
from sandbox.latency import PROFILES

_EPILOG = """
Without --state-file a sandbox is started on a free port, and ended afterwards.
exit codes: 0 as it should be; 1 a part of the story did not happen, a turn was cold or on $LATEST,
or no sandbox; 2 wrong usage; 130 interrupted; 141 nobody reads what it prints."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo or the chat and return the exit code."""
    options = _parser().parse_args(argv)
    try:
        with _address(options) as address:
            return _RUNNERS[options.verb](address)
    except SandboxError as error:
        print(error, file=sys.stderr)
        return 1


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
    parser.add_argument(
        "--scale", type=arguments.scale, default=1.0, help="of latencies; default 1"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress while it starts")
    return parser


@contextlib.contextmanager
def _address(options: argparse.Namespace) -> Iterator[Address]:
    if options.state_file:
        yield Address.read(options.state_file)
        return
    begin = time.monotonic()
    progress = _progress(options.quiet, begin)
    progress("starting the sandbox: deploy, publish, provision, bind")
    with own_sandbox(progress, options.profile, options.scale) as address:
        progress(f"ready at {address.endpoint}, profile {options.profile}\n")
        yield address
    progress("sandbox ended")


def _progress(quiet: bool, begin: float) -> Callable[[str], None]:
    colour, width = wants_colour(sys.stderr), width_for(sys.stderr)

    def tell(line: str) -> None:
        if line and not quiet:
            text = f"{time.monotonic() - begin:5.1f} s  {line}"[:width]
            print(dim(text, colour), file=sys.stderr, flush=True)

    return tell


def _demo(address: Address) -> int:
    control = Control(address.endpoint)
    cast = Cast(
        conversation=Conversation(address),
        phone=Phone(control, free_number(control)),
        backstage=Backstage(address, control),
        control=control,
        tell=_tell,
        width=width_for(sys.stdout),
        colour=wants_colour(sys.stdout),
    )
    return demo(cast)


def _chat(address: Address) -> int:
    control = Control(address.endpoint)
    backstage = Backstage(address, control)
    return Chat(Conversation(address), backstage, control, own_terminal()).run()


def _tell(line: str) -> None:
    print(line, flush=True)


_RUNNERS: dict[str, Callable[[Address], int]] = {"demo": _demo, "chat": _chat}
