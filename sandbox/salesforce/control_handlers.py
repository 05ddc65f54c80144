"""What the sandbox's control API shows and sets of the organisation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from sandbox.control import BadRequestError, Handler
from sandbox.http_message import HttpRequest
from sandbox.salesforce.settings import SettingsError


class Organisation(Protocol):
    """The server's own face, apart from HTTP."""

    def objects(self) -> list[str]: ...

    def records(self, object_name: str) -> list[dict[str, Any]]: ...

    def settings(self) -> dict[str, Any]: ...

    def change(self, body: Mapping[str, Any]) -> None: ...


def handlers(organisation: Organisation) -> dict[str, dict[str, Handler]]:
    """`salesforce` for the settings, `salesforce/<object>` for each object's records."""

    def change(request: HttpRequest) -> dict[str, Any]:
        try:
            organisation.change(_object(request))
        except SettingsError as exc:
            raise BadRequestError(*exc.problems) from exc
        return organisation.settings()

    def records_of(name: str) -> dict[str, Handler]:
        return {"GET": lambda _: organisation.records(name)}

    settings: dict[str, Handler] = {"GET": lambda _: organisation.settings(), "POST": change}
    objects = {f"salesforce/{name}": records_of(name) for name in organisation.objects()}
    return {"salesforce": settings} | objects


def _object(request: HttpRequest) -> dict[str, Any]:
    try:
        body = json.loads(request.body or b"null")
    except ValueError as exc:
        raise BadRequestError(f"the body is not JSON: {exc}") from exc
    if not isinstance(body, dict):
        raise BadRequestError("the body must be an object")
    return body
