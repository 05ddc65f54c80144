"""From which versions to which a release goes, and what its records say about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ops import records
from ops.stages import FULFILLMENT
from ops.steps import Context

Versions = dict[str, str]


@dataclass(slots=True)
class Route:
    """Two sets of versions by function, and the bot's; "" where there is none yet.

    `facts` are what every record of this release carries beside them.
    """

    former: Versions
    versions: Versions
    bot_id: str = ""
    lex_alias_id: str = ""
    former_bot_version: str = ""
    bot_version: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, record: dict[str, Any]) -> Route:
        """The route that a record of a release tells."""
        return cls(
            former=dict(record["former"]),
            versions=dict(record["versions"]),
            bot_id=record["bot_id"],
            lex_alias_id=record["lex_alias_id"],
            former_bot_version=record["former_bot_version"],
            bot_version=record["bot_version"],
            facts={name: record[name] for name in ("code_sha256", "commit") if name in record},
        )

    @property
    def is_first(self) -> bool:
        """Whether there is no version to go back to: none, or $LATEST, which takes no weights."""
        return not self.former.get(FULFILLMENT, "").isdigit()

    @property
    def is_new(self) -> bool:
        """Whether any function gets another version."""
        return any(self.former.get(name) != version for name, version in self.versions.items())

    def note(self, ctx: Context, outcome: str, **more: Any) -> None:
        """Write the record; a dry run writes none."""
        if not ctx.dry_run:
            records.write(ctx, "release", outcome=outcome, **self.to_json(), **more)

    def to_json(self) -> dict[str, Any]:
        """The route as plain data."""
        return {
            "former": self.former,
            "versions": self.versions,
            "bot_id": self.bot_id,
            "lex_alias_id": self.lex_alias_id,
            "former_bot_version": self.former_bot_version,
            "bot_version": self.bot_version,
            **self.facts,
        }
