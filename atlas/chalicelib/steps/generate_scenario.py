"""What the caller will know of the visitor, made once: ahead of the call or beside its placing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib import prompts
from chalicelib.deadline import Deadline
from chalicelib.errors import RetryableDependencyError
from chalicelib.scenario import (
    Scenario,
    Visitor,
    composed,
    facts,
    grounded_scenario,
    kept_notes,
    meaningful,
    problem_of,
)
from chalicelib.scenario_cache import Fate, scenario_cache
from chalicelib.sentences import whole_sentences
from chalicelib.steps.payloads import InteractionInput, StepResult

if TYPE_CHECKING:
    from chalicelib.lead import Lead
    from chalicelib.services import Services

KEEP_SECONDS = 2 * 86_400
"""Longer than any night that a call waits for."""
_MAY_PASS = frozenset(("deadline", "resting", "failed"))
"""What may be over when the workflow tries again; a refusal or unusable notes would not be."""


@scenario_cache(key=lambda visitor: visitor.interaction_id, keep_seconds=KEEP_SECONDS)
def scenario(visitor: Visitor, deadline: Deadline, services: Services) -> Scenario:
    """The visitor's scenario with a model's notes, or with the content's and the reason why.

    Where nothing was asked there is nothing to note, and the content's is as good as any.
    """
    content = services.contents.in_locale(visitor.locale)
    grounded = grounded_scenario(content, visitor.name, visitor.asked)
    asked = meaningful(visitor.asked)
    if not asked:
        return Scenario(grounded, "made")
    prompt = prompts.scenario_notes(visitor.name, asked, facts(content), content)
    written = services.models.complete(prompt, services.settings.routes["scenario"], deadline)
    whole = whole_sentences(written.text) if written.was_truncated else written.text
    if not (written.is_whole or written.was_truncated):
        return Scenario(grounded, "grounded", written.stop_reason)
    if problem := problem_of(whole, asked, content):
        return Scenario(grounded, "grounded", f"unusable: {problem}")
    return Scenario(composed(content, visitor.name, asked, kept_notes(whole)), "made")


def generate_scenario(task: InteractionInput, deadline: Deadline, services: Services) -> StepResult:
    """The outcomes made, ready, grounded and erased; ahead of consent also not_made.

    Ahead nobody waits for it and nothing is retried. After consent a model's passing failure
    leaves the grounded one and raises RetryableDependencyError, so that the workflow tries again.
    """
    lead = services.leads.get(task.interaction_id)
    if lead is None or lead.status == "offered":
        return _made_ahead(task.interaction_id, deadline, services)
    if lead.status != "consented":
        return StepResult("erased")
    return _made_for_the_call(lead, deadline, services)


def _made_ahead(interaction_id: str, deadline: Deadline, services: Services) -> StepResult:
    visitor = services.scenarios.visitor(interaction_id)
    if visitor is None:
        return StepResult("erased")
    fate, made = scenario.ahead(visitor, deadline, services)
    _note(fate, made, services)
    return StepResult(fate)


def _made_for_the_call(lead: Lead, deadline: Deadline, services: Services) -> StepResult:
    visitor = Visitor(lead.interaction_id, lead.name, lead.asked, lead.locale)
    fate, made = scenario.now(visitor, deadline, services)
    _note(fate, made, services)
    after = services.leads.get(lead.interaction_id)
    if after is None or after.status != "consented":
        # It was erased while this was being made: what was written since goes as well.
        services.scenarios.delete(lead.interaction_id)
        return StepResult("erased")
    if after.call_ended_at:
        return StepResult("grounded" if fate == "not_made" else fate)
    if fate == "not_made":
        raise RetryableDependencyError("dynamodb", "another is making the scenario")
    if fate == "grounded" and made is not None and made.problem in _MAY_PASS:
        raise RetryableDependencyError("bedrock-runtime", made.problem)
    return StepResult(fate)


def _note(fate: Fate, made: Scenario | None, services: Services) -> None:
    problem = made.problem if made is not None else ""
    services.log.info("scenario", fate=fate, problem=problem)
