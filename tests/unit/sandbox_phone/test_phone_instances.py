"""Flows, bots and storage of an instance, and calls that use them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from phone_fakes import FLOW, Phone, client_error, run

from sandbox.aws_api import ApiError
from sandbox.connect.names import INSTANCES, SOURCE_PHONE_NUMBER

OTHER = INSTANCES[2]
ALIAS = "arn:aws:lex:us-east-1:123456789012:bot-alias/BOTBOTBOT1/ALIASALIAS"
CONTENT = FLOW.read_text().replace("${LexBotAliasArn}", ALIAS)
SAY = CONTENT.replace("Hello, this is Atlas.", "Hello, this is prod.")
AT = {"InstanceId": OTHER.id}
CONFIG = {
    "StorageType": "S3",
    "S3Config": {"BucketName": "theirs", "BucketPrefix": "connect/atlas-prod/CallRecordings"},
}


class Aliases:
    """Lex's aliases, of which one is there."""

    def describe_bot_alias(self, botId: str, botAliasId: str) -> dict[str, Any]:
        if not ALIAS.endswith(f"{botId}/{botAliasId}"):
            raise client_error("ResourceNotFoundException")
        return {}


@pytest.fixture
def phone(phone: Phone) -> Phone:
    phone.aws.describe_bot_alias = Aliases().describe_bot_alias  # type: ignore[attr-defined]
    return phone


def associate(phone: Phone, arn: str = ALIAS) -> None:
    run(phone.service, "AssociateBot", **AT, LexV2Bot={"AliasArn": arn})


def create_flow(phone: Phone, content: str = SAY, name: str = "phone") -> str:
    made = run(
        phone.service, "CreateContactFlow", **AT, Name=name, Type="CONTACT_FLOW", Content=content
    )
    return str(made["ContactFlowId"])


def store(phone: Phone) -> str:
    made = run(
        phone.service,
        "AssociateInstanceStorageConfig",
        **AT,
        ResourceType="CALL_RECORDINGS",
        StorageConfig=CONFIG,
    )
    return str(made["AssociationId"])


def call(phone: Phone, flow: str, **more: Any) -> dict[str, Any]:
    phone.line()
    asked = {**AT, "ContactFlowId": flow, "SourcePhoneNumber": OTHER.number, **more}
    contact_id = phone.place(**asked)
    phone.pass_seconds(100)
    return phone.call(contact_id)


def refused(phone: Phone, operation: str, **params: Any) -> str:
    with pytest.raises(ApiError) as caught:
        run(phone.service, operation, **params)
    return str(caught.value)


def test_a_call_plays_the_flow_it_names_with_the_flows_bot(phone: Phone) -> None:
    associate(phone)
    found = call(phone, create_flow(phone))
    assert found["transcript"][0]["text"].startswith("Hello, this is prod.")
    assert {(each["botId"], each["botAliasId"]) for each in phone.lex.requests} == {
        ("BOTBOTBOT1", "ALIASALIAS")
    }


def test_a_recording_goes_where_the_instance_says(phone: Phone) -> None:
    associate(phone)
    flow = create_flow(phone)
    assert call(phone, flow)["recording"] is None
    store(phone)
    recording = call(phone, flow)["recording"]
    assert recording.startswith("theirs/connect/atlas-prod/CallRecordings/20")


def test_the_local_flow_keeps_a_place_of_its_own(phone: Phone) -> None:
    associate(phone)
    store(phone)
    call(phone, create_flow(phone))
    recording = phone.finished()["recording"]
    assert recording.startswith("atlas-local-recordings-123456789012/connect/atlas-local/")


def test_a_calls_events_and_record_name_its_instance(phone: Phone) -> None:
    associate(phone)
    found = call(phone, create_flow(phone))
    assert {each["instanceArn"] for each in phone.aws.details()} == {OTHER.arn}
    described = run(phone.service, "DescribeContact", **AT, ContactId=found["id"])["Contact"]
    assert described["SystemEndpoint"]["Address"] == OTHER.number
    elsewhere = {"InstanceId": INSTANCES[0].id, "ContactId": found["id"]}
    assert "Contact not found" in refused(phone, "DescribeContact", **elsewhere)


def test_a_bot_that_was_taken_away_takes_the_flows_error_branch(phone: Phone) -> None:
    associate(phone)
    flow = create_flow(phone)
    run(phone.service, "DisassociateBot", **AT, LexV2Bot={"AliasArn": ALIAS})
    found = call(phone, flow)
    assert (found["outcome"], phone.lex.requests) == ("failed", [])


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"SourcePhoneNumber": SOURCE_PHONE_NUMBER}, "not claimed by the instance"),
        ({"InstanceId": "44444444-2222-4333-8444-555555555555"}, "Instance not found"),
        ({"InstanceId": INSTANCES[1].id}, "Contact flow not found"),
    ],
)
def test_a_call_needs_what_its_instance_has(phone: Phone, more: dict[str, str], told: str) -> None:
    associate(phone)
    flow = create_flow(phone)
    with pytest.raises(ApiError, match=told):
        call(phone, flow, **more)


