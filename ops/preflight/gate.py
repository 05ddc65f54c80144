"""What a release asks before it begins: every row a go, or a person's word for why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ProfileNotFound

from ops import records
from ops.answering_code import PROVING_STAGE
from ops.audit.reading import Unobserved
from ops.audit.verb import Finding, audit
from ops.aws import clients
from ops.commit import commit
from ops.errors import RefusedError
from ops.preflight.ground import Ground
from ops.preflight.rows import rows_of
from ops.steps import Context, Done, Steps

GATED = ("prod",)
"""Stages whose release needs a preflight."""


@dataclass(frozen=True, slots=True)
class Pass:
    """How a release means to pass: `override` is a person's reason, "" for by the rows alone."""

    override: str = ""
    dev_profile: str = ""


@dataclass(frozen=True, slots=True)
class Preflight:
    """Every row's finding, and what they were found on."""

    ground: Ground
    findings: Sequence[Finding]

    @property
    def refusals(self) -> list[Finding]:
        """What is no go; what could not be observed is none either."""
        return [finding for finding in self.findings if finding.verdict.status != "pass"]

    def to_json(self) -> dict[str, Any]:
        """The findings as plain data."""
        told: dict[str, Any] = {"go": not self.refusals}
        told["at"] = self.ground.now.isoformat(timespec="seconds")
        return told | {"rows": [finding.to_json() for finding in self.findings]}


def preflight(ctx: Context, dev_profile: str = "") -> Preflight:
    """Look at every row of the stage; changes nothing.

    `dev_profile`: the credentials of stage dev, where it is in another account. RefusedError when
    there is no such profile; botocore's error where nothing answers at all.
    """
    ground = Ground(ctx, _dev(ctx, dev_profile))
    return Preflight(ground, audit(ground, rows_of(ctx.stage)))


def _dev(ctx: Context, profile: str) -> Context:
    if not profile:
        return replace(ctx, stage=PROVING_STAGE)
    try:
        return replace(ctx, stage=PROVING_STAGE, clients=clients(PROVING_STAGE, profile))
    except ProfileNotFound as error:
        raise RefusedError(f"{error}; --dev-profile names one of the AWS CLI's profiles") from error


def gate(ctx: Context, steps: Steps, how: Pass) -> None:
    """Let a release of a gated stage begin; RefusedError names the rows that refuse it."""
    if ctx.stage in GATED:
        steps.run("preflight", lambda: _passed(ctx, steps, how))


def _passed(ctx: Context, steps: Steps, how: Pass) -> Done[None]:
    seen = preflight(ctx, how.dev_profile)
    steps.facts["preflight"] = seen.to_json()
    for finding in seen.refusals:
        steps.note(f"{finding.row.name}: {finding.verdict.found}. {finding.do}")
    if not seen.refusals:
        return Done(None, f"{len(seen.findings)} rows, all of them a go")
    if how.override:
        return override(ctx, seen, how.override)
    if ctx.dry_run:
        return Done(None, f"would refuse: {_names(seen)}")
    raise RefusedError(
        f"the preflight refuses: {_names(seen)}; `python -m ops preflight --stage {ctx.stage}` "
        "tells what to do, and --override REASON goes ahead all the same. Nothing has moved."
    )


def override(ctx: Context, seen: Preflight, reason: str) -> Done[None]:
    """Go ahead against the rows, and write down who did, why, and against which."""
    detail = f"{_names(seen)} overridden: {reason}"
    if ctx.dry_run:
        return Done(None, f"would be recorded: {detail}", True)
    code = seen.ground.deployed
    records.write(
        ctx,
        "override",
        reason=reason,
        by=_caller(seen.ground),
        rows={finding.row.name: finding.verdict.found for finding in seen.refusals},
        code_sha256=code.code_sha256 if code else "",
        commit=commit(),
    )
    return Done(None, f"{detail} (recorded)", True)


def _caller(ground: Ground) -> str:
    try:
        return ground.caller
    except Unobserved as reason:
        return f"unknown: {reason}"


def _names(seen: Preflight) -> str:
    return ", ".join(finding.row.name for finding in seen.refusals)
