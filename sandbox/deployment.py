"""What stands between an empty sandbox and a bot that answers: stack, bot, deploy, release."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config

from infra.state_machine import LOCAL_PARAMETERS
from sandbox import chalice_deploy, stack
from sandbox.aws_api import REGION
from sandbox.local_environment import ACCESS_KEY, SECRET_KEY, child_environment
from sandbox.steps import StartError, run

STAGE = "local"
LEX_ALIAS = "live"
LOCALE = "en_US"
RELEASE_LIMIT_SECONDS = 180.0

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Bot:
    """How to talk to the deployed bot."""

    bot_id: str
    bot_alias_id: str
    locale_id: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """Everything `serve` does before the bot answers, from the repository at `root`."""

    root: Path
    work_dir: Path
    endpoint: str
    deploy_bot: Callable[[Path, str], None]
    progress: Progress
    outer_environ: Mapping[str, str]
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    # One for all clients: each session reads botocore's data anew.
    _session: Any = field(default_factory=botocore.session.get_session)

    def run(self) -> Bot:
        """Deploy and release; StartError says which step failed, with its last lines."""
        environment = child_environment(self.endpoint, self.outer_environ)
        packages = self.root / ".sandbox" / "packages"
        project = chalice_deploy.prepare(self.root / "atlas", self.work_dir, packages)
        with ThreadPoolExecutor(1) as beside:
            # Chalice is a process of its own and needs none of it.
            stacks = beside.submit(self._create_stacks)
            self._deploy(project, environment)
            stacks.result()
        self._release(environment)
        self.progress(f"python -m ops release --stage {STAGE}")
        return self._find_bot()

    def _create_stacks(self) -> None:
        """What the functions use; the workflow first, since its key is the tables' key."""
        infra, client_of = self.root / "infra", functools.cache(self._client)
        for name, parameters in (("lead_workflow", LOCAL_PARAMETERS), ("tables", {})):
            made = stack.create(infra / f"{name}.yaml", STAGE, client_of, parameters)
            self.progress(f"infra/{name}.yaml: created {len(made)} resources")
        for name, value in self.secrets.items():
            client_of("secretsmanager").put_secret_value(
                SecretId=name, SecretString=json.dumps(value)
            )
        try:
            self.deploy_bot(infra / "lex_bot.yaml", STAGE)
        except Exception as exc:
            raise StartError(f"infra/lex_bot.yaml cannot be deployed: {exc}") from exc
        self.progress("built the Lex bot's draft")

    def _deploy(self, project: chalice_deploy.Project, environment: Mapping[str, str]) -> None:
        was_there = project.deploy(STAGE, environment)
        package = "the kept package" if was_there else "a new package"
        self.progress(f"chalice deploy --stage {STAGE}, with {package}")

    def _release(self, environment: dict[str, str]) -> None:
        # Whoever measures a cold cache, or starts twenty times a day, warms when they mean to.
        command = [sys.executable, "-m", "ops", "release", "--stage", STAGE, "--no-warming"]
        finished = run(command, self.root, environment, RELEASE_LIMIT_SECONDS)
        if finished.returncode:
            raise StartError("python -m ops release failed:\n" + finished.last_lines())

    def _find_bot(self) -> Bot:
        lex = self._client("lexv2-models")
        bot_id = _id_of(lex.list_bots()["botSummaries"], "bot", f"atlas-{STAGE}")
        aliases = lex.list_bot_aliases(botId=bot_id)["botAliasSummaries"]
        return Bot(bot_id, _id_of(aliases, "botAlias", LEX_ALIAS), LOCALE)

    def _client(self, service: str) -> Any:
        return self._session.create_client(
            service,
            region_name=REGION,
            endpoint_url=self.endpoint,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(retries={"total_max_attempts": 1}),
        )


def _id_of(summaries: list[dict[str, str]], kind: str, name: str) -> str:
    for summary in summaries:
        if summary[f"{kind}Name"] == name:
            return summary[f"{kind}Id"]
    raise StartError(f"the release left no {kind} {name}")
