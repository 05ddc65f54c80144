"""Cold starts of the deployed zip: the init time of ten fresh environments of each function.

    python -m bench.cold_starts [--runs 10]

Starts a sandbox of its own without latencies. A changed variable makes Lambda retire the
environments of $LATEST, so that the next invoke is cold; the health event runs no turn.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from typing import Any

import boto3

from sandbox.conversation.child import Address, own_sandbox
from sandbox.conversation.talk import Control

FUNCTIONS = ("lex_fulfillment", "generate_answer", "keep_warm")
HEALTH_EVENT = json.dumps({"atlas": "health"}).encode()


def cold_starts(client: Any, control: Control, function: str, runs: int) -> list[float]:
    """The init times in milliseconds, each of an environment's first invocation."""
    name, times = f"atlas-local-{function}", []
    variables = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    for run in range(runs):
        environment = {"Variables": variables | {"UNUSED": str(run)}}
        client.update_function_configuration(FunctionName=name, Environment=environment)
        client.invoke(FunctionName=name, Payload=HEALTH_EVENT)
        record = control.invocations()[-1]
        if (record["function"], record["start"], record["error"]) != (name, "cold", None):
            raise SystemExit(f"not a clean cold start: {record}")
        times.append(record["init_ms"])
    return times


def lambda_client(address: Address) -> Any:
    return boto3.client(
        "lambda",
        endpoint_url=address.endpoint,
        region_name=address.region,
        aws_access_key_id="sandbox",
        aws_secret_access_key="sandbox",  # noqa: S106
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Cold starts of the deployed zip.")
    parser.add_argument("--runs", type=int, default=10)
    runs = parser.parse_args().runs
    with own_sandbox(lambda line: print(line, file=sys.stderr), "none", 1.0) as address:
        client, control = lambda_client(address), Control(address.endpoint)
        print("| function | cold starts | init ms, median | min | max |\n|---|---|---|---|---|")
        for function in FUNCTIONS:
            times = cold_starts(client, control, function, runs)
            figures = f"{statistics.median(times):.0f} | {min(times):.0f} | {max(times):.0f}"
            print(f"| {function} | {runs} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
