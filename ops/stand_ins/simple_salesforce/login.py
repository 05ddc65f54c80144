"""Stands in the slim package for simple-salesforce's ways to log in, which need PyJWT.

Atlas logs in by itself (`salesforce_login.py`) and hands over an open session.
"""

from typing import Any


def SalesforceLogin(*_: Any, **__: Any) -> tuple[str, str]:
    """Refuses."""
    raise NotImplementedError("logins are left out of this package: see decision 0003")
