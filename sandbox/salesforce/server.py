"""The Salesforce stand-in as one thing: a TLS port, an organisation behind it, and what is set."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sandbox import protocol_errors
from sandbox.conditions import UNAVAILABLE, Conditions
from sandbox.control import Handler
from sandbox.counters import CallCounters
from sandbox.faults import Faults
from sandbox.gateway import CONNECTION_IS_NEW
from sandbox.http_message import (
    Environ,
    HttpRequest,
    HttpResponse,
    StartResponse,
    read_request,
    send,
)
from sandbox.http_server import HttpServer
from sandbox.latency import Latency
from sandbox.other_services import SALESFORCE
from sandbox.salesforce import certificates, control_handlers, duplicates, errors, routes
from sandbox.salesforce.api import Api, wishes_of
from sandbox.salesforce.oauth import Sessions, TokenEndpoint
from sandbox.salesforce.schema import Schema
from sandbox.salesforce.settings import LiveSettings, SettingsError
from sandbox.salesforce.store import Record, Store

CLIENT_ID = "3MVG9sandbox.atlas.connected.app"
USERNAME = "atlas@sandbox.example"
_THREADS = 32

_log = logging.getLogger(__name__)


class SalesforceServer:
    """Listens on 127.0.0.1 over TLS; all its files are in `work_dir`.

    PortInUseError when the port is somebody else's.
    """

    def __init__(
        self,
        work_dir: Path,
        latency: Latency,
        faults: Faults,
        counters: CallCounters,
        port: int = 0,
    ) -> None:
        self._files = certificates.make_tls_files(work_dir)
        tls = (self._files.certificate, self._files.key)
        self._server = HttpServer(None, port, threads=_THREADS, tls=tls)
        self._port = self._server.bind()
        self._key = certificates.make_signing_key()
        self._conditions = Conditions(latency, faults, counters)
        self._settings = LiveSettings()
        self._schema = Schema(self._settings)
        self._store = Store(work_dir / "salesforce.sqlite3")
        self._sessions = Sessions(self._settings)
        self._api = self._make_api()

    def start(self) -> None:
        """Answer from now on."""
        self._server.serve(self._app)

    def close(self) -> None:
        """Let go of the port and of the records; the caller closes `faults`."""
        self._server.close()
        self._store.close()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        return f"https://{self.host}"

    @property
    def ca_file(self) -> str:
        """What a client has to trust, PEM."""
        return str(self._files.ca)

    def secret(self) -> dict[str, str]:
        """What belongs into the secret `atlas/<stage>/salesforce`."""
        return {
            "username": USERNAME,
            "client_id": CLIENT_ID,
            "private_key": certificates.private_pem(self._key),
            "host": self.host,
            "ca_certificate": self._files.ca.read_text(encoding="ascii"),
        }

    @property
    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        """What the control API mounts: settings, and each object's records."""
        return control_handlers.handlers(self)

    def objects(self) -> list[str]:
        """The API names of the objects that it holds."""
        return self._schema.names()

    def records(self, object_name: str) -> list[Record]:
        """The object's records that are not deleted, oldest first; LookupError if there is none.

        Every field that the object has now is there, null or not.
        """
        sobject = self._schema.object(object_name)
        if sobject is None:
            raise LookupError(f"no object {object_name!r}")
        names = [field.name for field in sobject.fields]
        return [{n: record.get(n) for n in names} for record in self._store.all(sobject.name)]

    def settings(self) -> dict[str, Any]:
        """The settings in force and how many requests counted against the limit."""
        return self._settings.to_json() | {"api_requests_used": self._api.used}

    def change(self, body: Mapping[str, Any]) -> None:
        """Change settings; `expire_sessions: true` ends every session. SettingsError if bad."""
        settings = dict(body)
        expire = settings.pop("expire_sessions", False)
        if not isinstance(expire, bool):
            raise SettingsError([f"expire_sessions must be true or false, not {expire!r}"])
        self._settings.change(settings)
        if expire:
            self._sessions.expire()

    def _make_api(self) -> Api:
        public_key = self._key.public_key()
        endpoint = TokenEndpoint(
            self._sessions, public_key, CLIENT_ID, USERNAME, lambda: _urls(self._port)
        )
        return Api(endpoint, self._sessions, self._schema, self._store, self._settings)

    def _app(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        arrived = time.monotonic()
        request = read_request(environ)
        call = routes.identify(request)
        response = self._conditions.meet(
            SALESFORCE,
            call.names,
            arrived,
            bool(environ.get(CONNECTION_IS_NEW)),
            lambda: self._answer(call, request),
            lambda code: self._fault(code, call, request),
        )
        return send(response, start_response)

    def _answer(self, call: routes.Call, request: HttpRequest) -> HttpResponse:
        try:
            return self._api.answer(call, request)
        except Exception as exc:
            _log.exception("salesforce %s failed inside the sandbox", call.operation)
            message = f"The sandbox failed in {call.operation}: {type(exc).__name__}: {exc}"
            return errors.SalesforceError("UNKNOWN_EXCEPTION", message, 500).response()

    def _fault(self, code: str, call: routes.Call, request: HttpRequest) -> HttpResponse:
        is_token = call.operation == "token"
        sobject = self._schema.object(call.object_name)
        if code == errors.DUPLICATES_DETECTED and sobject is not None:
            wishes = wishes_of(call, request)
            if wishes.allow_duplicate:
                return self._api.answer(call, request)
            newest = self._store.all(sobject.name)[-1:]
            return duplicates.error(sobject, newest, wishes).response()
        code = "SERVER_UNAVAILABLE" if code == UNAVAILABLE else code
        return errors.fault_response(code, is_token, protocol_errors.likely_status(code))


def _urls(port: int) -> tuple[str, ...]:
    return (f"https://127.0.0.1:{port}", f"https://localhost:{port}")
