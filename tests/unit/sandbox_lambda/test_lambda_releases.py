"""What a release does to versions, aliases, grants and event configs, as AWS answers it."""

from __future__ import annotations

import json

import pytest
from lambda_harness import REGION, call, wait_until, zipped

from sandbox.aws_api import ApiError

ARN = f"arn:aws:lambda:{REGION}:123456789012:function:f"
BOT = f"arn:aws:lex:{REGION}:123456789012:bot-alias/BOT1/ALIAS1"
LEX = "lexv2.amazonaws.com"


def mark(service, arn):
    return json.loads(service.invoke(arn, b"{}").payload)["mark"]


def test_publishing_an_unchanged_function_returns_the_existing_version(account, service):
    account.create()
    first = call(service, "PublishVersion", FunctionName="f")
    again = call(service, "PublishVersion", FunctionName="f", Description="once more")
    assert (first["Version"], again["Version"]) == ("1", "1")
    assert again["Description"] == first["Description"]
    code = zipped({"app.py": "def handler(e, c):\n    return 2\n"})
    account.client.update_function_code(FunctionName="f", ZipFile=code)
    assert call(service, "PublishVersion", FunctionName="f")["Version"] == "2"
    account.client.update_function_code(FunctionName="f", ZipFile=code)
    assert call(service, "PublishVersion", FunctionName="f")["Version"] == "2"


def test_publish_compares_the_code_hash_it_is_given(account, service):
    sha = account.create()["CodeSha256"]
    with pytest.raises(ApiError, match="is different from current CodeSHA256"):
        call(service, "PublishVersion", FunctionName="f", CodeSha256="other")
    assert call(service, "PublishVersion", FunctionName="f", CodeSha256=sha)["Version"] == "1"


def test_a_published_version_never_changes(released, service):
    released.set_mark("three")
    code = zipped({"app.py": "def handler(e, c):\n    return {'mark': 'new code'}\n"})
    released.client.update_function_code(FunctionName="f", ZipFile=code)
    assert [mark(service, f"f:{version}") for version in ("1", "2")] == ["one", "two"]
    assert mark(service, "f") == "new code"
    with pytest.raises(released.client.exceptions.InvalidParameterValueException):
        released.client.update_function_configuration(FunctionName="f:1", Timeout=9)


def test_a_version_number_is_never_used_twice(released, service):
    call(service, "DeleteFunction", FunctionName="f", Qualifier="2")
    assert released.publish("three") == "3"
    call(service, "DeleteFunction", FunctionName="f")
    released.create()
    assert call(service, "PublishVersion", FunctionName="f")["Version"] == "1"


def test_waiters_pass_on_functions_updates_and_versions(released):
    key = {"FunctionName": "f"}
    released.client.get_waiter("function_active_v2").wait(**key)
    released.client.get_waiter("function_updated_v2").wait(**key)
    released.client.get_waiter("published_version_active").wait(**key, Qualifier="1")
    configuration = released.client.get_function_configuration(**key, Qualifier="live")
    assert (configuration["State"], configuration["Version"]) == ("Active", "1")
    assert configuration["LastUpdateStatus"] == "Successful"


def test_an_update_takes_tracing_and_storage_too(account, service):
    account.create()
    account.client.update_function_configuration(
        FunctionName="f", TracingConfig={"Mode": "Active"}, EphemeralStorage={"Size": 1024}
    )
    configuration = account.client.get_function_configuration(FunctionName="f")
    assert configuration["TracingConfig"] == {"Mode": "Active"}
    assert configuration["EphemeralStorage"] == {"Size": 1024}


def test_variables_that_lambda_reserves_are_refused(account, service):
    reserved = {"Variables": {"AWS_REGION": "eu-west-1"}}
    refused = account.client.exceptions.InvalidParameterValueException
    with pytest.raises(refused, match="Reserved keys used in this request: AWS_REGION"):
        account.create(Environment=reserved)
    account.create()
    with pytest.raises(refused, match="AWS_REGION"):
        account.client.update_function_configuration(FunctionName="f", Environment=reserved)


def test_an_alias_that_exists_is_a_resource_conflict(released, service):
    with pytest.raises(ApiError) as caught:
        call(service, "CreateAlias", FunctionName="f", Name="live", FunctionVersion="2")
    assert (caught.value.code, caught.value.status) == ("ResourceConflictException", 409)
    assert caught.value.message == f"Alias already exists: {ARN}:live"


