"""Puts one sandbox together: every service behind one gateway on one port."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3

from sandbox.aws_api import REGION
from sandbox.bedrock import BedrockRuntime
from sandbox.control import Control, Health
from sandbox.counters import CallCounters
from sandbox.deployment import ROOT, STAGE, chalice_deploy, environment, release
from sandbox.faults import Faults
from sandbox.gateway import Gateway
from sandbox.http_server import HttpServer
from sandbox.infrastructure import create_tables
from sandbox.lambda_service import LambdaService, Tunables
from sandbox.latency import Latency, TokenTiming
from sandbox.lex import LexModels, LexRuntime, LexState, deploy_bot

BOT_TEMPLATE = ROOT / "infra" / "lex_bot.yaml"
TABLES_TEMPLATE = ROOT / "infra" / "tables.yaml"
LOCALE = "en_US"
LEX_ALIAS = "live"


class Sandbox:
    """A running sandbox; `close` ends its environments, its server and its folder."""

    def __init__(self, port: int, latency: Latency) -> None:
        """Take the port and answer on it; PortInUseError when somebody else has it."""
        self._ends = ExitStack()
        server = HttpServer(None, port)
        self.endpoint = f"http://127.0.0.1:{server.bind()}"
        self._ends.callback(server.close)
        self.work_dir = Path(tempfile.mkdtemp(prefix="atlas-sandbox-"))
        self._ends.callback(shutil.rmtree, self.work_dir, ignore_errors=True)
        self.health = Health()
        self._lex = LexState()
        faults = Faults()
        self._ends.callback(faults.close)
        functions = LambdaService(
            self.endpoint, work_dir=self.work_dir / "lambda", tunables=Tunables()
        )
        self._ends.callback(functions.close)
        bedrock = BedrockRuntime(TokenTiming(latency))
        counters = CallCounters()
        control = Control(
            latency, faults, counters, self.health, functions, bedrock, functions.logs
        )
        services = (functions, LexModels(self._lex), LexRuntime(self._lex, functions), bedrock)
        server.serve(Gateway(services, _moto(), control, latency, faults, counters))

    def client(self, service: str) -> Any:
        """A boto3 client of this sandbox."""
        make: Any = boto3.client  # boto3's stubs know services by literal names only
        return make(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="sandbox",
            aws_secret_access_key="sandbox",  # noqa: S106
        )

    def create_infrastructure(self) -> None:
        """What CloudFormation would have made before the first deployment."""
        create_tables(self.client("dynamodb"), TABLES_TEMPLATE, STAGE)
        deploy_bot(self._lex, BOT_TEMPLATE, STAGE)

    def deploy(self) -> None:
        """`chalice deploy`; DeploymentError says what went wrong."""
        chalice_deploy(self.work_dir, environment(self.endpoint, REGION))

    def release(self) -> None:
        """`ops release`; DeploymentError says what went wrong."""
        release(environment(self.endpoint, REGION))

    def about(self) -> dict[str, str]:
        """Where the released bot is, as the state file says it."""
        lex = self.client("lexv2-models")
        name = {"name": "BotName", "values": [f"atlas-{STAGE}"], "operator": "EQ"}
        bot_id = lex.list_bots(filters=[name])["botSummaries"][0]["botId"]
        aliases = lex.list_bot_aliases(botId=bot_id)["botAliasSummaries"]
        live = next(alias for alias in aliases if alias["botAliasName"] == LEX_ALIAS)
        return {"bot_id": bot_id, "bot_alias_id": live["botAliasId"], "locale_id": LOCALE}

    def close(self) -> None:
        self._ends.close()


def _moto() -> Any:
    from moto.server import DomainDispatcherApplication, create_backend_app

    return DomainDispatcherApplication(create_backend_app)
