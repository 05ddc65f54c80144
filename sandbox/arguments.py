"""Argument types that both command lines of the sandbox take."""

from __future__ import annotations

import argparse


def port(text: str) -> int:
    """A TCP port; 0 stands for any free one."""
    if text.isdecimal() and int(text) <= 65_535:
        return int(text)
    raise argparse.ArgumentTypeError(f"must be a whole number from 0 to 65535, not {text!r}")


def scale(text: str) -> float:
    """What every latency is multiplied by."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if 0 <= number <= 1000:
        return number
    raise argparse.ArgumentTypeError(f"must be a number from 0 to 1000, not {text!r}")
