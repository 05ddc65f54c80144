"""`python -m ops deletions`: what people asked to have deleted and could not prove to be theirs."""

from __future__ import annotations

from chalicelib.deletions import DeletionRequest, receipt_id
from ops.desk import Desk
from ops.errors import RefusedError
from ops.stages import ERASE_LEAD


def find(desk: Desk, request_id: str) -> DeletionRequest:
    """An undecided request; RefusedError when there is none of that id, or it was decided."""
    request = desk.deletions.get(request_id)
    if request is None:
        raise RefusedError(f"there is no request {request_id}; see `python -m ops deletions list`")
    if request.decision:
        raise RefusedError(f"{request_id} was {request.decision} already")
    return request


def approve(desk: Desk, request: DeletionRequest) -> list[str]:
    """Erase all that it names, as a visitor's own request would; the receipts' ids.

    Safe to repeat: the request is decided last.
    """
    for interaction_id in request.interaction_ids:
        desk.pending.put("erase", interaction_id, desk.clock())
        desk.leads.update(interaction_id, {"status": "erasing", "expires_at": 0.0})
        desk.leave(ERASE_LEAD, {"interaction_id": interaction_id})
    _decide(desk, request, "approved")
    return [receipt_id(each) for each in request.interaction_ids]


def refuse(desk: Desk, request: DeletionRequest) -> None:
    """Erase nothing, and forget whom the request was about."""
    _decide(desk, request, "refused")


def _decide(desk: Desk, request: DeletionRequest, decision: str) -> None:
    if not desk.deletions.decide(request, "approved" if decision == "approved" else "refused"):
        raise RefusedError(f"{request.request_id} was decided by somebody else at this moment")