@pytest.mark.parametrize("operation", ["CreateAlias", "UpdateAlias"])
def test_an_alias_needs_a_version_that_exists(released, service, operation):
    name = "next" if operation == "CreateAlias" else "live"
    with pytest.raises(ApiError, match=f"Function not found: {ARN}:9"):
        call(service, operation, FunctionName="f", Name=name, FunctionVersion="9")


def test_a_missing_alias_cannot_be_updated(released, service):
    with pytest.raises(ApiError, match=f"Cannot find alias arn: {ARN}:gone"):
        call(service, "UpdateAlias", FunctionName="f", Name="gone", FunctionVersion="1")


def test_moving_the_alias_counts_for_the_next_request(released, service):
    assert mark(service, "f:live") == "one"
    moved = call(service, "UpdateAlias", FunctionName="f", Name="live", FunctionVersion="2")
    assert (moved["FunctionVersion"], moved["AliasArn"]) == ("2", f"{ARN}:live")
    assert mark(service, "f:live") == "two"


def test_an_update_with_an_old_revision_is_refused(released, service):
    alias = {"FunctionName": "f", "Name": "live"}
    before = released.client.get_alias(**alias)["RevisionId"]
    after = call(service, "UpdateAlias", FunctionVersion="2", RevisionId=before, **alias)
    assert after["RevisionId"] != before
    with pytest.raises(ApiError) as caught:
        call(service, "UpdateAlias", FunctionVersion="1", RevisionId=before, **alias)
    assert (caught.value.code, caught.value.status) == ("PreconditionFailedException", 412)


def test_weights_are_honoured_and_reported(account, make_service):
    draws = iter([0.0, 0.09, 0.11, 0.99])
    service = make_service(choose=lambda: next(draws))
    account.create()
    account.publish("one")
    account.publish("two")
    weights = {"AdditionalVersionWeights": {"2": 0.1}}
    alias = {"FunctionName": "f", "Name": "live"}
    call(service, "CreateAlias", FunctionVersion="1", RoutingConfig=weights, **alias)
    assert account.client.get_alias(**alias)["RoutingConfig"] == weights
    assert [mark(service, "f:live") for _ in range(4)] == ["two", "two", "one", "one"]
    assert [record["alias"] for record in service.records()] == ["live"] * 4
    cleared = call(service, "UpdateAlias", RoutingConfig={"AdditionalVersionWeights": {}}, **alias)
    assert not cleared.get("RoutingConfig", {}).get("AdditionalVersionWeights")
    assert mark(service, "f:live") == "one"


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"1": 0.1}, "already included in routing configuration"),
        ({"$LATEST": 0.1}, r"\$LATEST is not supported"),
        ({"2": 0.1, "3": 0.1}, "cannot be greater than 1"),
        ({"9": 0.1}, "Function not found"),
    ],
)
def test_weights_that_aws_refuses(released, service, weights, message):
    routing = {"AdditionalVersionWeights": weights}
    with pytest.raises(ApiError, match=message):
        call(service, "UpdateAlias", FunctionName="f", Name="live", RoutingConfig=routing)


def test_a_version_that_an_alias_points_to_cannot_be_deleted(released, service):
    with pytest.raises(ApiError) as caught:
        call(service, "DeleteFunction", FunctionName="f", Qualifier="1")
    assert caught.value.code == "ResourceConflictException"
    with pytest.raises(ApiError, match="InvalidParameterValueException"):
        call(service, "DeleteFunction", FunctionName="f", Qualifier="$LATEST")


def grant(service, **extra):
    params = {"StatementId": "lex", "Action": "lambda:InvokeFunction", "Principal": LEX}
    return call(service, "AddPermission", FunctionName="f", **{**params, **extra})


def test_a_grant_counts_for_its_qualifier_alone(released, service):
    grant(service, SourceArn=BOT, SourceAccount="123456789012")
    assert service.allows(ARN, LEX, BOT)
    assert not service.allows(f"{ARN}:live", LEX, BOT)
    assert not service.allows(f"{ARN}:1", LEX, BOT)
    grant(service, SourceArn=BOT, SourceAccount="123456789012", Qualifier="live")
    assert service.allows(f"{ARN}:live", LEX, BOT)
    assert not service.allows(f"{ARN}:1", LEX, BOT)


