"""Bedrock's stand-in alone, in a process of its own: no start of a whole sandbox, no shared GIL.

    python -m bench.slow_models.service '{"seed": 1, "scale": 1.0, "faults": []}'

Prints its port and ends with its standard input.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sandbox.bedrock import BedrockRuntime
from sandbox.counters import CallCounters
from sandbox.faults import Faults
from sandbox.gateway import Gateway
from sandbox.http_message import HttpRequest, HttpResponse
from sandbox.http_server import HttpServer
from sandbox.latency import Latency, TokenTiming


@contextmanager
def model_service(seed: int, scale: float, faults: list[Mapping[str, Any]]) -> Iterator[str]:
    """The endpoint of one that serves as long as the block runs."""
    wanted = json.dumps({"seed": seed, "scale": scale, "faults": faults})
    command = [sys.executable, "-m", "bench.slow_models.service", wanted]
    with subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        port = child.stdout.readline() if child.stdout else ""
        try:
            yield f"http://127.0.0.1:{int(port)}"
        finally:
            child.communicate(timeout=30)


def main(seed: int, scale: float, faults: list[Mapping[str, Any]]) -> None:
    latency, met = Latency("reported", scale), Faults(seed)
    met.replace(faults)
    models = BedrockRuntime(TokenTiming(latency, seed), hold=met.hold)
    server = HttpServer(None, 0, threads=32)
    port = server.bind()
    server.serve(
        Gateway([models], _nothing, lambda _: HttpResponse(404, []), latency, met, CallCounters())
    )
    print(port, flush=True)
    sys.stdin.read()
    met.close()
    server.close()


def _no_control(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(404, [])


def _nothing(_environ: Any, start_response: Any) -> list[bytes]:
    start_response("404 Not Found", [])
    return []


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
