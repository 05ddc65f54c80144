"""A zip that many functions share is decoded, kept and unpacked once; requests keep their sense."""

from __future__ import annotations

import base64
import copy
import gc
import json
import random

import pytest
from lambda_harness import ECHO, REGION, call, client, wait_until, zipped
from moto.awslambda import models

from sandbox.lambda_service import uploads

LARGE = random.Random(7).randbytes(100_000)


def encoded(code: bytes) -> str:
    return base64.b64encode(code).decode()


def parsed(spec, decoded=None):
    def decode(text):
        if decoded is not None:
            decoded.append(text)
        return (base64.b64decode(text), 0, "", "")

    return uploads.parse(json.dumps(spec).encode(), decode)


def stored(name):
    return models.lambda_backends["123456789012"][REGION].get_function(name)


def test_the_same_large_zip_is_decoded_once_while_somebody_holds_it():
    decoded: list[str] = []
    first, second = (parsed({"Code": {"ZipFile": encoded(LARGE)}}, decoded) for _ in range(2))
    zips = [spec["Code"]["ZipFile"] for spec in (first, second)]
    assert zips[0].package.content[0] == LARGE
    assert zips[0].package is zips[1].package
    assert decoded == [encoded(LARGE)]


def test_a_zip_that_nobody_holds_is_forgotten():
    decoded: list[str] = []
    for _ in range(2):
        parsed({"ZipFile": encoded(LARGE)}, decoded)
        gc.collect()
    assert len(decoded) == 2


def test_another_zip_of_the_same_length_is_another():
    other = LARGE[:-1] + bytes([LARGE[-1] ^ 1])
    held = [parsed({"ZipFile": encoded(code)})["ZipFile"] for code in (LARGE, other)]
    assert [zip_.package.content[0] for zip_ in held] == [LARGE, other]


@pytest.mark.parametrize(
    "spec",
    [
        {"Code": {"ZipFile": encoded(b"small")}, "FunctionName": "f"},
        {"Code": {"S3Bucket": "b"}, "Description": "x" * 100_000},
        {"Description": '"ZipFile": "' + "A" * 100_000 + '"'},
        {"Variables": {"ZipFile": "mine"}, "Description": "ü" * 70_000},
        {"ZipFile": "A\\" * 50_000},
    ],
)
def test_what_is_no_large_zip_stays_as_it_was_sent(spec):
    assert parsed(spec) == spec


def test_a_variable_of_that_name_is_not_taken_for_the_zip():
    spec = {"Variables": {"ZipFile": "mine"}, "Code": {"ZipFile": encoded(LARGE)}, "Name": "f"}
    got = parsed(spec)
    assert got["Variables"] == {"ZipFile": "mine"}
    assert got["Code"]["ZipFile"].package.content[0] == LARGE
    assert got["Name"] == "f"


def test_a_copy_of_a_specification_holds_the_same_zip():
    upload = parsed({"ZipFile": encoded(LARGE)})["ZipFile"]
    assert copy.deepcopy({"ZipFile": upload})["ZipFile"] is upload


@pytest.mark.parametrize(
    ("path", "length", "large"),
    [
        ("/2015-03-31/functions", 70_000, True),
        ("/2015-03-31/functions/f/code", 70_000, True),
        ("/2018-10-31/layers/l/versions", 70_000, True),
        ("/2015-03-31/functions/f/invocations", 70_000, False),
        ("/2015-03-31/functions", 60_000, False),
    ],
)
def test_only_a_large_request_that_brings_code_is_treated_as_one(path, length, large):
    assert uploads.is_large(path, length) is large


def test_functions_and_versions_of_one_deployment_hold_their_zip_once(account, service):
    code = zipped({"app.py": ECHO, "data.bin": LARGE})
    for name in ("f", "g"):
        account.create(code, name)
        account.publish("one", name)
    held = {id(stored(name).code_bytes) for name in ("f", "g")}
    assert len(held) == 1
    assert stored("f").code_bytes == code
    answer = client("lambda").get_function(FunctionName="f")["Configuration"]
    assert (answer["CodeSize"], answer["CodeSha256"]) == (len(code), stored("g").code_sha_256)


def test_a_large_function_is_updated_and_runs(account, service):
    account.create(zipped({"app.py": ECHO, "data.bin": LARGE}))
    changed = zipped({"app.py": "def handler(e, c):\n    return 2\n", "data.bin": LARGE})
    client("lambda").update_function_code(FunctionName="f", ZipFile=changed)
    assert call(service, "Invoke", FunctionName="f", Payload=b"{}")["Payload"] == b"2"


def test_code_is_unpacked_before_anybody_invokes_it(account, service, tmp_path):
    account.create(zipped({"app.py": ECHO, "lib/part.py": "X = 1\n"}))
    wait_until(lambda: list(tmp_path.glob("**/code/*/lib/part.py")))
    assert not service.environments()


def test_a_broken_zip_is_told_to_who_invokes_it_and_not_to_who_uploads_it(account, service):
    account.create(b"no zip")
    with pytest.raises(Exception, match="unable to unzip"):
        call(service, "Invoke", FunctionName="f", Payload=b"{}")
