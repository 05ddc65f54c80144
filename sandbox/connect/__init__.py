"""Amazon Connect's outbound call: it rings, somebody answers or not, and a flow is played."""

from sandbox.connect.calls import Calls
from sandbox.connect.lines import DEFAULT_SCRIPT
from sandbox.connect.names import CONTACT_FLOW_ID, INSTANCE_ID, SOURCE_PHONE_NUMBER
from sandbox.connect.service import ConnectService

__all__ = [
    "CONTACT_FLOW_ID",
    "DEFAULT_SCRIPT",
    "INSTANCE_ID",
    "SOURCE_PHONE_NUMBER",
    "Calls",
    "ConnectService",
]
