"""Stands in the slim package for simple-salesforce's Bulk API 2.0, which needs more-itertools.

Atlas writes single records; `simple_salesforce.api` imports this one name, and uses it in `bulk2`.
"""

from typing import Any


class SFBulk2Handler:
    """Refuses to be made."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise NotImplementedError("the Bulk API is left out of this package: see decision 0003")
