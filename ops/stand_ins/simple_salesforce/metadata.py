"""Stands in the slim package for simple-salesforce's metadata API, which needs zeep and lxml.

Atlas speaks REST only; `simple_salesforce.api` imports this one name, and uses it in `mdapi`.
"""

from typing import Any


class SfdcMetadataApi:
    """Refuses to be made."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise NotImplementedError("the metadata API is left out of this package: see decision 0003")
