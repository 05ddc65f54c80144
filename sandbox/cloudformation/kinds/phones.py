"""What is set up in a Connect instance: flows, the right to a bot, where recordings go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.cloudformation.kinds.part import Kind, Made, Part, gone, names

_CONFIGS = ("StorageType", "S3Config")
_OTHER_CONFIGS = "KinesisVideoStreamConfig KinesisStreamConfig KinesisFirehoseConfig"


def _instance(arn: str) -> str:
    """The instance's id, which is the last part of its ARN."""
    return arn.rpartition("/")[2]


def _flow(part: Part) -> dict[str, str]:
    """How the API names the flow and its instance."""
    _, _, rest = part.physical_id.partition(":instance/")
    instance, _, flow = rest.split("/")
    return {"InstanceId": instance, "ContactFlowId": flow}


def _make_flow(part: Part) -> Made:
    request = part.only("Name", "Type", "Description", "Content")
    instance = _instance(part.get("InstanceArn"))
    made = part.call("connect", "CreateContactFlow", InstanceId=instance, **request)
    part.physical_id = made["ContactFlowArn"]
    if part.get("State", "ACTIVE") != "ACTIVE":
        _set_metadata(part)
    return _made_flow(part)


def _change_flow(part: Part) -> Made:
    if part.get("Content") != part.before.get("Content"):
        content = part.get("Content")
        part.call("connect", "UpdateContactFlowContent", **_flow(part), Content=content)
    _set_metadata(part)
    return _made_flow(part)


def _set_metadata(part: Part) -> None:
    part.call(
        *("connect", "UpdateContactFlowMetadata"),
        **_flow(part),
        Name=part.get("Name"),
        Description=part.get("Description", ""),
        ContactFlowState=part.get("State", "ACTIVE"),
    )


def _delete_flow(part: Part) -> None:
    gone(lambda: part.call("connect", "DeleteContactFlow", **_flow(part)))


def _made_flow(part: Part) -> Made:
    arn = part.physical_id
    return Made(f"flow {part.get('Name')}", arn, {"ContactFlowArn": arn})


def _bot(part: Part) -> dict[str, Any]:
    """What AssociateBot takes: CloudFormation's handler calls it for the type LEX_BOT."""
    if (kind := part.get("IntegrationType")) != "LEX_BOT":
        raise ValueError(f"the sandbox does not play the IntegrationType {kind}")
    bot = {"AliasArn": part.get("IntegrationArn")}
    return {"InstanceId": _instance(part.get("InstanceId")), "LexV2Bot": bot}


def _associate(part: Part) -> Made:
    part.call("connect", "AssociateBot", **_bot(part))
    arn = part.get("IntegrationArn")
    return Made(f"bot {arn.rpartition(':')[2]}", f"{part.get('InstanceId')}|LEX_BOT|{arn}")


def _disassociate(part: Part) -> None:
    gone(lambda: part.call("connect", "DisassociateBot", **_bot(part)))


def _store(part: Part) -> Made:
    instance, kind = part.get("InstanceArn"), part.get("ResourceType")
    request = {"InstanceId": _instance(instance), "ResourceType": kind}
    config = part.only(*_CONFIGS, *_OTHER_CONFIGS.split())
    made = part.call("connect", "AssociateInstanceStorageConfig", **request, StorageConfig=config)
    association = made["AssociationId"]
    return _stored(instance, association, kind)


def _store_elsewhere(part: Part) -> Made:
    config = part.only(*_CONFIGS, *_OTHER_CONFIGS.split())
    place = _place(part)
    part.call("connect", "UpdateInstanceStorageConfig", **place, StorageConfig=config)
    return _stored(part.get("InstanceArn"), place["AssociationId"], part.get("ResourceType"))


def _store_no_more(part: Part) -> None:
    gone(lambda: part.call("connect", "DisassociateInstanceStorageConfig", **_place(part)))


def _place(part: Part) -> dict[str, str]:
    instance, association, kind = part.physical_id.split("|")
    return {
        "InstanceId": _instance(instance),
        "AssociationId": association,
        "ResourceType": kind,
    }


def _stored(instance: str, association: str, kind: str) -> Made:
    physical_id = f"{instance}|{association}|{kind}"
    return Made(f"storage of {kind}", physical_id, {"AssociationId": association})


KINDS: Mapping[str, Kind] = {
    "AWS::Connect::ContactFlow": Kind(
        *(_make_flow, _delete_flow, names("InstanceArn Name Type Description Content State")),
        *(names("InstanceArn Type"), _change_flow),
    ),
    "AWS::Connect::IntegrationAssociation": Kind(
        *(_associate, _disassociate, names("InstanceId IntegrationType IntegrationArn"))
    ),
    "AWS::Connect::InstanceStorageConfig": Kind(
        *(_store, _store_no_more),
        names(f"InstanceArn ResourceType {' '.join(_CONFIGS)} {_OTHER_CONFIGS}"),
        names("InstanceArn ResourceType"),
        _store_elsewhere,
    ),
}
