"""Every Lambda of Atlas, in the order a lead meets them; nothing else."""

from functools import cache
from typing import Any

from chalice import Chalice

from chalicelib import init_phase, settings
from chalicelib.about import answers_about
from chalicelib.background import finish_answer
from chalicelib.fulfillment import conversation_turn
from chalicelib.invocation import Invocation, answers_health
from chalicelib.services import Services, services_from_env
from chalicelib.steps import call_ended as ended
from chalicelib.steps import create_lead as creating
from chalicelib.steps import erase_lead as erasing
from chalicelib.steps import generate_scenario as preparing
from chalicelib.steps import invoke_call as calling
from chalicelib.steps import recover_leads as recovering
from chalicelib.steps import start_transcription as transcribing
from chalicelib.steps import summarize_call as summarizing
from chalicelib.steps import update_lead as updating
from chalicelib.steps.boundary import run_step
from chalicelib.steps.payloads import InteractionInput, InvokeCallInput, UpdateLeadInput
from chalicelib.warm_start import warm_up
from chalicelib.warming import warm_answers

app = Chalice(app_name="atlas", configure_logs=False)


@cache
def services() -> Services:
    """Built once per environment, from its variables; ConfigError names every bad one."""
    return services_from_env(in_background=settings.function() != "lex_fulfillment")


@app.lambda_function()
@answers_health
@answers_about(services)
def lex_fulfillment(event: Any, context: Any) -> Any:
    """Lex V2 code hook: one turn in, one reply out, never an exception."""
    return conversation_turn(event, Invocation.of(context), services())


@app.lambda_function()
@answers_health
def generate_answer(event: Any, context: Any) -> Any:
    """Finish a shared answer that was late for its turn; invoked asynchronously."""
    return finish_answer(event, Invocation.of(context), services())


@app.lambda_function()
@answers_health
def create_lead(event: Any, context: Any) -> Any:
    """Workflow task: the lead stands in Salesforce, once."""
    return run_step(creating.create_lead, InteractionInput, event, context, services())


@app.lambda_function()
@answers_health
def generate_scenario(event: Any, context: Any) -> Any:
    """Workflow task, and ahead of it: what the AI caller knows when the phone is answered."""
    return run_step(preparing.generate_scenario, InteractionInput, event, context, services())


@app.lambda_function()
@answers_health
def invoke_call(event: Any, context: Any) -> Any:
    """Workflow task that waits for its token: the phone rings, once."""
    return run_step(calling.invoke_call, InvokeCallInput, event, context, services())


@app.lambda_function()
@answers_health
def call_ended(event: Any, context: Any) -> Any:
    """Connect contact event: the call is over, however it went."""
    return run_step(ended.call_ended, ended.ContactEvent, event, context, services())


@app.lambda_function()
@answers_health
def start_transcription(event: Any, context: Any) -> Any:
    """S3 event: a recording has arrived."""
    return run_step(
        *(transcribing.start_transcription, transcribing.ObjectCreated),
        *(event, context, services()),
    )


@app.lambda_function()
@answers_health
def summarize_call(event: Any, context: Any) -> Any:
    """Transcribe event: the call's summary, which resumes the workflow."""
    return run_step(
        *(summarizing.summarize_call, summarizing.JobStateChange), *(event, context, services())
    )


@app.lambda_function()
@answers_health
def update_lead(event: Any, context: Any) -> Any:
    """Workflow task, and after a request for a callback: outcome and summary on the lead."""
    return run_step(updating.update_lead, UpdateLeadInput, event, context, services())


@app.lambda_function()
@answers_health
def erase_lead(event: Any, context: Any) -> Any:
    """Remove what a person asked to have deleted, everywhere; invoked asynchronously."""
    return run_step(erasing.erase_lead, InteractionInput, event, context, services())


@app.lambda_function()
@answers_health
def recover_leads(event: Any, context: Any) -> Any:
    """Every minute: what was promised and has not happened yet."""
    return run_step(
        *(recovering.recover_leads, recovering.RecoverLeadsInput), *(event, context, services())
    )


@app.lambda_function()
@answers_health
def keep_warm(event: Any, context: Any) -> Any:
    """Every five minutes: make the shared answers that are missing or stale, within a budget."""
    return warm_answers(Invocation.of(context), services()).to_json()


if settings.in_lambda():
    # The init phase pays for imports, clients and the first connection, not a visitor.
    warm_up(services(), settings.function())
    init_phase.end()
if settings.serves_local_http():
    from chalicelib.local_http import serve_lex_over_http

    serve_lex_over_http(app, lex_fulfillment)
