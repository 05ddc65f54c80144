"""What a verb of `python -m ops` can end with; each error becomes one line and an exit code.

OpsError
  RefusedError      1  a check failed; the line says what to do, and whether anything has moved
  UnavailableError  3  AWS, or the sandbox, did not answer or did not permit; trying again may help

0 is done or nothing to do; 2 is wrong usage (argparse); 130 is Ctrl-C.
"""

from __future__ import annotations


class OpsError(Exception):
    """An expected failure; `str()` is the one line that the engineer reads."""

    exit_code = 1


class RefusedError(OpsError):
    """A check failed, so the verb stopped before the step that the check protects."""


class UnavailableError(OpsError):
    """The other side did not answer, or did not permit the call."""

    exit_code = 3