@pytest.mark.parametrize(
    ("condition", "principal", "source", "allowed"),
    [
        ({}, LEX, BOT, True),
        ({}, "lex.amazonaws.com", BOT, False),
        ({"SourceArn": BOT}, LEX, BOT[:-1] + "2", False),
        ({"SourceArn": BOT[:-6] + "*"}, LEX, BOT, True),
        ({"SourceArn": BOT.replace("ALIAS1", "ALIAS?")}, LEX, BOT, True),
        ({"SourceArn": "arn:aws:lex:*"}, LEX, BOT, False),
        ({"SourceAccount": "123456789012"}, LEX, BOT, True),
        ({"SourceAccount": "999999999999"}, LEX, BOT, False),
        ({"SourceArn": BOT, "SourceAccount": "999999999999"}, LEX, BOT, False),
        ({"Action": "lambda:GetFunction"}, LEX, BOT, False),
        ({"PrincipalOrgID": "o-1234567890"}, LEX, BOT, False),
    ],
)
def test_the_grants_conditions(released, service, condition, principal, source, allowed):
    grant(service, Qualifier="live", **condition)
    assert service.allows(f"{ARN}:live", principal, source) is allowed


def test_the_policy_is_read_and_taken_back_by_qualifier(released, service):
    statement = json.loads(grant(service, Qualifier="live", SourceArn=BOT)["Statement"])
    assert statement["Resource"] == f"{ARN}:live"
    assert statement["Principal"] == {"Service": LEX}
    key = {"FunctionName": "f", "Qualifier": "live"}
    policy = json.loads(call(service, "GetPolicy", **key)["Policy"])
    assert policy["Statement"] == [statement]
    with pytest.raises(ApiError, match="ResourceNotFoundException"):
        call(service, "GetPolicy", FunctionName="f")
    with pytest.raises(ApiError, match="ResourceNotFoundException"):
        call(service, "RemovePermission", FunctionName="f", StatementId="lex")
    call(service, "RemovePermission", StatementId="lex", **key)
    assert not service.allows(f"{ARN}:live", LEX, BOT)


def test_a_statement_id_is_taken_once_per_qualifier(released, service):
    grant(service, Qualifier="live")
    with pytest.raises(ApiError) as caught:
        grant(service, Qualifier="live")
    assert (caught.value.code, caught.value.status) == ("ResourceConflictException", 409)
    grant(service)


def test_a_grant_ends_with_its_alias_and_its_function(released, service):
    grant(service, Qualifier="live")
    call(service, "DeleteAlias", FunctionName="f", Name="live")
    assert not service.allows(f"{ARN}:live", LEX, BOT)
    call(service, "CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
    assert not service.allows(f"{ARN}:live", LEX, BOT)
    grant(service)
    call(service, "DeleteFunction", FunctionName="f")
    released.create()
    assert not service.allows(ARN, LEX, BOT)


def test_an_event_config_belongs_to_its_qualifier_and_the_last_put_counts(released, service):
    key = {"FunctionName": "f", "Qualifier": "live"}
    call(service, "PutFunctionEventInvokeConfig", MaximumRetryAttempts=2, **key)
    call(service, "PutFunctionEventInvokeConfig", MaximumRetryAttempts=0, **key)
    call(service, "UpdateFunctionEventInvokeConfig", MaximumEventAgeInSeconds=60, **key)
    config = call(service, "GetFunctionEventInvokeConfig", **key)
    assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (0, 60)
    assert config["FunctionArn"] == f"{ARN}:live"
    with pytest.raises(ApiError, match=r"\$LATEST doesn't have an EventInvokeConfig"):
        call(service, "GetFunctionEventInvokeConfig", FunctionName="f")
    listed = call(service, "ListFunctionEventInvokeConfigs", FunctionName="f")
    assert listed["FunctionEventInvokeConfigs"] == [config]
    call(service, "DeleteFunctionEventInvokeConfig", **key)
    with pytest.raises(ApiError, match="ResourceNotFoundException"):
        call(service, "GetFunctionEventInvokeConfig", **key)


def test_environments_of_a_deleted_version_end(released, service):
    mark(service, "f:2")
    call(service, "DeleteFunction", FunctionName="f", Qualifier="2")
    wait_until(lambda: service.environments() == [])
    with pytest.raises(ApiError, match="ResourceNotFoundException"):
        mark(service, "f:2")
