"""Fifty environments miss the same answer at the same moment: how many of them ask a model.

    python -m bench.single_flight [--environments 50] [--slower 5] [--runs 3] [--table-in-process]

Starts a sandbox of its own with the latencies `reported`. An environment is a set of services of
its own (memory, table, streams, hand-off) in a thread of its own; calls go over real HTTP. In the
second half the one that got the lease is a process that is killed while its model answers.

Fifty environments on one machine share two cores: at full speed fifty signed requests at once, and
the table that serves them, take more than the table's 120 ms. So there are two ways to leave the
machine out. `--slower` multiplies latencies, deadline and waits alike. `--table-in-process` is for
full speed: the table is the tests' (held to moto's contract), takes its reported 50 ms asleep, and
costs neither a signature nor a socket; models and Lambda stay behind real HTTP.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config

from bench.figures import load, table
from bench.site import Site, own_site, progress
from sandbox.latency import Latency
from sandbox.local_environment import aws_variables

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "atlas"))

from chalicelib import single_flight  # noqa: E402
from chalicelib.answer import Answer  # noqa: E402
from chalicelib.answer_table import LEASE_SECONDS, AnswerTable  # noqa: E402
from chalicelib.answers import answer_key, grounded_answer  # noqa: E402
from chalicelib.background import Background  # noqa: E402
from chalicelib.bedrock import BedrockModels  # noqa: E402
from chalicelib.breakers import Breakers  # noqa: E402
from chalicelib.content import Contents  # noqa: E402
from chalicelib.deadline import Deadline  # noqa: E402
from chalicelib.intents.grounded import ABOUT_TECHNOLOGY  # noqa: E402
from chalicelib.questions import Question  # noqa: E402
from chalicelib.response_cache import ResponseCache  # noqa: E402
from chalicelib.services import Services, build_services  # noqa: E402
from chalicelib.settings import Settings  # noqa: E402
from ops.environment import environment  # noqa: E402
from tests.fakes import FakeDynamoDb  # noqa: E402

DEADLINE_SECONDS = 0.8
WORDS = "what technology do you use"
_AS_HOLDER = "--as-holder"
_WAITS = (
    *("TABLE_WAIT_SECONDS", "BESIDE_SECONDS", "HAND_OFF_SECONDS"),
    *("POLL_SECONDS", "FIRST_LOOK_SECONDS"),
)
_LIMIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Round:
    """What one moment of many askers came to; `calls` are the model's, as the sandbox counts."""

    name: str
    answers: Sequence[Answer]
    calls: int
    seconds: float

    def row(self) -> tuple[str, ...]:
        sources = Counter(str(answer.source) for answer in self.answers)
        told = ", ".join(f"{count} {source}" for source, count in sources.most_common())
        return (self.name, str(self.calls), told, f"{self.seconds:.2f}")


class TableInProcess(FakeDynamoDb):
    """Takes the reported time of a kept connection for each call."""

    def __init__(self, slower: float) -> None:
        super().__init__()
        self._latency = Latency("reported", slower)

    def delete_item(self, **_: Any) -> None:
        self.items.clear()

    def _called(self, operation: str) -> None:
        time.sleep(self._latency.seconds("dynamodb", operation, connection_is_new=False))
        super()._called(operation)


