"""Connect, Transcribe and S3 as botocore's models have them, and their errors by meaning."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from chalicelib.account import Account
from chalicelib.errors import (
    ConfigError,
    DependencyError,
    RejectedByDependencyError,
    RetryableDependencyError,
    ThrottledError,
)
from chalicelib.lead import Lead
from chalicelib.recordings import S3Recordings, bucket_name
from chalicelib.telephony import CallingLine, ConnectTelephony, client_token
from chalicelib.transcription import (
    TranscribeJobs,
    Transcription,
    job_name,
    key_alias,
    whose_job,
)
from tests.fakes import SETTINGS
from tests.lead_world import INTERACTION, PHONE, ROOT, FunctionContext

CONTACT = "4f1c2a9e-7b35-4a0e-9d51-6c0b2f8e7a13"
BUCKET = "atlas-local-recordings-123456789012"
KEY = "connect/a b+c%20d/CallRecordings/2027/01/15/x_20270115T08:00_UTC.wav"
LINE = CallingLine(
    SETTINGS.connect_instance_id,
    SETTINGS.connect_contact_flow_id,
    SETTINGS.connect_source_phone_number,
    30,
)
LEAD = Lead(
    INTERACTION, "consented", "Maria Lopez", PHONE, "hash", "en_US", "s", call_key="cd" * 16
)
REQUEST = {
    "DestinationPhoneNumber": PHONE,
    "ContactFlowId": LINE.connect_contact_flow_id,
    "InstanceId": LINE.connect_instance_id,
    "SourcePhoneNumber": LINE.connect_source_phone_number,
    "ClientToken": client_token(INTERACTION),
    "Attributes": {"interactionKey": INTERACTION + "cd" * 16},
    "RingTimeoutInSeconds": 30,
}
TASK = Transcription(f"atlas-local-{INTERACTION}-1", BUCKET, KEY, "transcripts/x/1.json", "en-US")


class Stubbed:
    """A client that checks every request and answer against the service's model."""

    def __init__(self, service: str) -> None:
        config = Config(retries={"total_max_attempts": 1})
        session = botocore.session.get_session()
        self.client = session.create_client(service, "us-east-1", config=config)
        self.stub = Stubber(self.client)
        self.stub.activate()

    def fails(self, operation: str, code: str, status: int = 400) -> None:
        self.stub.add_client_error(operation, code, "+1 415 555 0132", status)

    def close(self) -> None:
        self.stub.assert_no_pending_responses()
        self.client.close()


@pytest.fixture
def service(request: pytest.FixtureRequest) -> Iterator[Stubbed]:
    stubbed = Stubbed(request.param)
    yield stubbed
    stubbed.close()


def connect(stubbed: Stubbed) -> ConnectTelephony:
    return ConnectTelephony(lambda: stubbed.client, LINE)


on_connect = pytest.mark.parametrize("service", ["connect"], indirect=True)
on_transcribe = pytest.mark.parametrize("service", ["transcribe"], indirect=True)
on_s3 = pytest.mark.parametrize("service", ["s3"], indirect=True)


@on_connect
def test_a_call_carries_its_key_its_token_and_no_name(service: Stubbed) -> None:
    service.stub.add_response("start_outbound_voice_contact", {"ContactId": CONTACT}, REQUEST)
    assert connect(service).place_call(LEAD) == CONTACT


def test_the_client_token_is_one_per_interaction_and_tells_nothing_of_it() -> None:
    assert client_token(INTERACTION) == client_token(INTERACTION)
    assert client_token(INTERACTION) != client_token("cd" * 16)
    assert INTERACTION not in client_token(INTERACTION)
    assert len(client_token(INTERACTION)) <= 500


