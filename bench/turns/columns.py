"""The columns of the comparison, and what each of them changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

SONNET = "global.anthropic.claude-sonnet-4-6"
HAIKU = "global.anthropic.claude-haiku-4-5-20251001-v1:0"
ATLAS_TOKENS, CHAT_SENTENCES, PHONE_SENTENCES = 150, 2, 1

Fault = Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """`cold`: the share of its turns on a new environment. `faults` hold while it runs."""

    name: str
    title: str
    kind: Literal["lambda", "sequential", "atlas"]
    options: Mapping[str, Any] = field(default_factory=dict)
    is_warmed: bool = False
    cold: float = 0.0
    faults: Sequence[Fault] = ()

    @property
    def is_atlas(self) -> bool:
        return self.kind == "atlas"


def _habits(model: str, **others: Any) -> dict[str, Any]:
    return {"habits": {"model": model, **others}}


AS_IT_WAS = _habits(SONNET)
_FAIR = {**_habits(HAIKU, max_tokens=ATLAS_TOKENS), "is_atlas_prompt": True}

MAIN = (
    Column("0", "(0) predecessor, 30% cold", "lambda", AS_IT_WAS, cold=0.3),
    Column("a", "(a) sequential, Sonnet, warm", "sequential", AS_IT_WAS),
    Column("b", "(b) the same with Haiku", "sequential", _habits(HAIKU)),
    Column("c", "(c) Haiku, Atlas's prompts", "sequential", _FAIR),
    Column("d", "(d) Atlas, cold cache", "atlas"),
    Column("e", "(e) Atlas, warmed", "atlas", is_warmed=True),
)

_SLOW = {
    **{"service": "bedrock-runtime", "operation": "ConverseStream"},
    **{"times_slower": 3.0, "rate": 0.05},
}
_THROTTLED = {"service": "bedrock-runtime", "error": "ThrottlingException", "rate": 0.3}

CONDITIONS = (
    Column(*("e4", "(e) four-sentence answers", "atlas", {"chat_sentences": 4}), is_warmed=True),
    Column("es", "(e) 5% of calls 3x slower", "atlas", is_warmed=True, faults=(_SLOW,)),
    Column("et", "(e) 30% throttled", "atlas", is_warmed=True, faults=(_THROTTLED,)),
)

_SECRET = {"keeps_secret": True}
_SCENARIO = {**_SECRET, "keeps_scenario": True}
_SHORT = {
    **_SCENARIO,
    "max_tokens": ATLAS_TOKENS,
    **{"chat_sentences": CHAT_SENTENCES, "phone_sentences": PHONE_SENTENCES},
}
_POOLED = {**_SHORT, "keeps_clients": True}

ABLATION = (
    Column("p12", "1: + secret cached", "sequential", _habits(SONNET, **_SECRET)),
    Column("p13", "1: + scenario in the session", "sequential", _habits(SONNET, **_SCENARIO)),
    Column("p14", "1: + fewer tokens", "sequential", _habits(SONNET, **_SHORT)),
    Column("p21", "2: + pooling", "sequential", _habits(SONNET, **_POOLED)),
    Column("p22", "2: + Haiku", "sequential", _habits(HAIKU, **_POOLED)),
    Column(
        *("p23", "2: + response cache", "sequential"),
        _habits(HAIKU, **_POOLED, keeps_answers=True),
    ),
)
"""Cumulative; before them stand (0) and (a), which is (0) behind an alias that is never cold, and
after them (d) and (e): answers made after the turn, and made before it.
"""
