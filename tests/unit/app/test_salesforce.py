"""The adapter before a fake transport: once, not over others' words, errors by meaning."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from chalicelib.errors import (
    DependencyError,
    RejectedByDependencyError,
    RetryableDependencyError,
    ThrottledError,
)
from chalicelib.salesforce import Salesforce
from chalicelib.salesforce_blocks import Block, block_name
from tests.fakes import SETTINGS, FakeClock, FakeSecretsManager
from tests.salesforce_fake import (
    EXTERNAL_ID,
    HTML,
    INSTANCE,
    LOST,
    FakeSalesforce,
    a_salesforce,
    a_secret,
    problem,
)

ROOT = Path(__file__).parents[3]
INTERACTION = "ab" * 16
FIELDS = {
    "LastName": "O'Neil",
    "Phone": "+14155550132",
    "Company": "[not provided]",
    "Status": "Open",
    "Description": f"[Atlas request {INTERACTION}]",
}
BLOCK = Block(f"Atlas call {INTERACTION}", ("Call: answered",))


@pytest.fixture
def fake() -> FakeSalesforce:
    return FakeSalesforce(FakeClock())


@pytest.fixture
def salesforce(fake: FakeSalesforce) -> Iterator[Salesforce]:
    adapter = a_salesforce(fake)
    yield adapter
    adapter.close()


@pytest.fixture
def searching(fake: FakeSalesforce) -> Iterator[Salesforce]:
    """In the mode without the external id field."""
    adapter = a_salesforce(fake, external_id_field="")
    yield adapter
    adapter.close()


@pytest.fixture(params=["exactly_once", "at_least_once"])
def either(request: Any, fake: FakeSalesforce) -> Iterator[Salesforce]:
    adapter = a_salesforce(fake, external_id_field=EXTERNAL_ID * (request.param == "exactly_once"))
    assert adapter.mode == request.param
    yield adapter
    adapter.close()


def a_task(lead_id: str, purpose: str = "callback") -> dict[str, str]:
    block = Block(block_name(purpose, INTERACTION), ("At noon",))
    return {"WhoId": lead_id, "Subject": purpose, "Description": block.text}


def test_a_lead_is_created_once_and_found_after_that(
    either: Salesforce, fake: FakeSalesforce
) -> None:
    first = either.upsert_lead(FIELDS, INTERACTION)
    second = either.upsert_lead(FIELDS, INTERACTION)
    assert (first.outcome, second.outcome) == ("created", "found")
    assert first.id == second.id == fake.only("Lead")["Id"]


def test_what_people_wrote_on_a_lead_is_not_written_again(
    either: Salesforce, fake: FakeSalesforce
) -> None:
    either.upsert_lead(FIELDS, INTERACTION)
    people = {
        "Status": "Working",
        "Company": "Acme",
        "Description": f"Hers. {FIELDS['Description']}",
    }
    fake.person_writes("Lead", **people)
    either.upsert_lead(FIELDS, INTERACTION)
    assert {name: fake.only("Lead")[name] for name in people} == people


def test_a_create_whose_answer_is_lost_is_found_by_the_next_try(
    either: Salesforce, fake: FakeSalesforce
) -> None:
    creates = "PATCH Lead" if either.mode == "exactly_once" else "POST Lead"
    fake.faults = [(creates, LOST)]
    with pytest.raises(RetryableDependencyError, match="ConnectionError"):
        either.upsert_lead(FIELDS, INTERACTION)
    assert either.upsert_lead(FIELDS, INTERACTION).outcome == "found"
    fake.only("Lead")


def test_two_attempts_at_the_same_moment_make_one_lead(
    salesforce: Salesforce, fake: FakeSalesforce
) -> None:
    def another_attempt() -> None:
        other = a_salesforce(fake)
        assert other.upsert_lead(FIELDS, INTERACTION).outcome == "created"
        other.close()
        fake.token_number -= 1

    fake.before["PATCH Lead"] = another_attempt
    record = salesforce.upsert_lead(FIELDS, INTERACTION)
    assert (record.outcome, record.id) == ("updated", fake.only("Lead")["Id"])


def test_an_upsert_that_answers_without_a_body_still_has_its_id(
    salesforce: Salesforce, fake: FakeSalesforce
) -> None:
    fake.answers_upsert_with_204 = True
    fake.before["PATCH Lead"] = lambda: fake.records["Lead"].append(
        {"Id": "00Q000000000007AAA", EXTERNAL_ID: INTERACTION}
    )
    record = salesforce.upsert_lead(FIELDS, INTERACTION)
    assert (record.outcome, record.id) == ("updated", "00Q000000000007AAA")


def test_a_search_escapes_quotes_and_finds_only_this_interactions_lead(
    searching: Salesforce, fake: FakeSalesforce
) -> None:
    other = {**FIELDS, "Description": "[Atlas request " + "cd" * 16 + "]"}
    assert searching.upsert_lead(other, "cd" * 16).outcome == "created"
    assert searching.upsert_lead(FIELDS, INTERACTION).outcome == "created"
    assert searching.find_lead(FIELDS, INTERACTION) == fake.records["Lead"][1]["Id"]
    injected = {**FIELDS, "LastName": "x' OR Name != '"}
    assert searching.find_lead(injected, INTERACTION) == ""


def test_without_the_field_no_external_id_is_sent(
    searching: Salesforce, fake: FakeSalesforce
) -> None:
    searching.upsert_lead(FIELDS, INTERACTION)
    assert EXTERNAL_ID not in fake.only("Lead")
    assert "PATCH Lead" not in fake.calls


def test_a_lead_is_read_by_field_and_none_when_it_is_gone(
    salesforce: Salesforce, fake: FakeSalesforce
) -> None:
    record = salesforce.upsert_lead(FIELDS, INTERACTION)
    assert salesforce.lead(record.id, "Status", "Company") == {
        "Status": "Open",
        "Company": "[not provided]",
    }
    fake.records["Lead"].clear()
    assert salesforce.lead(record.id, "Status") is None


def test_an_activity_is_created_once_for_each_purpose(
    either: Salesforce, fake: FakeSalesforce
) -> None:
    lead_id = either.upsert_lead(FIELDS, INTERACTION).id
    first = either.upsert_task(a_task(lead_id), INTERACTION, "callback")
    again = either.upsert_task(a_task(lead_id), INTERACTION, "callback")
    call = either.upsert_task(a_task(lead_id, "call"), INTERACTION, "call")
    assert (first.outcome, again.outcome, call.outcome) == ("created", "found", "created")
    assert first.id == again.id != call.id


def test_a_task_that_the_team_has_done_is_not_opened_again(
    either: Salesforce, fake: FakeSalesforce
) -> None:
    lead_id = either.upsert_lead(FIELDS, INTERACTION).id
    either.upsert_task(a_task(lead_id) | {"Status": "Not Started"}, INTERACTION, "callback")
    fake.person_writes("Task", Status="Completed")
    either.upsert_task(a_task(lead_id) | {"Status": "Not Started"}, INTERACTION, "callback")
    assert fake.only("Task")["Status"] == "Completed"


def test_activities_have_external_ids_of_their_own(
    salesforce: Salesforce, fake: FakeSalesforce
) -> None:
    salesforce.upsert_task(a_task("00Q000000000001AAA"), INTERACTION, "callback")
    assert fake.only("Task")[EXTERNAL_ID] == f"{INTERACTION}:callback"


def test_a_block_is_added_to_what_stands_there(
    salesforce: Salesforce, fake: FakeSalesforce
) -> None:
    record = salesforce.upsert_lead(FIELDS, INTERACTION)
    fake.clock.advance(60)
    fake.person_writes("Lead", Description="Spoke to her.\r\n")
    fake.clock.advance(60)
    assert salesforce.write_blocks("Lead", record.id, [BLOCK])
    assert fake.only("Lead")["Description"] == f"Spoke to her.\r\n\n\n{BLOCK.text}"
    assert not salesforce.write_blocks("Lead", record.id, [BLOCK])
    assert fake.calls.count("PATCH Lead") == 2


def test_what_somebody_writes_at_the_same_time_is_kept(
    salesforce: Salesforce, fake: FakeSalesforce
) -> None:
    record = salesforce.upsert_lead(FIELDS, INTERACTION)
    fake.clock.advance(60)

    def person() -> None:
        fake.person_writes("Lead", Description="Her words.")
        fake.clock.advance(0.2)

    fake.before["PATCH Lead"] = person
    assert salesforce.write_blocks("Lead", record.id, [BLOCK])
    assert fake.only("Lead")["Description"] == f"Her words.\n\n{BLOCK.text}"


def test_a_change_in_the_very_second_of_the_last_one_is_not_overwritten(
    salesforce: Salesforce, fake: FakeSalesforce
) -> None:
    """If-Unmodified-Since knows whole seconds, so the record must have settled first."""
    record = salesforce.upsert_lead(FIELDS, INTERACTION)
    reads: list[str] = []

    def person_in_the_same_second() -> None:
        reads.append(fake.only("Lead")["Description"])
        fake.before["GET Lead"] = lambda: fake.only("Lead").update(Description="Her words.")

    fake.before["GET Lead"] = person_in_the_same_second
    assert salesforce.write_blocks("Lead", record.id, [BLOCK])
    assert reads == [FIELDS["Description"]]
    assert fake.only("Lead")["Description"] == f"Her words.\n\n{BLOCK.text}"


def test_a_record_that_others_keep_writing_is_left_for_later(
    salesforce: Salesforce, fake: FakeSalesforce
) -> None:
    record = salesforce.upsert_lead(FIELDS, INTERACTION)
    fake.clock.advance(60)
    fake.faults = [("PATCH Lead", (412, [{"errorCode": "X_CHANGED"}]))] * 4
    with pytest.raises(RetryableDependencyError) as caught:
        salesforce.write_blocks("Lead", record.id, [BLOCK])
    assert type(caught.value) is RetryableDependencyError
    assert caught.value.reason == "record_keeps_changing"


def test_a_block_for_a_record_that_people_deleted_is_rejected(salesforce: Salesforce) -> None:
    with pytest.raises(RejectedByDependencyError, match="ENTITY_IS_DELETED"):
        salesforce.write_blocks("Lead", "00Q000000000009AAA", [BLOCK])


def test_deleting_finds_the_lead_by_id_or_by_interaction(
    either: Salesforce, fake: FakeSalesforce
) -> None:
    record = either.upsert_lead(FIELDS, INTERACTION)
    either.upsert_task(a_task(record.id), INTERACTION, "callback")
    assert either.delete_lead(INTERACTION, "", FIELDS)
    assert fake.records == {"Lead": [], "Task": []}
    again = either.upsert_lead(FIELDS, INTERACTION)
    assert either.delete_lead(INTERACTION, again.id)
    assert not either.delete_lead(INTERACTION, again.id, FIELDS)


def test_deleting_removes_every_record_of_the_interaction(
    salesforce: Salesforce, fake: FakeSalesforce
) -> None:
    for number in (1, 2):
        fake.records["Lead"].append({"Id": f"00Q{number:015}", EXTERNAL_ID: INTERACTION})
    assert salesforce.delete_lead(INTERACTION)
    assert fake.records["Lead"] == []


def test_a_session_is_kept_and_renewed_once_when_it_has_ended(
    salesforce: Salesforce, fake: FakeSalesforce
) -> None:
    salesforce.upsert_lead(FIELDS, INTERACTION)
    salesforce.upsert_lead(FIELDS, INTERACTION)
    assert fake.calls.count("token") == 1
    fake.expire_session()
    assert salesforce.upsert_lead(FIELDS, INTERACTION).outcome == "found"
    assert fake.calls.count("token") == 2


def test_a_session_that_is_refused_right_after_login_is_not_tried_for_ever(
    salesforce: Salesforce, fake: FakeSalesforce
) -> None:
    fake.faults = [("GET query", problem("INVALID_SESSION_ID", 401))] * 3
    with pytest.raises(RetryableDependencyError, match="INVALID_SESSION_ID"):
        salesforce.upsert_lead(FIELDS, INTERACTION)
    assert fake.calls == ["token", "GET query", "token", "GET query"]


REFUSED = RejectedByDependencyError
AGAIN = RetryableDependencyError


@pytest.mark.parametrize(
    ("fault", "expected", "reason"),
    [
        (problem("DUPLICATES_DETECTED"), REFUSED, "DUPLICATES_DETECTED"),
        (
            problem("FIELD_CUSTOM_VALIDATION_EXCEPTION"),
            REFUSED,
            "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        ),
        (problem("REQUIRED_FIELD_MISSING"), REFUSED, "REQUIRED_FIELD_MISSING"),
        (problem("INVALID_FIELD"), REFUSED, "INVALID_FIELD"),
        (problem("NOT_FOUND", 404), REFUSED, "NOT_FOUND"),
        (problem("STORAGE_LIMIT_EXCEEDED", 403), REFUSED, "STORAGE_LIMIT_EXCEEDED"),
        ((300, ["/services/data/v62.0/sobjects/Lead/1"]), REFUSED, "SEVERAL_MATCHES"),
        (problem("REQUEST_LIMIT_EXCEEDED", 403), ThrottledError, "REQUEST_LIMIT_EXCEEDED"),
        ((429, HTML), ThrottledError, "HTTP_429"),
        (problem("UNABLE_TO_LOCK_ROW"), AGAIN, "UNABLE_TO_LOCK_ROW"),
        (problem("UNKNOWN_EXCEPTION", 500), AGAIN, "UNKNOWN_EXCEPTION"),
        (problem("SERVER_UNAVAILABLE", 503), AGAIN, "SERVER_UNAVAILABLE"),
        (problem("Not a code: Maria"), AGAIN, "HTTP_400"),
        ((503, HTML), AGAIN, "HTTP_503"),
        ((404, HTML), AGAIN, "HTTP_404"),
        ((302, HTML), AGAIN, "HTTP_302"),
        ((200, HTML), AGAIN, "JSONDecodeError"),
        ((201, "null"), AGAIN, "unexpected_answer"),
        ((201, {"id": "no id"}), AGAIN, "unexpected_answer"),
        ((200, ""), AGAIN, "unexpected_answer"),
        (requests.ReadTimeout("10 s"), AGAIN, "ReadTimeout"),
        (requests.ConnectTimeout("2 s"), AGAIN, "ConnectTimeout"),
        (requests.ConnectionError("reset"), AGAIN, "ConnectionError"),
        (LOST, AGAIN, "ConnectionError"),
    ],
    ids=str,
)
def test_an_answer_has_one_meaning_and_its_reason_is_a_code(
    salesforce: Salesforce,
    fake: FakeSalesforce,
    fault: Any,
    expected: type[DependencyError],
    reason: str,
) -> None:
    fake.faults = [("PATCH Lead", fault)]
    with pytest.raises(DependencyError) as caught:
        salesforce.upsert_lead(FIELDS, INTERACTION)
    assert type(caught.value) is expected
    assert (caught.value.dependency, caught.value.reason) == ("salesforce", reason)
    assert "Maria" not in str(caught.value)


CALLS: dict[str, Callable[[Salesforce, str], object]] = {
    "GET query": lambda salesforce, _: salesforce.upsert_lead(FIELDS, INTERACTION),
    "GET Lead": lambda salesforce, lead_id: salesforce.lead(lead_id, "Status"),
    "PATCH Lead": lambda salesforce, lead_id: salesforce.write_blocks("Lead", lead_id, [BLOCK]),
    "DELETE Lead": lambda salesforce, lead_id: salesforce.delete_lead(INTERACTION, lead_id),
}


@pytest.mark.parametrize(("status", "body"), [(200, HTML), (200, ""), (200, "[]"), (503, HTML)])
@pytest.mark.parametrize("call", CALLS)
def test_no_answer_that_is_none_of_salesforces_counts_as_success(
    salesforce: Salesforce, fake: FakeSalesforce, call: str, status: int, body: str
) -> None:
    record = salesforce.upsert_lead(FIELDS, INTERACTION)
    fake.clock.advance(60)
    fake.faults = [(call, (status, body))]
    with pytest.raises(RetryableDependencyError):
        CALLS[call](salesforce, record.id)
    assert fake.faults == []


def test_a_missing_record_is_told_from_a_page_that_is_missing(
    salesforce: Salesforce, fake: FakeSalesforce
) -> None:
    fake.faults = [("GET Lead", (404, HTML))]
    with pytest.raises(RetryableDependencyError, match="HTTP_404"):
        salesforce.lead("00Q000000000001AAA", "Status")


@pytest.mark.parametrize("call", ["GET Lead", "DELETE Lead"])
def test_a_record_that_may_not_be_touched_is_not_a_missing_one(
    salesforce: Salesforce, fake: FakeSalesforce, call: str
) -> None:
    record = salesforce.upsert_lead(FIELDS, INTERACTION)
    fake.faults = [(call, problem("INSUFFICIENT_ACCESS_OR_READONLY", 403))]
    with pytest.raises(RejectedByDependencyError, match="INSUFFICIENT_ACCESS"):
        CALLS[call](salesforce, record.id)


def test_several_records_of_one_interaction_are_a_matter_for_people(
    salesforce: Salesforce, fake: FakeSalesforce
) -> None:
    for number in (1, 2):
        fake.records["Lead"].append({"Id": f"00Q{number:015}", EXTERNAL_ID: INTERACTION})
    with pytest.raises(RejectedByDependencyError, match="SEVERAL_MATCHES"):
        salesforce.upsert_lead(FIELDS, INTERACTION)


def test_a_records_link_is_known_once_there_is_a_session(
    salesforce: Salesforce, fake: FakeSalesforce
) -> None:
    assert salesforce.record_link("00T000000000001AAA") == ""
    record = salesforce.upsert_lead(FIELDS, INTERACTION)
    assert salesforce.record_link(record.id) == f"{INSTANCE}/{record.id}"


def test_preparing_reads_the_secret_and_makes_no_connection(fake: FakeSalesforce) -> None:
    manager = FakeSecretsManager(**{SETTINGS.salesforce_secret: a_secret()})
    salesforce = a_salesforce(fake, manager)
    salesforce.prepare()
    assert (manager.reads, fake.calls) == (1, [])
    salesforce.close()


def test_functions_without_salesforce_import_nothing_of_it() -> None:
    """14 MB and a fifth of a second that no visitor waits for."""
    code = (
        "import sys, app, chalicelib.salesforce, chalicelib.steps.create_lead\n"
        "import chalicelib.steps.update_lead\n"
        "print([m for m in ('simple_salesforce', 'zeep', 'lxml', 'cryptography', 'requests')"
        " if m in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT / "atlas",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert found.stdout.strip() == "[]"
