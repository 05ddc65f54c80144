"""What a model wrote, what is said to a visitor, and where that came from. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

_WHOLE = frozenset(("end_turn", "stop_sequence"))
STOP_REASONS = (
    *("end_turn", "max_tokens", "refused"),
    *("deadline", "cancelled", "resting", "failed"),
)
"""Those that have a metric each; Bedrock may add others, which are counted as one."""


class Source(StrEnum):
    """Where an answer came from; a metric, a trace annotation and a session attribute."""

    MEMORY = "memory"
    TABLE = "table"
    STALE = "stale"
    MODEL = "model"
    PARTIAL = "partial"
    GROUNDED = "grounded"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class Generated:
    """What a model wrote by the deadline.

    `stop_reason` is Bedrock's, or "deadline", "resting" (every model of the route is left
    alone for a while), "cancelled" (nobody wants it any more), "refused" or "failed". Tokens and
    price are those of all `calls`; where a stream was cut off they are estimates. Seconds count
    from the turn's request, whoever answered it.
    """

    text: str
    stop_reason: str
    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    errors: tuple[str, ...] = ()
    first_token_seconds: float = 0.0
    calls: int = 0
    is_hedged: bool = False
    hedge_was_skipped: bool = False
    has_stalled: bool = False
    usd: float = 0.0

    @property
    def is_whole(self) -> bool:
        """Whether the model ended by itself, so that the text is all it had to say."""
        return self.stop_reason in _WHOLE and bool(self.text.strip())

    @property
    def was_truncated(self) -> bool:
        return self.stop_reason == "max_tokens"

    @property
    def counted_stop_reason(self) -> str:
        """The stop reason under the few names that metrics are kept by."""
        return self.stop_reason if self.stop_reason in STOP_REASONS else "other"


@dataclass(frozen=True, slots=True)
class Answer:
    """`generated` is there where a model was asked, whatever came of it.

    `age_seconds`: since a stored answer was made; None for one that was not stored.
    """

    text: str
    source: Source
    model: str = ""
    generated: Generated | None = None
    age_seconds: float | None = None

    @property
    def is_whole(self) -> bool:
        """Whether a model finished it, so that others may be given it too."""
        return self.source is Source.MODEL