class Environments:
    """Sets of services before one sandbox; they share nothing but the machine and its sockets."""

    def __init__(self, site: Site, count: int, slower: float, *, in_process: bool) -> None:
        self.site, self._slower = site, slower
        self.is_table_in_process = in_process
        os.environ.update(environment("local") | aws_variables(site.address.endpoint))
        for name in _WAITS:
            setattr(single_flight, name, getattr(single_flight, name) * slower)
        base = build_services(Settings.from_env(), Contents.load())
        self._clients = {name: _client(name, count) for name in ("dynamodb", "bedrock-runtime")}
        if in_process:
            self._clients["dynamodb"] = TableInProcess(slower)
        self.services = [self._environment(base) for _ in range(count)]
        content = base.contents.in_locale("en_US")
        self.question: Question = ABOUT_TECHNOLOGY.question(WORDS, content, "chat")

    def _environment(self, base: Services) -> Services:
        name = base.settings.response_cache_table
        return replace(
            base,
            models=BedrockModels(lambda: self._clients["bedrock-runtime"], Breakers()),
            response_cache=ResponseCache(AnswerTable(lambda: self._clients["dynamodb"], name)),
            background=Background(
                lambda: self.site.client("lambda"), base.settings.generate_answer_function, base.log
            ),
        )

    @property
    def key(self) -> str:
        return answer_key(self.question, self.services[0])

    def lease_to_nobody(self) -> None:
        """For a table that the holder's process cannot reach."""
        self.services[0].response_cache.table.claim(self.key)

    def warm_connections(self) -> None:
        """A connection for each, so that none is timed with its handshake."""
        with ThreadPoolExecutor(len(self.services)) as pool:
            list(pool.map(lambda s: s.response_cache.table.read("probe"), self.services))

    def forget(self) -> None:
        """Neither the table nor any memory knows an answer, and the counters are at zero."""
        key = self.key
        name = self.services[0].settings.response_cache_table
        self._clients["dynamodb"].delete_item(TableName=name, Key={"key": {"S": key}})
        base = self.services[0]
        self.services = [self._environment(base) for _ in self.services]
        self.site.post("reset", {})

    def ask(self, name: str) -> Round:
        """All at once."""
        barrier = threading.Barrier(len(self.services))

        def ask_one(services: Services) -> Answer:
            barrier.wait(_LIMIT_SECONDS)
            deadline = Deadline.after(DEADLINE_SECONDS * self._slower)
            return grounded_answer(self.question, deadline, services)

        begun = time.monotonic()
        with ThreadPoolExecutor(len(self.services)) as pool:
            answers = list(pool.map(ask_one, self.services))
        return Round(name, answers, self.model_calls(), time.monotonic() - begun)

    def model_calls(self) -> int:
        return sum(self.site.get("calls").get("bedrock-runtime", {}).values())


def _client(service: str, count: int) -> Any:
    # One client, a connection each: a client for each environment would be fifty copies of the
    # service models, and no other table.
    config = Config(max_pool_connections=2 * count, retries={"total_max_attempts": 1})
    return botocore.session.get_session().create_client(service, config=config)


def killed_holder(environments: Environments) -> None:
    """A process takes the lease, asks the model, and is killed before it has the answer."""
    command = [sys.executable, "-m", "bench.single_flight", _AS_HOLDER]
    with subprocess.Popen(command, cwd=ROOT, env=dict(os.environ)) as holder:  # noqa: S603
        try:
            environments.site.wait("the holder's call", environments.model_calls, _LIMIT_SECONDS)
        finally:
            holder.send_signal(signal.SIGKILL)
    if environments.is_table_in_process:
        environments.lease_to_nobody()


def be_the_holder() -> None:
    """The killed process's life."""
    services = build_services(Settings.from_env(), Contents.load(), in_background=True)
    content = services.contents.in_locale("en_US")
    question = ABOUT_TECHNOLOGY.question(WORDS, content, "chat")
    claim = services.response_cache.table.claim(answer_key(question, services))
    grounded_answer.make_and_store(question, claim, Deadline.after(_LIMIT_SECONDS), services)


def run(environments: Environments, runs: int) -> list[Round]:
    """Every round, of which those after a kill count the killed one's call as well."""
    rounds = []
    for number in range(1, runs + 1):
        environments.forget()
        rounds.append(environments.ask(f"{number}: nobody has it"))
    environments.forget()
    killed_holder(environments)
    rounds.append(environments.ask("the holder was killed, its lease runs"))
    time.sleep(LEASE_SECONDS)
    rounds.append(environments.ask("its lease is over"))
    return rounds


def main() -> None:
    parser = argparse.ArgumentParser(description="Concurrent identical misses.")
    parser.add_argument("--environments", type=int, default=50)
    parser.add_argument("--slower", type=float, default=5.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--table-in-process", action="store_true")
    parser.add_argument(_AS_HOLDER, action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.as_holder:
        be_the_holder()
        return
    with own_site("reported", arguments.slower) as site:
        environments = Environments(
            site,
            arguments.environments,
            arguments.slower,
            in_process=arguments.table_in_process,
        )
        environments.warm_connections()
        progress(f"{arguments.environments} environments; {load()}")
        rounds = run(environments, arguments.runs)
        progress(load())
    head = ("round", "model calls so far", "sources", "seconds")
    print(table(head, [each.row() for each in rounds]))
    where = "in this process" if arguments.table_in_process else "behind HTTP"
    print(f"\nProfile reported, {arguments.slower:g} times slower, table {where}; {load()}.")


if __name__ == "__main__":
    main()
