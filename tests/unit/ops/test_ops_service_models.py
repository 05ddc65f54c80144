"""botocore's data cut to what Atlas calls: less of it, and of what is left nothing is different."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.loaders import Loader
from botocore.regions import EndpointResolver
from urllib3 import HTTPResponse

from ops import service_models
from ops.stage_files import ROOT

CHALICELIB = ROOT / "atlas/chalicelib"
WHOLE = Path(botocore.__file__).parent / "data"
SERVICES = service_models.services(CHALICELIB)
REGIONS = (
    "us-east-1",
    "us-west-2",
    "eu-central-1",
    "ap-southeast-2",
    "us-gov-west-1",
    "cn-north-1",
)


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The services' folders and one more, cut."""
    data = tmp_path_factory.mktemp("botocore") / "data"
    data.mkdir()
    for name in (*SERVICES, "sqs"):
        shutil.copytree(WHOLE / name, data / name)
    for file in (path for path in WHOLE.iterdir() if path.is_file()):
        shutil.copyfile(file, data / file.name)
    service_models.cut(data, SERVICES, service_models.words(CHALICELIB))
    return data


def model(data: Path, service: str, kind: str = "service-2") -> Any:
    loader = Loader(extra_search_paths=[str(data)], include_default_search_paths=False)
    return loader.load_service_model(service, kind)


def undocumented(node: Any) -> Any:
    if isinstance(node, dict):
        kept = {k: v for k, v in node.items() if k != "documentation" or not isinstance(v, str)}
        return {key: undocumented(value) for key, value in kept.items()}
    return [undocumented(each) for each in node] if isinstance(node, list) else node


def test_the_services_are_those_that_clients_builds() -> None:
    source = (CHALICELIB / "clients.py").read_text(encoding="utf-8")
    assert source.count("self._client(") >= len(SERVICES) > 5
    assert all(f'self._client("{name}"' in source for name in SERVICES)


def test_only_their_folders_are_left(cut: Path) -> None:
    assert sorted(path.name for path in cut.iterdir() if path.is_dir()) == SERVICES


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_left_of_a_model_is_as_it_was(cut: Path, service: str) -> None:
    whole, left = model(WHOLE, service), model(cut, service)
    assert left["metadata"] == whole["metadata"]
    assert left["operations"]
    for part in ("operations", "shapes"):
        assert left[part].keys() <= whole[part].keys()
        for name, content in left[part].items():
            # Their order has a meaning in signing and in XML.
            assert json.dumps(content) == json.dumps(undocumented(whole[part][name])), name


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_found_by_the_same_rules(cut: Path, service: str) -> None:
    kind = "endpoint-rule-set-1"
    assert model(cut, service, kind) == undocumented(model(WHOLE, service, kind))
    prefix = model(cut, service)["metadata"]["endpointPrefix"]
    resolvers = [
        EndpointResolver(json.loads((data / "endpoints.json").read_bytes()))
        for data in (WHOLE, cut)
    ]
    for region in REGIONS:
        whole, left = (each.construct_endpoint(prefix, region) for each in resolvers)
        assert left == whole, region


def test_every_operation_whose_method_is_named_in_the_code_is_kept(
    cut: Path, tmp_path: Path
) -> None:
    (tmp_path / "one.py").write_text('client.get_item(x)\ntable.call("put_item")\nget = "other"\n')
    assert {"get_item", "put_item"} <= service_models.words(tmp_path)
    called = service_models.called(CHALICELIB)
    assert {"GetItem", "UpdateItem", "TransactWriteItems"} <= set(called["dynamodb"])
    assert called["bedrock-runtime"] == ["ConverseStream"]
    assert called == {name: list(model(cut, name)["operations"]) for name in SERVICES}
    assert len(called["connect"]) < 10


def test_what_botocore_calls_by_itself_is_kept(cut: Path) -> None:
    kept = {xform_name(name) for name in model(cut, "s3")["operations"]}
    assert {"head_bucket", "create_session", "get_object"} <= kept


@pytest.mark.parametrize("service", SERVICES)
def test_botocore_asks_with_what_is_left(cut: Path, service: str) -> None:
    """A whole call of every operation, with an answer from no network."""
    session = botocore.session.Session()
    loader = Loader(extra_search_paths=[str(cut)], include_default_search_paths=False)
    session.register_component("data_loader", loader)
    client = session.create_client(
        service,
        region_name="us-east-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="example",
        config=Config(retries={"total_max_attempts": 1}),
    )
    client.meta.events.register("before-send", refused)
    with closing(client):
        for name in model(cut, service)["operations"]:
            shape = client.meta.service_model.operation_model(name).input_shape
            with pytest.raises(ClientError, match=name):
                getattr(client, xform_name(name))(**(least(shape) if shape else {}))


def refused(request: Any, **_: Any) -> AWSResponse:
    body = b"<ErrorResponse><Error><Code>Refused</Code></Error></ErrorResponse>"
    return AWSResponse(request.url, 400, {}, HTTPResponse(BytesIO(body), preload_content=False))


def least(shape: Any) -> Any:
    """The smallest value that botocore takes for a shape."""
    match shape.type_name:
        case "structure":
            return {name: least(shape.members[name]) for name in shape.required_members}
        case "list":
            return [least(shape.member)] * shape.metadata.get("min", 0)
        case "map" | "blob" as kind:
            return {"map": {}, "blob": b""}[kind]
        case "string":
            return shape.enum[0] if shape.enum else "a" * max(3, shape.metadata.get("min", 0))
        case "boolean":
            return True
    return shape.metadata.get("min", 1)
