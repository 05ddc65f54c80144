"""Amazon Connect: one outbound call per interaction, however often it is asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws_errors import translated
from chalicelib.errors import (
    ConfigError,
    DependencyError,
    RejectedByDependencyError,
    RetryableDependencyError,
    ThrottledError,
)
from chalicelib.lead import Lead

KEY_ATTRIBUTE = "interactionKey"
"""The contact attribute that the contact flow hands on to Lex."""

_REFUSED = frozenset(
    (
        "DestinationNotAllowedException",
        "OutboundContactNotPermittedException",
        "InvalidRequestException",
        "InvalidParameterException",
    )
)


class Telephony(Protocol):
    """Whoever places calls."""

    def prepare(self) -> None: ...

    def place_call(self, lead: Lead) -> str: ...

    def recording_locations(self, contact_id: str) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class CallingLine:
    """From where calls are placed; ids are "" until the team has filled them in."""

    connect_instance_id: str
    connect_contact_flow_id: str
    connect_source_phone_number: str
    ring_seconds: int


class ConnectTelephony:
    """Calls by StartOutboundVoiceContact; every call raises DependencyError when Connect fails."""

    def __init__(self, client: Callable[[], Any], line: CallingLine) -> None:
        self._client = client
        self._line = line

    def prepare(self) -> None:
        """Build the client; ConfigError names every value that no call can be placed without."""
        missing = [name for name, value in asdict(self._line).items() if not value]
        if missing:
            raise ConfigError([f"{name} is empty: fill in ops/team.toml" for name in missing])
        self._client()

    def place_call(self, lead: Lead) -> str:
        """The contact's id. The same lead within seven days gets the same contact, no new call.

        RejectedByDependencyError for a destination or request that Connect will always refuse.
        Nothing of the person but the number goes to Connect: contact records live for two years.
        """
        answer = self._call(
            "start_outbound_voice_contact",
            DestinationPhoneNumber=lead.phone,
            ContactFlowId=self._line.connect_contact_flow_id,
            InstanceId=self._line.connect_instance_id,
            SourcePhoneNumber=self._line.connect_source_phone_number,
            ClientToken=client_token(lead.interaction_id),
            Attributes={KEY_ATTRIBUTE: lead.interaction_key},
            RingTimeoutInSeconds=self._line.ring_seconds,
        )
        return str(answer["ContactId"])

    def recording_locations(self, contact_id: str) -> tuple[str, ...]:
        """Where S3 holds the contact's recordings, each as `bucket/key`; none is no error."""
        answer = self._call(
            "describe_contact", InstanceId=self._line.connect_instance_id, ContactId=contact_id
        )
        recordings = answer["Contact"].get("Recordings") or ()
        return tuple(r["Location"] for r in recordings if r.get("Location"))

    def _call(self, operation: str, **request: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._client(), operation)(**request)
        except (ClientError, BotoCoreError) as exc:
            raise _error(exc) from exc
        return answer


def client_token(interaction_id: str) -> str:
    """What Connect knows the call by; a hash, since the interaction id opens the lead."""
    return hashlib.sha256(f"call/{interaction_id}".encode()).hexdigest()


def _error(exc: ClientError | BotoCoreError) -> DependencyError:
    """A missing flow or right is retryable: the team can mend it while the workflow tries again."""
    error = translated("connect", exc)
    if error.reason in _REFUSED:
        return RejectedByDependencyError("connect", error.reason)
    if error.reason == "LimitExceededException":
        return ThrottledError("connect", error.reason)
    if isinstance(error, RejectedByDependencyError):
        return RetryableDependencyError("connect", error.reason)
    return error