ERRORS = [
    ("DestinationNotAllowedException", 403, RejectedByDependencyError),
    ("OutboundContactNotPermittedException", 403, RejectedByDependencyError),
    ("InvalidRequestException", 400, RejectedByDependencyError),
    ("InvalidParameterException", 400, RejectedByDependencyError),
    ("LimitExceededException", 429, ThrottledError),
    ("ThrottlingException", 429, ThrottledError),
    ("TooManyRequestsException", 429, ThrottledError),
    ("InternalServiceException", 500, RetryableDependencyError),
    ("ResourceNotFoundException", 404, RetryableDependencyError),
    ("AccessDeniedException", 403, RetryableDependencyError),
]


@on_connect
@pytest.mark.parametrize(("code", "status", "expected"), ERRORS)
def test_connects_errors_are_translated_by_meaning(
    service: Stubbed, code: str, status: int, expected: type[DependencyError]
) -> None:
    service.fails("start_outbound_voice_contact", code, status)
    with pytest.raises(DependencyError) as caught:
        connect(service).place_call(LEAD)
    assert type(caught.value) is expected
    assert str(caught.value) == f"connect: {code}"


def test_a_call_without_an_answer_from_connect_may_be_asked_for_again() -> None:
    class Silent:
        def start_outbound_voice_contact(self, **request: Any) -> Any:
            raise ReadTimeoutError(endpoint_url="https://connect.example")

    with pytest.raises(RetryableDependencyError, match="ReadTimeoutError"):
        ConnectTelephony(Silent, LINE).place_call(LEAD)


@on_connect
def test_a_contacts_recordings_are_where_its_record_says(service: Stubbed) -> None:
    place = f"{BUCKET}/{KEY}"
    contact = {"Recordings": [{"StorageType": "S3", "Location": place}, {"Status": "DELETED"}]}
    expected = {"InstanceId": LINE.connect_instance_id, "ContactId": CONTACT}
    service.stub.add_response("describe_contact", {"Contact": contact}, expected)
    service.stub.add_response("describe_contact", {"Contact": {}}, expected)
    assert connect(service).recording_locations(CONTACT) == (place,)
    assert connect(service).recording_locations(CONTACT) == ()


def test_without_a_line_the_function_does_not_start() -> None:
    def never() -> Any:
        raise AssertionError("no client without a configuration")

    line = CallingLine("", LINE.connect_contact_flow_id, "", 30)
    with pytest.raises(ConfigError, match=r"ops/team\.toml") as caught:
        ConnectTelephony(never, line).prepare()
    assert [problem.split()[0] for problem in caught.value.problems] == [
        "connect_instance_id",
        "connect_source_phone_number",
    ]


def test_with_a_line_the_client_is_built_before_the_first_call() -> None:
    built: list[bool] = []
    ConnectTelephony(lambda: built.append(True), LINE).prepare()
    assert built == [True]


def jobs(service: Stubbed) -> TranscribeJobs:
    account = Account(lambda: None)
    account.learn(FunctionContext.invoked_function_arn)
    return TranscribeJobs(lambda: service.client, account, key_alias("local"))


@on_transcribe
def test_a_job_reads_the_raw_key_and_writes_under_the_stages_key_beside_the_recording(
    service: Stubbed,
) -> None:
    expected = {
        "TranscriptionJobName": TASK.name,
        "LanguageCode": "en-US",
        "Media": {"MediaFileUri": f"s3://{BUCKET}/{KEY}"},
        "OutputBucketName": BUCKET,
        "OutputKey": "transcripts/x/1.json",
        "OutputEncryptionKMSKeyId": "arn:aws:kms:us-east-1:123456789012:alias/atlas-local",
        "Settings": {"ShowSpeakerLabels": True, "MaxSpeakerLabels": 2},
    }
    service.stub.add_response("start_transcription_job", {"TranscriptionJob": {}}, expected)
    assert jobs(service).start(TASK)


@on_transcribe
def test_a_job_that_is_there_is_not_started_again(service: Stubbed) -> None:
    service.fails("start_transcription_job", "ConflictException", 409)
    assert not jobs(service).start(TASK)


