"""The verbs of `python -m ops` for what the team does by hand: leads, deletions, do-not-call.

They print ids. Names and numbers are shown only where `--show-contact` asks for them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from typing import Any

from chalicelib.errors import DependencyError
from chalicelib.phone_numbers import PhoneNumber, read
from chalicelib.secret_store import SecretStore
from ops import deletion_requests, parked
from ops.aws import client
from ops.desk import Desk, desk, moment, unavailable
from ops.environment import environment
from ops.errors import OpsError, RefusedError
from ops.parked import Parked
from ops.salesforce_check import findings
from ops.stages import STAGES
from ops.team import team

Verb = Callable[[argparse.Namespace, Desk], int]
Record = dict[str, Any]

LEADS = """
Parked leads: what was given up after its last retry. `replay` runs create_lead, then update_lead
(for a deletion erase_lead) through `live` and waits; `discard` notes a reason and lets the lead's
item expire after seven days."""

DELETIONS = """
Requests for deletion that anybody can have typed. `approve` erases what a request names, in
Salesforce too; `refuse` leaves it. Both forget whom the request was about."""

DO_NOT_CALL = """
The list of numbers that are never called, kept as keyed hashes. Give the number with its country
code, or - to read it from standard input and keep it out of the shell's history."""


SALESFORCE = """
Log in as the functions do and look whether Lead and Task have the fields that Atlas writes, and the
unique external id without which a repeated write makes a second record. Changes nothing."""


