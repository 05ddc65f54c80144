"""Which operation of which service a request means, named as botocore names them."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import parse_qsl, unquote

from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader, create_loader
from botocore.model import OperationModel, ServiceModel

from sandbox.http_message import HttpRequest

UNKNOWN = "unknown"

# A signing name that is not botocore's service name, or is shared by several services.
_SERVICES_BY_SIGNING_NAME: dict[str, tuple[str, ...]] = {
    "bedrock": ("bedrock-runtime", "bedrock", "bedrock-agent-runtime", "bedrock-agent"),
    "email": ("sesv2", "ses"),
    "lex": ("lexv2-runtime", "lexv2-models", "lex-runtime", "lex-models"),
    "monitoring": ("cloudwatch",),
    "states": ("stepfunctions",),
    "tagging": ("resourcegroupstaggingapi",),
}
_SERVICE_BY_TARGET_PREFIX = {"DynamoDBStreams_20120810": "dynamodbstreams"}
_CREDENTIAL = re.compile(r"Credential=[^/,]*/\d{8}/[^/]*/([^/]+)/aws4_request")
_RPC_PATH = re.compile(r"^/service/[^/]+/operation/([^/]+)$")
_LABEL = re.compile(r"\{([^}]+)\}")


@dataclass(frozen=True, slots=True)
class Call:
    """One call; `labels` are the URI's decoded labels, empty outside REST protocols."""

    service: str
    operation: str
    protocol: str
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Route:
    operation: str
    pattern: re.Pattern[str]
    label_names: tuple[str, ...]
    constants: tuple[tuple[str, str], ...]
    required_query: frozenset[str]
    required_headers: frozenset[str]
    literal_length: int

    def accepts(self, query: dict[str, str], headers: frozenset[str]) -> bool:
        return (
            all(query.get(key) == value for key, value in self.constants)
            and self.required_headers <= headers
        )

    def rank(self, query: dict[str, str]) -> tuple[int, int, int, int]:
        """Higher is more specific; a missing required member makes a route the last resort."""
        missing = len(self.required_query - query.keys())
        located = len(self.required_query) + len(self.required_headers)
        return (-missing, len(self.constants), located, self.literal_length)


class RouteTable:
    """The REST routes of one service model."""

    def __init__(self, model: ServiceModel) -> None:
        self._routes: dict[str, list[_Route]] = defaultdict(list)
        for name in model.operation_names:
            operation = model.operation_model(name)
            self._routes[operation.http["method"]].append(_route(operation))

    def match(self, request: HttpRequest) -> tuple[str, dict[str, str]] | None:
        """The operation's name and its URI labels, or None when no route fits."""
        query = dict(request.query_pairs())
        headers = frozenset(request.headers)
        path = request.path.rstrip("/") or "/"
        found = [
            (route.rank(query), route, match)
            for route in self._routes[request.method]
            if (match := route.pattern.fullmatch(path)) and route.accepts(query, headers)
        ]
        if not found:
            return None
        _, route, match = max(found, key=lambda item: item[0])
        values = (unquote(value) for value in match.groups())
        return route.operation, dict(zip(route.label_names, values, strict=True))


def identify(request: HttpRequest) -> Call:
    """Name the call by what was really sent: a client may speak any protocol of a service."""
    services = _candidate_services(request)
    if target := request.headers.get("x-amz-target"):
        prefix, _, operation = target.rpartition(".")
        return Call(_SERVICE_BY_TARGET_PREFIX.get(prefix, services[0]), operation, "json")
    if match := _RPC_PATH.match(request.path):
        return Call(services[0], match[1], "smithy-rpc-v2-cbor")
    if action := _query_action(request):
        return Call(services[-1], action, "query")
    return _rest_call(services, request)


def signing_name(request: HttpRequest) -> str | None:
    """The service in the signature's credential scope, of a signed or of a presigned request."""
    scope = request.headers.get("authorization", "")
    if not scope and "X-Amz-Credential" in request.query:
        scope = "Credential=" + dict(request.query_pairs())["X-Amz-Credential"]
    match = _CREDENTIAL.search(scope)
    return match[1].lower() if match else None


@cache
def service_model(service: str) -> ServiceModel | None:
    """botocore's model of a service; None for a name that botocore does not know."""
    try:
        return ServiceModel(_loader().load_service_model(service, "service-2"), service)
    except UnknownServiceError:
        return None


@cache
def service_names() -> frozenset[str]:
    return frozenset(_loader().list_available_services("service-2"))


@cache
def _loader() -> Loader:
    return create_loader()


@cache
def _route_table(service: str) -> RouteTable | None:
    model = service_model(service)
    if model is None or not model.metadata["protocol"].startswith("rest"):
        return None
    return RouteTable(model)


def _candidate_services(request: HttpRequest) -> tuple[str, ...]:
    name = signing_name(request)
    if name is None:
        # Unsigned REST calls (an anonymous S3 read, a Bedrock API key) are told by their path.
        return ("bedrock-runtime",) if request.path.startswith("/model/") else ("s3",)
    return _SERVICES_BY_SIGNING_NAME.get(name, (name,))


def _rest_call(services: tuple[str, ...], request: HttpRequest) -> Call:
    for service in services:
        table = _route_table(service)
        if table and (found := table.match(request)):
            model = service_model(service)
            protocol = model.metadata["protocol"] if model else "rest-json"
            return Call(service, found[0], protocol, found[1])
    return Call(services[0], UNKNOWN, "rest-xml" if services[0] == "s3" else "rest-json")


def _query_action(request: HttpRequest) -> str | None:
    pairs = request.query_pairs()
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        pairs = pairs + parse_qsl(request.body.decode("utf-8", "replace"))
    return dict(pairs).get("Action")


def _route(operation: OperationModel) -> _Route:
    template, _, constants = operation.http["requestUri"].partition("?")
    template = template.rstrip("/") or "/"
    parts = _LABEL.split(template)
    labels = parts[1::2]
    return _Route(
        operation=operation.name,
        pattern=re.compile("".join(_pattern_pieces(parts))),
        label_names=tuple(label.rstrip("+") for label in labels),
        constants=tuple(parse_qsl(constants, keep_blank_values=True)),
        required_query=_required(operation, "querystring"),
        required_headers=_required(operation, "header"),
        literal_length=sum(len(part) for part in parts[::2]),
    )


def _pattern_pieces(parts: list[str]) -> list[str]:
    label_pattern = {True: "(.+)", False: "([^/]+)"}
    return [
        label_pattern[part.endswith("+")] if index % 2 else re.escape(part)
        for index, part in enumerate(parts)
    ]


def _required(operation: OperationModel, location: str) -> frozenset[str]:
    shape = operation.input_shape
    if shape is None:
        return frozenset()
    members = (shape.members[name] for name in shape.required_members)
    names = (
        m.serialization["name"] for m in members if m.serialization.get("location") == location
    )
    return frozenset(name.lower() if location == "header" else name for name in names)