@on_transcribe
@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("LimitExceededException", 429, ThrottledError),
        ("InternalFailureException", 500, RetryableDependencyError),
        ("BadRequestException", 400, RejectedByDependencyError),
    ],
)
def test_transcribes_errors_are_translated_by_meaning(
    service: Stubbed, code: str, status: int, expected: type[DependencyError]
) -> None:
    service.fails("start_transcription_job", code, status)
    with pytest.raises(DependencyError) as caught:
        jobs(service).start(TASK)
    assert type(caught.value) is expected
    assert str(caught.value) == f"transcribe: {code}"


@on_transcribe
def test_a_jobs_record_is_deleted_and_a_missing_one_is_no_error(service: Stubbed) -> None:
    named = {"TranscriptionJobName": TASK.name}
    service.stub.add_response("delete_transcription_job", {}, named)
    service.fails("delete_transcription_job", "NotFoundException")
    service.fails("delete_transcription_job", "BadRequestException")
    for _ in range(3):
        jobs(service).delete(TASK.name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "atlas-local-",
        "another-job",
        f"atlas-dev-{INTERACTION}-1",
        f"atlas-local-{INTERACTION}",
        f"atlas-local-{INTERACTION}-0",
        f"atlas-local-{INTERACTION}-1-2",
        f"atlas-local-{INTERACTION.upper()}-1",
    ],
)
def test_a_job_of_somebody_else_belongs_to_no_interaction(name: str) -> None:
    assert whose_job("local", name) is None


def test_the_bucket_is_the_one_that_the_template_makes() -> None:
    template = (ROOT / "infra" / "lead_workflow.yaml").read_text(encoding="utf-8")
    assert "Fn::Sub: " + bucket_name("${Stage}", "${AWS::AccountId}") in template


def test_a_jobs_name_tells_whose_it_is_and_which_attempt() -> None:
    assert whose_job("prod", job_name("prod", INTERACTION, 2)) == (INTERACTION, 2)


def body(content: bytes) -> StreamingBody:
    return StreamingBody(io.BytesIO(content), len(content))


@on_s3
def test_an_object_is_read_up_to_its_bound(service: Stubbed) -> None:
    wanted = {"Bucket": BUCKET, "Key": "k"}
    service.stub.add_response("get_object", {"Body": body(b"12345")}, wanted)
    service.stub.add_response("get_object", {"Body": body(b"123456")}, wanted)
    recordings = S3Recordings(lambda: service.client)
    assert recordings.read(BUCKET, "k", limit=5) == b"12345"
    with pytest.raises(RejectedByDependencyError, match="ObjectTooLarge"):
        recordings.read(BUCKET, "k", limit=5)


@on_s3
@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("NoSuchKey", 404, RejectedByDependencyError),
        ("SlowDown", 503, RetryableDependencyError),
    ],
)
def test_s3s_errors_are_translated_by_meaning(
    service: Stubbed, code: str, status: int, expected: type[DependencyError]
) -> None:
    service.fails("get_object", code, status)
    with pytest.raises(DependencyError) as caught:
        S3Recordings(lambda: service.client).read(BUCKET, "k")
    assert type(caught.value) is expected


@on_s3
def test_all_that_a_lead_left_in_s3_is_deleted(service: Stubbed) -> None:
    lead = Lead(
        *(INTERACTION, "erasing", "", "", "", "en_US", ""),
        recording_bucket=BUCKET,
        recording_key=KEY,
    )
    for key in (KEY, f"transcripts/{INTERACTION}/1.json", f"transcripts/{INTERACTION}/2.json"):
        service.stub.add_response("delete_object", {}, {"Bucket": BUCKET, "Key": key})
    S3Recordings(lambda: service.client).delete_of(lead)


@on_s3
def test_a_lead_without_a_recording_left_nothing_in_s3(service: Stubbed) -> None:
    S3Recordings(lambda: service.client).delete_of(LEAD)
