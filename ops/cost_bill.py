"""A month's bill, line by line: quantity times price, by component."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ops.alarms import ALARMS
from ops.cost_prices import Price
from ops.cost_usage import HOURS, SECONDS, Traffic, Usage, Used
from ops.stages import ANSWER_FRESH_SECONDS, FULFILLMENT, FUNCTIONS, MODEL_TABLE, STAGE_SIZES

# The four that the predecessor's totals name; it billed nothing else, though it used much else.
FOUR = ("Lambda", "Step Functions", "Bedrock", "DynamoDB")
KEEP_WARM_RUNS, RECOVER_RUNS = HOURS * 12, HOURS * 60
REFRESH_SHARE = 0.9
"""Shared answers end up to a fifth early, a tenth on average (docs/decisions/0062)."""
DASHBOARDS, SECRETS = 1, 2
TRACED = 1.0
"""X-Ray's default rule records one request of each second and 5% of the rest; below one turn a
second that is nearly every turn."""
_GB = {function.name: function.memory_mb / 1024 for function in FUNCTIONS}


@dataclass(frozen=True, slots=True)
class Line:
    """One item; `price` None where models' prices of ops/stages.py or a sum over them count."""

    component: str
    item: str
    quantity: float
    unit: str
    usd: float
    price: Price | None = None

    def to_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "component": self.component,
            "item": self.item,
            "quantity": self.quantity,
            "unit": self.unit,
            "usd": self.usd,
        }
        if self.price:
            told |= {"price": self.price.name, "seen": self.price.seen}
            told |= {"confirmed": self.price.is_confirmed}
        return told


