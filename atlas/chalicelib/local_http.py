"""The fulfilment function over HTTP for `chalice local`; declared there only, never deployed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalice import BadRequestError, Chalice


def serve_lex_over_http(app: Chalice, lex_fulfillment: Callable[[Any, Any], Any]) -> None:
    """Add `POST /lex`: a Lex V2 event as JSON in, the code hook's response out."""

    @app.route("/lex", methods=["POST"])
    def lex() -> Any:
        try:
            event = app.current_request.json_body
        except BadRequestError as exc:
            raise BadRequestError("the body must be a Lex V2 event as JSON") from exc
        return lex_fulfillment(event, app.lambda_context)
