"""Rows on the way of a turn: Lex alias, Lambda alias, version, and what is warm there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ops.audit.facts import Facts
from ops.audit.lambda_facts import LATEST, allows, condition, served_versions
from ops.audit.reading import Unobserved
from ops.audit.rows import Row, Verdict, failed, grouped, judged, passed
from ops.stages import FULFILLMENT, FUNCTIONS, LIVE, STAGE_SIZES, bot_name

LEX = "lexv2.amazonaws.com"


def lex_target(facts: Facts) -> Verdict:
    lex, wanted = facts.lex, facts.function_arn(FULFILLMENT, LIVE)
    if lex is None:
        return failed(f"there is no Lex bot {bot_name(facts.stage)} with an alias {LIVE}")
    if not lex.hooks:
        return failed(f"the Lex alias {LIVE} has no locale enabled")
    wrong = (
        f"{locale} goes to {_qualified(arn)}" for locale, arn in lex.hooks.items() if arn != wanted
    )
    return judged(wrong, f"{', '.join(lex.hooks)} to {FULFILLMENT}:{LIVE}")


def _qualified(arn: str) -> str:
    """A function's ARN as it is told of: the bare one is `$LATEST`."""
    if not arn:
        return "no Lambda"
    name = arn.partition(":function:")[2]
    return name if ":" in name else f"{name}:{LATEST}"


def lex_version(facts: Facts) -> Verdict:
    if facts.lex is None:
        raise Unobserved(f"there is no Lex alias {LIVE}")
    version = facts.lex.bot_version
    if version.isdigit():
        return passed(f"bot version {version}")
    return failed(f"the Lex alias {LIVE} is on {version or 'no version'}")


def live_aliases(facts: Facts) -> Verdict:
    deployed = {served.function for served in facts.served}
    return judged(
        grouped(_alias_problems(facts, deployed)), f"{len(FUNCTIONS)} functions on a version each"
    )


def _alias_problems(facts: Facts, deployed: set[str]) -> Iterator[tuple[str, str]]:
    for name, alias in facts.aliases.items():
        if name not in deployed:
            yield "not deployed", name
        elif alias is None:
            yield f"without alias {LIVE}", name
        elif LATEST in served_versions(alias):
            yield f"{LIVE} is {LATEST}", name
        elif len(versions := served_versions(alias)) > 1:
            yield f"{LIVE} shared by versions {' and '.join(versions)}", name


def live_is_provisioned(facts: Facts) -> Verdict:
    bare = [version for version in _live_versions(facts) if not _standing(facts, version)]
    return judged(
        (_without_any(version) for version in bare), f"version {', '.join(_live_versions(facts))}"
    )


def _without_any(version: str) -> str:
    if version == LATEST:
        return f"there is no alias {LIVE}, and {LATEST} can have none"
    return f"version {version}, which is live, has none"


def _live_versions(facts: Facts) -> list[str]:
    return [served.version for served in facts.of(FULFILLMENT)]


def _standing(facts: Facts, version: str) -> dict[str, Any] | None:
    """What is provisioned for a live version; on the alias it is for whatever that points to."""
    return facts.provisioned.get(version) or facts.provisioned.get(LIVE)


def provisioned_is_ready(facts: Facts) -> Verdict:
    wanted = STAGE_SIZES[facts.stage].provisioned_fulfillment
    standing = {v: found for v in _live_versions(facts) if (found := _standing(facts, v))}
    if not standing:
        raise Unobserved("nothing is provisioned for what is live")
    ready = (f"{_available(found)} READY on version {v}" for v, found in standing.items())
    problems = (p for v, found in standing.items() for p in _not_ready(v, found, wanted))
    return judged(problems, ", ".join(ready))


def _available(found: dict[str, Any]) -> int:
    return int(found.get("AvailableProvisionedConcurrentExecutions", 0))


def _not_ready(version: str, found: dict[str, Any], wanted: int) -> Iterator[str]:
    requested = int(found.get("RequestedProvisionedConcurrentExecutions", 0))
    if found["Status"] == "IN_PROGRESS" and _available(found) >= wanted:
        # Scaling adds to what is there.
        return
    if found["Status"] != "READY":
        yield f"version {version} is {found['Status']} {found.get('StatusReason', '')}".rstrip()
    elif _available(found) < requested:
        yield f"version {version} has {_available(found)} of {requested}"
    elif requested < wanted:
        yield f"version {version} has {requested}, and the stage wants {wanted}"


def provisioned_elsewhere(facts: Facts) -> Verdict:
    served = {*_live_versions(facts), LIVE}
    stray = sorted(set(facts.provisioned) - served)
    live = ", ".join(_live_versions(facts))
    problems = (f"{FULFILLMENT}:{q} holds some, and {live} is what is live" for q in stray)
    return judged(problems, "none but the live version has any")


def lex_permission(facts: Facts) -> Verdict:
    if facts.lex is None:
        raise Unobserved(f"there is no Lex alias {LIVE}")
    source = facts.place.arn("lex", f"bot-alias/{facts.lex.bot_id}/{facts.lex.alias_id}")
    statements = facts.statements
    on_live = [s for s in statements.get((FULFILLMENT, LIVE), []) if allows(s, LEX)]
    on_all = [s for s in statements[FULFILLMENT, ""] if allows(s, LEX)]
    problems = [f"{s['Sid']} lets Lex invoke {FULFILLMENT} without alias" for s in on_all]
    problems += [
        f"{s['Sid']} lets in more than the Lex alias {LIVE} of this account"
        for s in on_live
        if not _is_scoped(s, source, facts.place.account)
    ]
    if not any(_is_scoped(s, source, facts.place.account) for s in on_live):
        problems.append(f"no statement lets this Lex alias invoke {FULFILLMENT}:{LIVE}")
    return judged(problems, f"only the Lex alias {facts.lex.alias_id}, only {LIVE}")


def _is_scoped(statement: dict[str, Any], source: str, account: str) -> bool:
    return (
        statement.get("Principal") == {"Service": LEX}
        and condition(statement, "aws:SourceArn") == [source]
        and condition(statement, "aws:SourceAccount") == [account]
    )


_RELEASE = "python -m ops release --stage {stage}"

ROWS = (
    Row(
        "lex-target",
        "Lex called $LATEST: 30% of the turns began with a cold start of 3 to 5 s.",
        f"{_RELEASE} binds every locale to {FULFILLMENT}:{LIVE}",
        lex_target,
    ),
    Row(
        "lex-version",
        "DRAFT changes while it is edited, and never rolls back.",
        f"{_RELEASE} makes a bot version and binds the alias to it",
        lex_version,
    ),
    Row(
        "live-aliases",
        "What is not behind an alias on one version changes before any health check.",
        f"{_RELEASE} moves every alias; a shift that stopped half way is ended by it",
        live_aliases,
    ),
    Row(
        "live-provisioned",
        "A turn that meets no warm environment waits 3 to 5 s.",
        f"{_RELEASE} provisions the version that is live",
        live_is_provisioned,
    ),
    Row(
        "provisioned-ready",
        "Provisioned concurrency that is not READY warms nobody's turn.",
        "see StatusReason and the account's concurrency; then " + _RELEASE,
        provisioned_is_ready,
    ),
    Row(
        "provisioned-elsewhere",
        "It was paid for on one version while the turns went to another.",
        f"{_RELEASE} frees what older versions hold",
        provisioned_elsewhere,
    ),
    Row(
        "lex-permission",
        "A wider right lets another bot, or another account, spend models and write leads.",
        f"remove the statement (aws lambda remove-permission); {_RELEASE} gives the right one",
        lex_permission,
    ),
)