def add_salesforce(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--stage", required=True, choices=STAGES)
    verb.add_argument("--json", action="store_true", help="the result as JSON")
    verb.set_defaults(run=_check_salesforce)


def _check_salesforce(arguments: argparse.Namespace) -> int:
    # Salesforce's client takes a quarter of a second to import, and no other verb needs it.
    from chalicelib.salesforce_login import Login
    from chalicelib.salesforce_records import SalesforceRecords

    variables = environment(arguments.stage)
    secrets = client(arguments.stage, "secretsmanager")
    store = SecretStore(lambda: secrets)
    login = Login(store, variables["SALESFORCE_SECRET"])
    records = SalesforceRecords(login, variables["SALESFORCE_API_VERSION"])
    try:
        found = findings(records, variables["SALESFORCE_EXTERNAL_ID_FIELD"])
    except DependencyError as exc:
        raise unavailable(arguments.stage, exc) from exc
    finally:
        records.close()
    rows = [{"what": each.subject, "result": each.problem or "ok"} for each in found]
    _told(rows, arguments, "")
    return int(any(each.problem for each in found))


def add_leads(verb: argparse.ArgumentParser) -> None:
    actions = verb.add_subparsers(required=True, metavar="action")
    _contact(_action(actions, "list", "show what is parked", _list_leads))
    replay = _action(actions, "replay", "carry it out now", _replay)
    some = replay.add_mutually_exclusive_group(required=True)
    some.add_argument("--id", action="append", default=[], help="interaction id; may be repeated")
    some.add_argument("--all", action="store_true", help="everything that is parked")
    discard = _action(actions, "discard", "give it up for good", _discard)
    discard.add_argument("--id", action="append", required=True, help="may be repeated")
    discard.add_argument("--reason", required=True, help="kept on the lead's item")


def add_deletions(verb: argparse.ArgumentParser) -> None:
    actions = verb.add_subparsers(required=True, metavar="action")
    _contact(_action(actions, "list", "show what waits for approval", _list_deletions))
    for name, run in (("approve", _approve), ("refuse", _refuse)):
        action = _action(actions, name, f"{name} a request", run)
        action.add_argument("--id", required=True, help="the request's id")


def add_do_not_call(verb: argparse.ArgumentParser) -> None:
    actions = verb.add_subparsers(required=True, metavar="action")
    for name, run in (("add", _stop_calling), ("remove", _allow_again)):
        action = _action(actions, name, f"{name} a number", run)
        action.add_argument("--number", required=True, help="like +14155550132, or -")


def _action(actions: Any, name: str, summary: str, run: Verb) -> argparse.ArgumentParser:
    action: argparse.ArgumentParser = actions.add_parser(name, help=summary, description=summary)
    action.add_argument("--stage", required=True, choices=STAGES)
    action.add_argument("--json", action="store_true", help="the result as JSON")
    action.set_defaults(run=lambda arguments: _run(run, arguments))
    return action


def _contact(action: argparse.ArgumentParser) -> None:
    action.add_argument("--show-contact", action="store_true", help="names and numbers, too")


def _run(verb: Verb, arguments: argparse.Namespace) -> int:
    try:
        return verb(arguments, desk(arguments.stage))
    except DependencyError as exc:
        raise unavailable(arguments.stage, exc) from exc


def _list_leads(arguments: argparse.Namespace, desk: Desk) -> int:
    rows = [
        {"id": row.interaction_id, "since": moment(row.since)}
        | {"reason": row.reason, "error": row.error or "-"}
        | (_shown(desk, [row.interaction_id]) if arguments.show_contact else {})
        for row in parked.parked(desk)
    ]
    return _told(rows, arguments, "Nothing is parked.")


def _replay(arguments: argparse.Namespace, desk: Desk) -> int:
    rows = parked.chosen(desk, arguments.id)
    results = [_tried(row, lambda r: parked.replay(desk, r)) for row in rows]
    _told(results, arguments, "Nothing is parked.")
    return int(any(result["failed"] for result in results))


def _discard(arguments: argparse.Namespace, desk: Desk) -> int:
    if not arguments.reason.strip():
        raise RefusedError("say why: --reason must not be empty")
    rows = parked.chosen(desk, arguments.id)
    why = arguments.reason.strip()
    results = [_tried(row, lambda r: parked.discard(desk, r, why)) for row in rows]
    _told(results, arguments, "")
    return int(any(result["failed"] for result in results))


def _list_deletions(arguments: argparse.Namespace, desk: Desk) -> int:
    rows = [
        {"id": request.request_id, "since": moment(request.requested_at)}
        | {"channel": request.channel, "interactions": ",".join(request.interaction_ids)}
        | (_shown(desk, request.interaction_ids) if arguments.show_contact else {})
        for request in desk.deletions.waiting()
    ]
    return _told(rows, arguments, "Nothing waits for approval.")


def _approve(arguments: argparse.Namespace, desk: Desk) -> int:
    request = deletion_requests.find(desk, arguments.id)
    receipts = deletion_requests.approve(desk, request)
    result = {"id": request.request_id, "decision": "approved", "receipts": ",".join(receipts)}
    return _told([result], arguments, "")


def _refuse(arguments: argparse.Namespace, desk: Desk) -> int:
    request = deletion_requests.find(desk, arguments.id)
    deletion_requests.refuse(desk, request)
    return _told([{"id": request.request_id, "decision": "refused"}], arguments, "")


def _stop_calling(arguments: argparse.Namespace, desk: Desk) -> int:
    desk.call_limits.stop_calling(_hash(arguments, desk))
    return _told([{"do_not_call": "added"}], arguments, "")


def _allow_again(arguments: argparse.Namespace, desk: Desk) -> int:
    desk.call_limits.allow_again(_hash(arguments, desk))
    return _told([{"do_not_call": "removed"}], arguments, "")


def _hash(arguments: argparse.Namespace, desk: Desk) -> str:
    """The number's keyed hash; a refusal says what is wrong and never repeats the number."""
    given = sys.stdin.readline() if arguments.number == "-" else arguments.number
    number = read(given, team(arguments.stage).default_country, None)
    if not isinstance(number, PhoneNumber):
        raise RefusedError(f"that is no phone number: {number.reason.replace('_', ' ')}")
    return desk.phone_hash(number.e164)


def _tried(row: Parked, work: Callable[[Parked], str]) -> Record:
    """One of several: what fails does not keep the others."""
    try:
        return {"id": row.interaction_id, "outcome": work(row), "failed": False}
    except (OpsError, DependencyError) as exc:
        return {"id": row.interaction_id, "outcome": str(exc), "failed": True}


def _shown(desk: Desk, interaction_ids: Iterable[str]) -> Record:
    contacts = [desk.contact(each) for each in interaction_ids]
    return {
        "names": ", ".join(c.get("name", "gone") for c in contacts),
        "numbers": ", ".join(c.get("phone", "gone") for c in contacts),
    }


def _told(rows: list[Record], arguments: argparse.Namespace, nothing: str) -> int:
    if arguments.json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    elif not rows:
        print(nothing)
    for row in () if arguments.json else rows:
        print("  ".join(str(value) for name, value in row.items() if name != "failed"))
    return 0
