"""What each function does in its init phase, so that no visitor waits for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chalicelib import settings
from chalicelib.errors import DependencyError
from chalicelib.observability import TRACER
from chalicelib.services import Services
from chalicelib.warming import fill_memory

PROBE_KEY = "probe"


def warm_up(services: Services, function: str) -> None:
    """Do in the init phase what the function's first invocation would wait for.

    A dependency that cannot be reached now is logged and no reason to refuse to start: turns do
    without it, steps are retried. ConfigError is one: what would never work must not go live.
    """
    TRACER.start(settings.xray_daemon())
    for prepare in _PREPARE.get(function, ()):
        try:
            prepare(services)
        except DependencyError as exc:
            services.log.warning("not reached at start", error=str(exc))


def _open_table(services: Services) -> None:
    services.response_cache.table.read(PROBE_KEY)


def _open_two(services: Services) -> None:
    """A call's first turn reads two items at once, each on a connection of its own."""
    beside = services.scenarios.beside(lambda: services.leads.get(PROBE_KEY))
    _open_table(services)
    beside.result()


def _open_leads(services: Services) -> None:
    services.leads.get(PROBE_KEY)


_TURNS: tuple[Callable[[Services], object], ...] = (
    lambda services: services.models.prepare(),
    lambda services: services.background.prepare(),
    lambda services: services.consents.prepare(),
    lambda services: services.workflow.prepare(),
    _open_two,
    lambda services: services.phone_hash.key(),
    fill_memory,
)
_PREPARE: Mapping[str, tuple[Callable[[Services], object], ...]] = {
    "lex_fulfillment": _TURNS,
    "generate_answer": (lambda services: services.models.prepare(), _open_table),
    "keep_warm": (lambda services: services.models.prepare(), _open_table),
    "invoke_call": (lambda services: services.telephony.prepare(), _open_leads),
    "create_lead": (lambda services: services.salesforce.prepare(),),
    "update_lead": (lambda services: services.salesforce.prepare(),),
    "erase_lead": (lambda services: services.salesforce.prepare(),),
    "generate_scenario": (lambda services: services.models.prepare(), _open_leads),
    "summarize_call": (lambda services: services.models.prepare(), _open_leads),
}
