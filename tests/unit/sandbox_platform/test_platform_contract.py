"""The contract with moto 5.2.5: what is patched is as the patches assume."""

from __future__ import annotations

import inspect

import moto
import pytest
from moto.stepfunctions.parser.utils import TMP_THREADS

from sandbox.moto_services import (
    event_rules,
    executions,
    interpreter_speed,
    notifications,
    retries,
    s3_events,
    s3_policy,
    step_functions,
    task_tokens,
)


def names(function):
    return list(inspect.signature(function).parameters)


def test_the_version_that_the_patches_are_made_for_is_installed():
    assert moto.__version__ == "5.2.5"


@pytest.mark.parametrize(
    ("original", "parameters"),
    [
        (event_rules._original_send, ["self", "original_event", "transform_input"]),
        (event_rules._original_invoke, ["account_id", "fn_arn", "event"]),
        (s3_events._original_send, ["account_id", "bucket", "event_name", "key"]),
        (s3_policy._original_permission, ["self", "action", "resource"]),
        (
            notifications._original_publish,
            [
                *("self", "message", "subject", "message_attributes", "group_id"),
                *("deduplication_id", "message_structure"),
            ],
        ),
        (step_functions._original_get_backend, ["account", "region"]),
        (interpreter_speed._original_client_for, ["region", "service", "state_credentials"]),
        (interpreter_speed._original_parse, ["definition"]),
        (
            executions._original_start,
            ["self", "state_machine_arn", "name", "execution_input", "trace_header"],
        ),
        (executions._original_worker_start, ["self"]),
        (executions._original_environment, ["self"]),
        (executions._original_program, ["self", "env"]),
        (
            executions._original_add_event,
            [
                *("self", "context", "event_type", "event_details", "timestamp"),
                "update_source_event_id",
            ],
        ),
        (executions._original_stop, ["self", "stop_date", "error", "cause"]),
        (executions._original_terminated, ["self"]),
        (executions._original_stop_response, ["self"]),
        (executions._original_describe, ["self"]),
        (executions._original_history, ["self"]),
        (retries.MOTOS_OWN, ["self", "env"]),
        (task_tokens._original_evaluate, ["self", "env"]),
        (task_tokens._original_body, ["self", "env"]),
        (task_tokens._original_add, ["self", "callback_id"]),
        (task_tokens._original_token, ["self"]),
        (task_tokens._original_failure, ["self"]),
    ],
)
def test_the_patched_functions_have_the_signatures_that_the_patches_assume(original, parameters):
    assert names(original) == parameters


def test_the_heap_key_is_a_property_and_the_threads_a_list():
    assert isinstance(interpreter_speed._original_heap_key, property)
    assert isinstance(TMP_THREADS, list)


def test_moto_as_it_is_needs_the_repairs():
    """Read from its source: what each repair is for is still so."""
    assert "time.sleep(interval_seconds)" in inspect.getsource(retries.MOTOS_OWN)
    assert "AmazonStateLanguageParser.parse" in inspect.getsource(
        executions.ExecutionWorker._get_evaluation_entrypoint
    )
    assert "cause" not in inspect.getsource(task_tokens._original_failure)
    assert "boto3.client(" in inspect.getsource(interpreter_speed._original_client_for)
    assert "nextToken" not in inspect.getsource(executions._original_history)
    assert "TIMED_OUT" not in inspect.getsource(executions._original_describe)
    assert "NotImplementedError" in inspect.getsource(event_rules._original_send)
    assert "Condition" not in inspect.getsource(s3_policy._original_permission)
    assert "except:" in inspect.getsource(s3_events._original_send)


def test_every_module_that_makes_clients_makes_kept_ones(platform):
    step_functions.load("us-east-1")
    modules = interpreter_speed._modules_with_clients()
    assert len(modules) >= 11
    assert all(module.boto_client_for is interpreter_speed._client_for for module in modules)
