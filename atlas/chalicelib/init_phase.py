"""An environment's start in Lambda: the garbage collector rests until it is over.

What importing makes stays, and the collector would look through it again and again: a sixth of the
start's CPU (decision 0064). `app.py` imports this first.
"""

from __future__ import annotations

import gc

from chalicelib import settings

if settings.in_lambda():
    gc.disable()


def end() -> None:
    """From here on garbage is collected, and never searched for in what the start has made."""
    gc.freeze()
    gc.enable()
