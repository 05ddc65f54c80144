"""One environment's process: runs turns one after the other and says what each of them took.

Each line on standard input is an order in JSON, each line on the descriptor `--results` its answer.
What handlers print goes to the null device, as a Lambda environment's output goes to a log. CPU is
the whole process's during a turn, worker threads and all.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sandbox.conversation.child import ROOT

# Chalice's project is a root of imports of its own.
sys.path.insert(0, str(ROOT / "atlas"))

from bench.streams.stream import StreamTurn
from bench.turns.events import event_of, first_attributes
from bench.turns.sequential import SPENT

Attributes = dict[str, str]
_SENTENCE = re.compile(r"[.!?](?=\s|$)")


@dataclass(frozen=True, slots=True)
class Turned:
    """One turn as it was: seconds, CPU seconds (-1 where another process spent them), and what
    came of it. `spent`: seconds by component, as far as the column can tell.
    """

    kind: str
    intent: str
    step: str
    seconds: float
    cpu_seconds: float
    source: str
    sentences: int
    characters: int
    spent: Mapping[str, float]


class Column:
    """One column's environment in this process."""

    cpu_is_ours = True

    def __init__(self, name: str, environ: Mapping[str, str]) -> None:
        self.name = name
        self._environ = environ
        self._attributes: dict[str, Attributes] = {}

    def enter(self) -> None:
        """Put this process into the column's variables, which clients read when they are built."""
        os.environ.update(self._environ)

    def run(self, turn: StreamTurn, is_cold: bool) -> Turned:
        session = f"{self.name}-{turn.session}"
        attributes = self._attributes.setdefault(session, first_attributes(turn))
        event = event_of(turn, session, attributes)
        self.before(is_cold)
        cpu, started = time.process_time(), time.perf_counter()
        reply = self.reply(event)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        self._attributes[session], source, spent = self.after(reply)
        text = " ".join(message["content"] for message in reply.get("messages", []))
        return Turned(
            *(turn.kind, turn.intent, turn.step, seconds, cpu if self.cpu_is_ours else -1.0),
            *(source, len(_SENTENCE.findall(text)), len(text), spent),
        )

    def before(self, is_cold: bool) -> None:
        """What has to happen first and is no part of the turn."""

    def reply(self, event: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError

    def after(self, reply: dict[str, Any]) -> tuple[Attributes, str, dict[str, float]]:
        """What the session keeps, the answer's source, and the seconds by component."""
        attributes: Attributes = reply["sessionState"]["sessionAttributes"]
        spent = json.loads(attributes.pop(SPENT))
        return attributes, spent.pop("source"), spent


class SequentialColumn(Column):
    """The sequential design in this process; with `is_atlas_prompt` it asks as Atlas does."""

    def __init__(self, name: str, environ: Mapping[str, str], options: Mapping[str, Any]) -> None:
        super().__init__(name, environ)
        from bench.turns.prompts import atlas_request
        from bench.turns.sequential import Habits, Places, Sequential

        self._design = Sequential(
            Habits(**options["habits"]),
            Places(**options["places"]),
            atlas_request if options.get("is_atlas_prompt") else None,
        )
        self._is_ready = False

    def before(self, is_cold: bool) -> None:
        """The first turn finds what the environment's start made ready."""
        if not self._is_ready:
            self._design.prepare()
            self._is_ready = True

    def reply(self, event: dict[str, Any]) -> dict[str, Any]:
        return self._design.turn(event)


class LambdaColumn(Column):
    """The sequential design deployed: the function is invoked as $LATEST, some turns cold."""

    cpu_is_ours = False

    def __init__(self, name: str, environ: Mapping[str, str], options: Mapping[str, Any]) -> None:
        super().__init__(name, environ)
        self._function = options["function"]
        self._changes = 0
        self._client: Any = None

    def before(self, is_cold: bool) -> None:
        """A changed variable makes Lambda retire the environments of $LATEST."""
        import boto3
        from botocore.config import Config

        if self._client is None:
            boto: Any = boto3
            config = Config(read_timeout=60, retries={"total_max_attempts": 1})
            self._client = boto.client("lambda", config=config)
            # The first environment's start is no turn's unless the draw says so.
            self._client.invoke(FunctionName=self._function, Payload=b'{"warm": true}')
        if is_cold:
            self._retire()

    def _retire(self) -> None:
        self._changes += 1
        found = self._client.get_function_configuration(FunctionName=self._function)
        variables = found["Environment"]["Variables"] | {"UNUSED": str(self._changes)}
        self._client.update_function_configuration(
            FunctionName=self._function, Environment={"Variables": variables}
        )

    def reply(self, event: dict[str, Any]) -> dict[str, Any]:
        payload = json.dumps(event).encode()
        answer = self._client.invoke(FunctionName=self._function, Payload=payload)
        reply: dict[str, Any] = json.load(answer["Payload"])
        if "FunctionError" in answer:
            raise RuntimeError(f"{self._function}: {reply}")
        return reply


class AtlasColumn(Column):
    """The real handler with real services, as an environment of its alias has them."""

    def __init__(self, name: str, environ: Mapping[str, str], options: Mapping[str, Any]) -> None:
        super().__init__(name, environ)
        self.enter()
        from bench.turns.atlas import Environment

        self._environment = Environment(options.get("chat_sentences", 0))

    def warm(self) -> dict[str, int]:
        return self._environment.keep_warm()

    def start(self) -> None:
        self._environment.start()

    def write_calls(self, sessions: list[str]) -> None:
        self._environment.write_calls(sessions)

    def reply(self, event: dict[str, Any]) -> dict[str, Any]:
        return self._environment.turn(event)

    def after(self, reply: dict[str, Any]) -> tuple[Attributes, str, dict[str, float]]:
        from chalicelib.session_attributes import SOURCE

        attributes: Attributes = reply["sessionState"]["sessionAttributes"]
        return attributes, attributes.get(SOURCE, "fixed"), self._environment.take_spent()


KINDS: Mapping[str, Callable[[str, Mapping[str, str], Mapping[str, Any]], Column]] = {
    "sequential": SequentialColumn,
    "lambda": LambdaColumn,
    "atlas": AtlasColumn,
}


class Worker:
    """Carries out orders."""

    def __init__(self) -> None:
        self._columns: dict[str, Any] = {}

    def obey(self, order: Mapping[str, Any]) -> Any:
        name = order["column"]
        if order["do"] == "open":
            self._columns[name] = KINDS[order["kind"]](name, order["environ"], order["options"])
            return True
        column = self._columns[name]
        column.enter()
        if order["do"] == "turns":
            return [asdict(column.run(StreamTurn(**t), cold)) for t, cold in order["turns"]]
        return getattr(column, order["do"])(*order.get("with", ()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=int, required=True)
    results = os.fdopen(parser.parse_args().results, "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    worker = Worker()
    for line in sys.stdin:
        print(json.dumps(worker.obey(json.loads(line))), file=results, flush=True)


if __name__ == "__main__":
    main()