class Bill:
    """Atlas's month on a stage; the lines of a component in the order of what they are for."""

    def __init__(
        self, usage: Usage, traffic: Traffic, prices: Mapping[str, Price], stage: str
    ) -> None:
        self._usage, self._traffic, self._prices = usage, traffic, prices
        self._provisioned = STAGE_SIZES[stage].provisioned_fulfillment
        self.lines = [
            *self._lambda(),
            *self._step_functions(),
            *self._bedrock(),
            *self._dynamodb(),
            *self._conversation(),
            *self._observation(),
            *self._secrets(),
        ]

    def total(self, components: Iterable[str] = ()) -> float:
        """USD of these components; of all where none is named."""
        wanted = set(components)
        return sum(x.usd for x in self.lines if not wanted or x.component in wanted)

    @property
    def components(self) -> dict[str, float]:
        return {name: self.total([name]) for name in dict.fromkeys(x.component for x in self.lines)}

    def _line(self, component: str, item: str, price: str, quantity: float) -> Line:
        found = self._prices[price]
        return Line(component, item, quantity, found.unit, found.of(quantity), found)

    def _lambda(self) -> Iterator[Line]:
        gb, traffic, usage = _GB[FULFILLMENT], self._traffic, self._usage
        name = f"{self._provisioned} environments kept warm"
        idle = self._provisioned * gb * SECONDS
        yield self._line("Lambda", name, "lambda_provisioned", idle)
        ran = traffic.turns * usage.turn.mean_seconds * gb
        yield self._line("Lambda", "turns", "lambda_provisioned_duration", ran)
        for name, work, times in self._other_work():
            spent = sum(s * _GB.get(f, gb) for f, s in _others(work.seconds)) * times
            yield self._line("Lambda", name, "lambda_duration", spent)
        requests = traffic.turns + sum(
            work.invocations_without(FULFILLMENT) * times for _, work, times in self._other_work()
        )
        yield self._line("Lambda", "requests", "lambda_request", requests)

    def _other_work(self) -> list[tuple[str, Used, float]]:
        usage = self._usage
        return [
            ("answers finished afterwards", usage.chat_turn, self._traffic.turns),
            ("scenarios made ahead", usage.capture, self._traffic.captures),
            ("a lead's other functions", usage.lead, self._traffic.calls),
            ("keep_warm, every 5 minutes", usage.keep_warm, KEEP_WARM_RUNS),
            ("recover_leads, every minute", usage.recover_leads, RECOVER_RUNS),
        ]

    def _step_functions(self) -> Iterator[Line]:
        transitions = self._usage.lead.transitions * self._traffic.calls
        yield self._line("Step Functions", "lead workflow", "state_transition", transitions)

    def _bedrock(self) -> Iterator[Line]:
        usage, traffic = self._usage, self._traffic
        calls = usage.turn.calls * traffic.turns / 1000
        usd = usage.turn.usd * traffic.turns / 1000
        yield Line("Bedrock", "answers in turns", calls, "model calls", usd)
        yield from self._beside_turns()
        # A sixth of the answers in use end each hour, where they live for six.
        runs = SECONDS / (ANSWER_FRESH_SECONDS * REFRESH_SHARE)
        made = usage.warming.calls * runs
        yield Line(
            "Bedrock", "shared answers refreshed", made, "model calls", usage.warming.usd * runs
        )

    def _beside_turns(self) -> Iterator[Line]:
        """What a capture and a lead ask besides their turns: scenario and summary."""
        works = [
            ("scenarios", self._usage.capture, self._traffic.captures),
            ("summaries", self._usage.lead, self._traffic.calls),
        ]
        for item, work, times in works:
            calls = sum(amounts["calls"] for amounts in work.models.values())
            usd = sum(model_usd(model, amounts) for model, amounts in work.models.items())
            yield Line("Bedrock", item, calls * times, "model calls", usd * times)

    def _dynamodb(self) -> Iterator[Line]:
        for item, price in (("write_units", "dynamodb_write"), ("read_units", "dynamodb_read")):
            units = sum(getattr(work, item) * times for _, work, times in self._other_work())
            yield self._line("DynamoDB", "all tables", price, units)

    def _conversation(self) -> Iterator[Line]:
        traffic = self._traffic
        yield self._line("Lex", "chat", "lex_text", traffic.chat_turns)
        yield self._line("Lex", "phone", "lex_speech", traffic.phone_turns)
        yield self._line("Connect", "calls", "connect_voice", traffic.minutes)
        yield self._line("Connect", "telephony", "connect_telephony", traffic.minutes)
        yield self._line("Connect", "one number", "connect_number", HOURS / 24)
        yield self._line("Transcribe", "recordings", "transcribe", traffic.minutes)

    def _observation(self) -> Iterator[Line]:
        gigabytes = sum(work.log_bytes * n for _, work, n in self._other_work()) / 1e9
        yield self._line("CloudWatch", "logs taken in", "logs_ingested", gigabytes)
        yield self._line("CloudWatch", "logs kept, 90 days", "logs_stored", gigabytes * 3)
        metrics = self._usage.custom_metrics
        yield self._line("CloudWatch", "embedded metrics", "custom_metric", metrics)
        watched = sum(alarm.metrics for alarm in ALARMS)
        yield self._line("CloudWatch", "metrics under alarm", "alarm", watched)
        yield self._line("CloudWatch", "dashboard", "dashboard", DASHBOARDS)
        yield self._line("X-Ray", "turns traced", "trace", self._traffic.turns * TRACED)

    def _secrets(self) -> Iterator[Line]:
        calls = sum(
            work.calls.get("secretsmanager.GetSecretValue", 0) * n
            for _, work, n in self._other_work()
        )
        yield self._line("Secrets, key", "secrets", "secret", SECRETS)
        yield self._line("Secrets, key", "calls", "secret_call", calls)
        yield self._line("Secrets, key", "key", "kms_key", 1)
        # Each look at an encrypted item may ask KMS; DynamoDB keeps a table's key for minutes.
        asked = 12 * HOURS * 2 + self._traffic.calls * 6
        yield self._line("Secrets, key", "key's use", "kms_request", asked)


def model_usd(model: str, amounts: Mapping[str, float]) -> float:
    """USD by the router's own price table; 0 for a model that is not in it."""
    usd_in, usd_out = MODEL_TABLE.get(model, {}).get("usd", (0.0, 0.0))
    return float(amounts["input_tokens"] * usd_in + amounts["output_tokens"] * usd_out) / 1e6


def _others(seconds: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    return ((name, n) for name, n in seconds.items() if name != FULFILLMENT)
