"""The verb: exit codes, what is unknown, JSON, and how little is read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from ops import __main__ as command_line
from ops.audit import verb
from ops.audit.facts import Facts
from ops.audit.reading import Unobserved
from ops.audit.rows import Row, Verdict, failed, grouped, judged, passed
from ops.audit.verb import ROWS, audit, table
from ops.aws import Clients
from ops.steps import Context
from ops.waiting import Waiter


class Silent:
    """A service of which every operation is answered by one function."""

    def __init__(self, answer: Callable[[str], Any]) -> None:
        self._answer = answer
        self.meta = SimpleNamespace(region_name="us-east-1")

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        return lambda **params: self._answer(operation)


def facts(answer: Callable[[str], Any]) -> Facts:
    service = Silent(answer)
    clients = Clients(service, service, service, service, of=lambda name: service)
    return Facts(Context("dev", clients, Waiter(lambda line: None), dry_run=True))


def refusing(code: str) -> Callable[[str], Any]:
    def answer(operation: str) -> Any:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, operation)

    return answer


def row(look: Callable[[Facts], Verdict]) -> Row:
    return Row("one", "it matters", "do this on {stage}", look)


def test_names_of_rows_are_unique_and_each_tells_why_and_what_to_do() -> None:
    assert not [name for name, count in Counter(r.name for r in ROWS).items() if count > 1]
    assert all(r.why.endswith(".") and r.do and "{stage}" not in r.why for r in ROWS)
    # A brace that stands for nothing would fail only when the row fails.
    assert all(r.do.format(stage="dev") for r in ROWS)


def test_what_nobody_may_read_is_unknown_and_never_a_pass() -> None:
    found = audit(facts(refusing("AccessDeniedException")))
    assert {f.verdict.status for f in found} == {"unknown"}
    assert all(f.verdict.found.endswith("is not permitted") for f in found)


def test_what_an_endpoint_does_not_know_is_unknown() -> None:
    found = audit(facts(refusing("UnknownOperationException")))
    assert {f.verdict.status for f in found} == {"unknown"}
    assert all(f.verdict.found.endswith("UnknownOperationException") for f in found)


def test_an_account_without_the_stage_passes_nowhere() -> None:
    missing = {"get_caller_identity": {"Arn": "arn:aws:iam::1:user/x", "Account": "1"}}
    lists = ("list_bots", "describe_alarms", "list_metrics", "get_metric_data")

    def answer(operation: str) -> Any:
        if operation in missing or operation in lists:
            return missing.get(operation, {})
        if operation.startswith(("list_rule", "describe_scal")):
            return {}
        code = "NotFoundException" if "subscriptions" in operation else "ResourceNotFoundException"
        is_machine = operation == "describe_state_machine"
        return refusing("StateMachineDoesNotExist" if is_machine else code)(operation)

    found = {f.row.name: f.verdict for f in audit(facts(answer))}
    assert {n for n, v in found.items() if v.status == "pass"} == set()
    failing = {n for n, v in found.items() if v.status == "fail"}
    assert {"lex-target", "live-aliases", "workflow-parallel", "cache-table"} <= failing
    assert {"rules-on-live", "alarms-present", "alarms-subscribed"} <= failing


def test_a_service_that_is_slow_is_unknown_and_one_that_is_not_there_ends_the_audit() -> None:
    def slow(operation: str) -> Any:
        raise ReadTimeoutError(endpoint_url="http://127.0.0.1:1")

    def gone(operation: str) -> Any:
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")

    assert {f.verdict.status for f in audit(facts(slow))} == {"unknown"}
    with pytest.raises(EndpointConnectionError):
        audit(facts(gone))


def test_a_fact_is_read_once_and_so_is_its_error() -> None:
    asked: list[str] = []

    def answer(operation: str) -> Any:
        asked.append(operation)
        return refusing("AccessDenied")(operation)

    looked_at = facts(answer)
    audit(looked_at)
    audit(looked_at)
    assert Counter(asked)["describe_alarms"] == 1
    assert Counter(asked)["list_bots"] == 1


def test_a_mistake_in_a_row_is_no_verdict() -> None:
    def broken(facts: Facts) -> Verdict:
        raise KeyError("a mistake of ours")

    with pytest.raises(KeyError):
        audit(facts(refusing("AccessDenied")), [row(broken)])


def test_problems_are_told_once_and_grouped() -> None:
    assert judged(["a", "b", "a"], "fine") == failed("a; b")
    assert judged([], "fine") == passed("fine")
    sizes = [("128 MB", "x"), ("64 MB", "y"), ("128 MB", "z")]
    assert grouped(sizes) == ["128 MB: x, z", "64 MB: y"]


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Callable[[Verdict | Unobserved], None]:
    """Put one row in the place of all."""

    def put(verdict: Verdict | Unobserved) -> None:
        def look(facts: Facts) -> Verdict:
            if isinstance(verdict, Unobserved):
                raise verdict
            return verdict

        monkeypatch.setattr(verb, "ROWS", (row(look),))
        monkeypatch.setattr(verb, "clients", lambda stage: Clients(*[Silent(dict)] * 4))

    return put


UNKNOWN = Unobserved("nothing was measured")


@pytest.mark.parametrize(
    ("verdict", "options", "exit_code"),
    [
        (passed("fine"), [], 0),
        (failed("bad"), [], 1),
        (UNKNOWN, [], 0),
        (UNKNOWN, ["--strict"], 1),
        (passed("fine"), ["--strict"], 0),
    ],
)
def test_exit_codes(
    looks: Callable[[Verdict | Unobserved], None],
    verdict: Verdict | Unobserved,
    options: list[str],
    exit_code: int,
) -> None:
    looks(verdict)
    assert command_line.main(["audit", "--stage", "dev", *options]) == exit_code


def test_json_has_each_row_with_all_that_it_tells(
    looks: Callable[[Verdict | Unobserved], None], capsys: pytest.CaptureFixture[str]
) -> None:
    looks(failed("bad"))
    assert command_line.main(["audit", "--stage", "dev", "--json", "--hours", "2"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["stage"], told["hours"]) == ("dev", 2)
    assert told["counts"] == {"pass": 0, "fail": 1, "unknown": 0}
    assert told["rows"] == [
        {
            "row": "one",
            "status": "fail",
            "found": "bad",
            "why": "it matters",
            "do": "do this on dev",
        }
    ]


def test_a_record_is_written_only_when_asked_for(
    looks: Callable[[Verdict | Unobserved], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(
        verb.records, "write", lambda ctx, kind, **facts: written.append((kind, facts))
    )
    looks(failed("bad"))
    command_line.main(["audit", "--stage", "dev"])
    assert written == []
    command_line.main(["audit", "--stage", "dev", "--record"])
    counts = {"pass": 0, "fail": 1, "unknown": 0}
    assert written == [("audit", {"counts": counts, "failed": ["one"], "unknown": []})]


def test_the_table_tells_why_and_what_to_do_only_of_what_failed() -> None:
    shown = table(audit(facts(dict), [row(lambda f: failed("bad")), row(lambda f: passed("fine"))]))
    assert shown.splitlines() == [
        "FAIL   one                     bad",
        "                               why: it matters",
        "                               do:  do this on dev",
        "ok     one                     fine",
        "",
        "1 passed, 1 failed, 0 unknown",
    ]


def test_wrong_usage_is_exit_code_2() -> None:
    for options in (["--hours", "0"], ["--hours", "337"], ["--row", "none-such"], ["--stage", "x"]):
        with pytest.raises(SystemExit) as caught:
            command_line.main(["audit", "--stage", "dev", *options])
        assert caught.value.code == 2
