"""Every Lambda of Atlas, in the order a visitor meets them; nothing else."""

from functools import cache
from typing import Any

from chalice import Chalice

from chalicelib import settings
from chalicelib.background import finish_answer
from chalicelib.fulfillment import conversation_turn
from chalicelib.invocation import Invocation, answers_health
from chalicelib.services import Services, services_from_env, warm_up
from chalicelib.warming import warm_answers

app = Chalice(app_name="atlas", configure_logs=False)


@cache
def services() -> Services:
    """Built once per environment, from its variables; ConfigError names every bad one."""
    is_background = not settings.function_name().endswith("lex_fulfillment")
    return services_from_env(in_background=is_background)


@app.lambda_function()
@answers_health
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
def keep_warm(event: Any, context: Any) -> Any:
    """Make the shared answers that are missing or stale, within a budget per run."""
    return warm_answers(Invocation.of(context), services()).to_json()


if settings.in_lambda():
    # The init phase pays for imports, clients and the first connection, not a visitor.
    warm_up(services())
if settings.serves_local_http():
    from chalicelib.local_http import serve_lex_over_http

    serve_lex_over_http(app, lex_fulfillment)
