"""The contract with moto 5.2.5: what is patched is as it was, and the repair repairs."""

from __future__ import annotations

import inspect
import json

import moto
import pytest
from lambda_harness import REGION, client, zipped
from moto.awslambda import models

from sandbox.lambda_service import moto_patch

ARN = f"arn:aws:lambda:{REGION}:123456789012:function:f"


def names(function):
    return list(inspect.signature(function).parameters)


def test_the_version_that_the_patches_are_made_for_is_installed():
    assert moto.__version__ == "5.2.5"


@pytest.mark.parametrize(
    ("original", "parameters"),
    [
        (moto_patch._original_invoke_lambda, ["self", "event"]),
        (moto_patch._original_update, ["self", "config_updates"]),
        (moto_patch._original_create, ["self", "spec"]),
        (moto_patch._original_set_code, ["self", "updated_spec"]),
        (moto_patch._original_zip_content, ["zipfile_content"]),
        (
            moto_patch._original_setup,
            ["self", "request", "full_url", "headers", "use_raw_body"],
        ),
    ],
)
def test_the_patched_functions_have_the_signatures_that_the_patches_assume(original, parameters):
    assert names(original) == parameters


def test_an_invoke_from_within_moto_runs_in_an_environment(account, service):
    account.create()
    account.publish("one")
    backend = models.lambda_backends["123456789012"][REGION]
    headers: dict[str, str] = {}
    payload = backend.invoke("f", "1", '{"a": 1}', {}, headers)
    seen = json.loads(payload)
    assert (seen["event"], seen["version"]) == ({"a": 1}, "1")
    assert "x-amz-function-error" not in headers
    backend.invoke("f", None, '{"raise": "x"}', {}, headers)
    assert headers["x-amz-function-error"]
    assert [record["version"] for record in service.records()] == ["1", "$LATEST"]


def test_a_permission_in_a_template_is_a_grant(account, service):
    account.create()
    template = {
        "Resources": {
            "MayInvoke": {
                "Type": "AWS::Lambda::Permission",
                "Properties": {
                    "FunctionName": ARN,
                    "Action": "lambda:InvokeFunction",
                    "Principal": "events.amazonaws.com",
                },
            }
        }
    }
    client("cloudformation").create_stack(StackName="s", TemplateBody=json.dumps(template))
    assert service.allows(ARN, "events.amazonaws.com", f"arn:aws:events:{REGION}:1:rule/r")
    assert not service.allows(ARN, "s3.amazonaws.com", "arn:aws:s3:::bucket")


def test_a_closed_service_is_no_longer_called(account, make_service):
    service = make_service()
    service.close()
    assert not moto_patch._services


def test_update_function_code_with_publish_makes_one_version(account, service):
    account.create()
    code = zipped({"app.py": "def handler(e, c):\n    return 2\n"})
    for _ in range(2):
        version = account.client.update_function_code(FunctionName="f", ZipFile=code, Publish=True)[
            "Version"
        ]
        assert version == "1"
