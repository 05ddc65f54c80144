"""`python -m sandbox.conversation demo` and `... chat`; `make demo` and `make chat` call it."""

from __future__ import annotations

import os
import sys


def _run() -> int:
    try:
        # Here, because the imports take half a second, and Ctrl-C may come at any time.
        from sandbox.conversation.command_line import main

        return main()
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # As under `| head`. Python would write the rest when it ends, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


if __name__ == "__main__":
    sys.exit(_run())
