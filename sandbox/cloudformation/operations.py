"""What runs in the background of a stack: creation, update, deletion, and their roll-backs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping

from sandbox.aws_api import ApiError
from sandbox.cloudformation.deployer import Deployer, ResourceError
from sandbox.cloudformation.kinds import ClientOf, Kind
from sandbox.cloudformation.records import Stack, Target

DO_NOTHING, ROLLBACK, DELETE = "DO_NOTHING", "ROLLBACK", "DELETE"

PATIENCE_SECONDS = 30.0
"""How long a call waits for what it started: usually it is over by then, and whoever polls every
30 s, as boto3's waiters do, need not wait."""

_log = logging.getLogger(__name__)

Work = Callable[[], None]


class Operations:
    """Starts each operation on a thread; `patience_seconds` is how long the caller waits for it."""

    def __init__(
        self,
        kinds: Mapping[str, Kind],
        client_of: ClientOf,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._kinds, self._client_of = kinds, client_of
        self._patience_seconds = patience_seconds

    def create(self, stack: Stack, target: Target, on_failure: str) -> None:
        stack.turn("CREATE_IN_PROGRESS", "User Initiated")
        self._start(lambda: self._create(stack, target, on_failure))

    def update(self, stack: Stack, target: Target) -> None:
        stack.updated_at = stack.clock()
        stack.turn("UPDATE_IN_PROGRESS", "User Initiated")
        self._start(lambda: self._update(stack, target))

    def delete(self, stack: Stack, retained: Iterable[str] = ()) -> None:
        kept = list(retained)
        stack.turn("DELETE_IN_PROGRESS", "User Initiated")
        self._start(lambda: self._delete(stack, kept))

    def roll_back_again(self, stack: Stack) -> None:
        """Go on with an update's roll-back that failed."""
        stack.turn("UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
        self._start(lambda: self._roll_back_update(stack, self._deployer(stack)))

    def _deployer(self, stack: Stack) -> Deployer:
        return Deployer(stack, self._kinds, self._client_of)

    def _start(self, work: Work) -> None:
        thread = threading.Thread(target=_run_safely, args=(work,), daemon=True, name="stack")
        thread.start()
        thread.join(self._patience_seconds)

    def _create(self, stack: Stack, target: Target, on_failure: str) -> None:
        deployer = self._deployer(stack)
        stack.target, stack.undos = target, []
        try:
            deployer.apply(target)
        except (ResourceError, ApiError) as exc:
            self._creation_failed(stack, deployer, _told("create", exc), on_failure)
            return
        stack.undos = []
        stack.turn("CREATE_COMPLETE")

    def _creation_failed(
        self, stack: Stack, deployer: Deployer, reason: str, on_failure: str
    ) -> None:
        if on_failure == DO_NOTHING:
            stack.turn("CREATE_FAILED", reason)
        elif on_failure == DELETE:
            stack.turn("DELETE_IN_PROGRESS", f"{reason}Delete requested by user.")
            self._undone(stack, deployer, "DELETE_COMPLETE", "DELETE_FAILED")
        else:
            stack.turn("ROLLBACK_IN_PROGRESS", f"{reason}Rollback requested by user.")
            self._undone(stack, deployer, "ROLLBACK_COMPLETE", "ROLLBACK_FAILED")

    def _update(self, stack: Stack, target: Target) -> None:
        deployer, was = self._deployer(stack), stack.target
        stack.undos = [lambda: setattr(stack, "target", was)]
        stack.target = target
        try:
            deployer.apply(target)
        except (ResourceError, ApiError) as exc:
            reason = _told("update", exc)
            if stack.disable_rollback:
                stack.turn("UPDATE_FAILED", reason)
                return
            stack.turn("UPDATE_ROLLBACK_IN_PROGRESS", reason)
            self._roll_back_update(stack, deployer)
            return
        stack.undos = []
        stack.turn("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        failed = deployer.clean_up()
        stack.turn("UPDATE_COMPLETE", _still_there(failed))

    def _roll_back_update(self, stack: Stack, deployer: Deployer) -> None:
        try:
            deployer.undo()
        except ResourceError as exc:
            stack.turn("UPDATE_ROLLBACK_FAILED", _told("update", exc))
            return
        stack.turn("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        stack.turn("UPDATE_ROLLBACK_COMPLETE")

    def _undone(self, stack: Stack, deployer: Deployer, good: str, bad: str) -> None:
        try:
            deployer.undo()
        except ResourceError as exc:
            stack.turn(bad, _told("delete", exc))
            return
        _end(stack, good)

    def _delete(self, stack: Stack, retained: list[str]) -> None:
        failed = self._deployer(stack).delete_all(retained)
        if failed:
            names = ", ".join(failed)
            stack.turn("DELETE_FAILED", f"The following resource(s) failed to delete: [{names}]. ")
            gone = ("DELETE_COMPLETE", "DELETE_SKIPPED")
            left = stack.resources.items()
            stack.resources = {n: each for n, each in left if each.status not in gone}
            return
        _end(stack, "DELETE_COMPLETE")


def _end(stack: Stack, status: str) -> None:
    if status == "DELETE_COMPLETE":
        stack.deleted_at = stack.clock()
    stack.turn(status)


def _told(verb: str, exc: ResourceError | ApiError) -> str:
    if isinstance(exc, ApiError):
        return f"{exc.message}. "
    return f"The following resource(s) failed to {verb}: [{exc.logical_id}]. "


def _still_there(failed: list[str]) -> str:
    return f"These could not be deleted and remain: [{', '.join(failed)}]" if failed else ""


def _run_safely(work: Work) -> None:
    try:
        work()
    except Exception:
        # A fault of the sandbox itself: the stack stays in progress, and the log says why.
        _log.exception("an operation on a stack failed inside the sandbox")