def test_a_flow_may_be_changed_and_archived(phone: Phone) -> None:
    associate(phone)
    flow = create_flow(phone)
    about = {**AT, "ContactFlowId": flow}
    run(phone.service, "UpdateContactFlowContent", **about, Content=CONTENT)
    assert call(phone, flow)["transcript"][0]["text"].startswith("Hello, this is Atlas.")
    metadata = {"Name": "other", "Description": "d", "ContactFlowState": "ARCHIVED"}
    run(phone.service, "UpdateContactFlowMetadata", **about, **metadata)
    described = run(phone.service, "DescribeContactFlow", **about)["ContactFlow"]
    assert (described["Name"], described["State"]) == ("other", "ARCHIVED")
    with pytest.raises(ApiError, match="Contact flow not found"):
        call(phone, flow)
    run(phone.service, "DeleteContactFlow", **about)
    assert run(phone.service, "ListContactFlows", **AT)["ContactFlowSummaryList"] == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "not a flow"),
        ("[]", "not a flow"),
        (json.dumps({"Version": "1", "Actions": []}), "the version must be"),
        (SAY, "The instance may not use arn:aws:lex"),
    ],
)
def test_a_faulty_flow_is_not_published(phone: Phone, content: str, told: str) -> None:
    with pytest.raises(ApiError) as caught:
        create_flow(phone, content)
    assert caught.value.code == "InvalidContactFlowException"
    assert told in caught.value.members["problems"][0]["message"]


def test_a_name_is_taken_once(phone: Phone) -> None:
    associate(phone)
    create_flow(phone)
    with pytest.raises(ApiError, match="DuplicateResourceException"):
        create_flow(phone)


def test_bots_are_associated_once_and_listed(phone: Phone) -> None:
    associate(phone)
    with pytest.raises(ApiError, match="ResourceConflictException"):
        associate(phone)
    listed = run(phone.service, "ListBots", **AT, LexVersion="V2")["LexBots"]
    assert listed == [{"LexV2Bot": {"AliasArn": ALIAS}}]
    assert run(phone.service, "ListBots", **AT, LexVersion="V1")["LexBots"] == []


@pytest.mark.parametrize(
    ("arn", "told"),
    [("arn:aws:s3:::x", "no ARN of a Lex V2"), (ALIAS[:-1] + "X", "alias not found")],
)
def test_a_bot_that_is_not_there_is_refused(phone: Phone, arn: str, told: str) -> None:
    with pytest.raises(ApiError, match=told):
        associate(phone, arn)


def test_an_instance_has_one_place_for_recordings(phone: Phone) -> None:
    association = store(phone)
    with pytest.raises(ApiError, match="ResourceConflictException"):
        store(phone)
    about = {**AT, "ResourceType": "CALL_RECORDINGS", "AssociationId": association}
    other = {"StorageType": "S3", "S3Config": {"BucketName": "b", "BucketPrefix": "p"}}
    run(phone.service, "UpdateInstanceStorageConfig", **about, StorageConfig=other)
    described = run(phone.service, "DescribeInstanceStorageConfig", **about)["StorageConfig"]
    assert described == {**other, "AssociationId": association}
    run(phone.service, "DisassociateInstanceStorageConfig", **about)
    kind = {"ResourceType": "CALL_RECORDINGS"}
    assert run(phone.service, "ListInstanceStorageConfigs", **AT, **kind)["StorageConfigs"] == []
    assert "not found" in refused(phone, "DescribeInstanceStorageConfig", **about)


def test_what_is_not_played_of_bots_and_storage_is_refused(phone: Phone) -> None:
    lex = {"LexBot": {"Name": "b", "LexRegion": "us-east-1"}}
    assert "Lex V2 alone" in refused(phone, "AssociateBot", **AT, **lex)
    stream = {"StorageType": "KINESIS_STREAM", "KinesisStreamConfig": {"StreamArn": "a"}}
    kind = {"ResourceType": "CALL_RECORDINGS", "StorageConfig": stream}
    assert "S3 alone" in refused(phone, "AssociateInstanceStorageConfig", **AT, **kind)


def test_an_instance_says_who_it_is(phone: Phone) -> None:
    found = run(phone.service, "DescribeInstance", **AT)["Instance"]
    assert (found["InstanceAlias"], found["InstanceStatus"]) == ("atlas-prod", "ACTIVE")
