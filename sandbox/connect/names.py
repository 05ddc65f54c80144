"""The Connect instances of the sandbox, and names that follow from a stage."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.aws_api import ACCOUNT, REGION

INSTANCE_ID = "11111111-2222-4333-8444-555555555555"
CONTACT_FLOW_ID = "66666666-7777-4888-8999-aaaaaaaaaaaa"
"""Stage `local`'s flow, which is there from the start."""
SOURCE_PHONE_NUMBER = "+14155550100"


@dataclass(frozen=True, slots=True)
class Instance:
    """One Connect instance with the phone number that it has claimed."""

    id: str
    alias: str
    number: str

    @property
    def arn(self) -> str:
        return f"arn:aws:connect:{REGION}:{ACCOUNT}:instance/{self.id}"

    def contact_arn(self, contact_id: str) -> str:
        return f"{self.arn}/contact/{contact_id}"

    def flow_arn(self, flow_id: str) -> str:
        return f"{self.arn}/contact-flow/{flow_id}"


def instance_alias(stage: str) -> str:
    return f"atlas-{stage}"


def recordings_bucket(stage: str) -> str:
    return f"atlas-{stage}-recordings-{ACCOUNT}"


# An instance has one place for recordings, so two stages need two of them.
INSTANCES = (
    Instance(INSTANCE_ID, instance_alias("local"), SOURCE_PHONE_NUMBER),
    Instance("22222222-2222-4333-8444-555555555555", instance_alias("dev"), "+14155550101"),
    Instance("33333333-2222-4333-8444-555555555555", instance_alias("prod"), "+14155550102"),
)
INSTANCE = INSTANCES[0]
