"""The one Connect instance of the sandbox: its ids, and names that follow from a stage."""

from __future__ import annotations

from sandbox.aws_api import ACCOUNT, REGION

INSTANCE_ID = "11111111-2222-4333-8444-555555555555"
CONTACT_FLOW_ID = "66666666-7777-4888-8999-aaaaaaaaaaaa"
SOURCE_PHONE_NUMBER = "+14155550100"
INSTANCE_ARN = f"arn:aws:connect:{REGION}:{ACCOUNT}:instance/{INSTANCE_ID}"


def contact_arn(contact_id: str) -> str:
    return f"{INSTANCE_ARN}/contact/{contact_id}"


def instance_alias(stage: str) -> str:
    return f"atlas-{stage}"


def recordings_bucket(stage: str) -> str:
    return f"atlas-{stage}-recordings-{ACCOUNT}"
