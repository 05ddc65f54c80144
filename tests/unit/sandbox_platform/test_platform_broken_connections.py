"""A task's call that gets no answer is an error that workflows retry, as on AWS."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest
from botocore.exceptions import ClientError
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_lambda as tasks,
)

from sandbox.moto_services import interpreter_speed


def test_a_call_without_an_answer_fails_by_the_name_that_aws_gives_it() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{free.getsockname()[1]}"
        # Bound and not listening: whoever connects is refused.
        made = closing(interpreter_speed._make(endpoint, "us-east-1", "lambda"))
        with made as client, pytest.raises(ClientError) as failure:
            client.invoke(FunctionName="atlas-local-create_lead:live")
    error, cause = tasks.StateTaskServiceLambda._error_cause_from_client_error(failure.value)
    assert error == "Lambda.SdkClientException"
    assert "EndpointConnectionError" in cause
