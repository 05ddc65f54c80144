"""The sequential design, small and honest: one blocking model call in every turn that asks one.

What was reported of the predecessor is what `Habits` begins with: a Sonnet-class model with 512
tokens and no word about length, clients built in each call, the secret fetched at each step of the
lead capture, the scenario read from DynamoDB in each phone turn through a new resource. Each habit
can be given up on its own, which is how the benchmark tells what each of them costs. Only boto3 is
imported, so that this file is also the handler of the predecessor's Lambda function.

Its texts are its own: four sentences of about 20 tokens each, the answer of 80 tokens for which the
profile's 2 to 4 seconds stand. With Atlas's shorter ones it would be faster than was reported.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3

SPENT = "spent"
"""The session attribute in which a reply says where its seconds went."""
_GROUNDINGS = {
    "GreetingIntent": (
        "The assistant of our company welcomes every visitor who comes to this website. "
        "The assistant tells a visitor about the technology and the demo call that we offer. "
        "Our assistant is a program and no person, which it says to any visitor who asks it. "
        "A visitor may ask the assistant in plain words whatever there is to know about us."
    ),
    "AboutTechnologyIntent": (
        "The assistant runs on Amazon Web Services with Lex, AWS Lambda and Amazon Bedrock. "
        "Amazon Lex finds out what a visitor wants and hands it on to a function in Lambda. "
        "The function asks a Claude model on Bedrock to write the answer that a visitor gets. "
        "The assistant calls a visitor with Amazon Connect and keeps its leads in Salesforce."
    ),
    "AboutDemoIntent": (
        "In the demo, our assistant calls a visitor on the phone for a talk of three minutes. "
        "The assistant asks for the name, the phone number and the consent of the visitor first. "
        "The demo call costs a visitor nothing, and it is recorded for our own sales team. "
        "After the call, the sales team of our company gets a summary from the assistant."
    ),
}
_KNOWLEDGE = (
    "Our company builds assistants that answer every visitor of a website and every caller. "
    "An assistant takes the name and the number of a visitor and hands them to Salesforce. "
    "What an assistant costs depends on how many visitors and callers it has in a month. "
    "Our sales team answers whatever the assistant cannot tell a visitor about the product."
)
_LEAD_TEXTS = {
    "InitiateDemoStart": "What is your first and last name?",
    "InitiateDemo-VisitorFullName": "On which phone number may we call you?",
    "InitiateDemo-VisitorPhoneNumber": "May an AI assistant call you? Please answer yes or no.",
    "InitiateDemo-Confirmation": "Then nobody will call you.",
    "": "Thank you! Your phone rings in a few seconds.",
}


@dataclass(frozen=True, slots=True)
class Habits:
    """`chat_sentences`, `phone_sentences`: the limit that prompts state, 0 for none."""

    model: str
    max_tokens: int = 512
    chat_sentences: int = 0
    phone_sentences: int = 0
    keeps_secret: bool = False
    keeps_scenario: bool = False
    keeps_clients: bool = False
    keeps_answers: bool = False


@dataclass(frozen=True, slots=True)
class Places:
    """What the turns read and start, by name.

    `answer_table`: where answers are kept by those who keep them, by intent and words.
    """

    scenario_table: str
    answer_table: str
    secret: str
    state_machine_arn: str


Request = Mapping[str, Any]
Compose = Callable[[Mapping[str, Any], str], Request]
"""From an event and the scenario to `system` and `messages` of Converse."""


@dataclass(slots=True)
class Sequential:
    """One environment of it; `compose` replaces its own prompts."""

    habits: Habits
    places: Places
    compose: Compose | None = None
    _clients: dict[str, Any] = field(default_factory=dict)
    _secret: str = ""
    _spent: dict[str, float] = field(default_factory=dict)

    def prepare(self) -> None:
        """What an environment's start does for who keeps anything: no turn pays for it."""
        if self.habits.keeps_secret:
            with self._client("secretsmanager") as client:
                self._secret = client.get_secret_value(SecretId=self.places.secret)["SecretString"]
        if self.habits.keeps_clients:
            with self._client("bedrock-runtime"), self._resource():
                pass

    def turn(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Lex's reply; its attribute SPENT holds the seconds by component, and the source."""
        self._spent = {}
        if event["sessionState"]["intent"]["name"] == "InitiateDemo":
            text, source, kept = self._lead_step(event), "fixed", {}
        else:
            text, source, kept = self._answer(event)
        return _reply(event, text, {**kept, SPENT: json.dumps(self._spent | {"source": source})})

    def _lead_step(self, event: Mapping[str, Any]) -> str:
        """Fixed words; the secret is fetched for each, and the yes starts the workflow."""
        if not (self.habits.keeps_secret and self._secret):
            with self._timed("secret"), self._client("secretsmanager") as client:
                self._secret = client.get_secret_value(SecretId=self.places.secret)["SecretString"]
        if event["invocationSource"] == "FulfillmentCodeHook":
            with self._timed("workflow"), self._client("stepfunctions") as client:
                client.start_execution(stateMachineArn=self.places.state_machine_arn, input="{}")
        return _LEAD_TEXTS[event.get("invocationLabel", "")]

    def _answer(self, event: Mapping[str, Any]) -> tuple[str, str, dict[str, str]]:
        """The answer, its source, and what the session keeps."""
        key = _answer_key(event) if self.habits.keeps_answers else ""
        if key and (found := self._kept_answer(key)):
            return found, "table", {}
        kept = self._scenario(event) if event["inputMode"] == "Speech" else {}
        text = self._written(event, kept.get("scenario", ""))
        if key:
            with self._timed("table"), self._resource() as dynamodb:
                dynamodb.Table(self.places.answer_table).put_item(Item={"key": key, "text": text})
        return text, "model", kept if self.habits.keeps_scenario else {}

    def _kept_answer(self, key: str) -> str:
        with self._timed("table"), self._resource() as dynamodb:
            answer = dynamodb.Table(self.places.answer_table).get_item(Key={"key": key})
        return str(answer.get("Item", {}).get("text", ""))

    def _scenario(self, event: Mapping[str, Any]) -> dict[str, str]:
        attributes = event["sessionState"]["sessionAttributes"]
        if self.habits.keeps_scenario and "scenario" in attributes:
            return {"scenario": attributes["scenario"]}
        key = {"interaction_id": attributes["interactionKey"][:32]}
        with self._timed("table"), self._resource() as dynamodb:
            item = dynamodb.Table(self.places.scenario_table).get_item(Key=key).get("Item", {})
        return {"scenario": str(item.get("text", ""))}

    def _written(self, event: Mapping[str, Any], scenario: str) -> str:
        request = (self.compose or self._composed)(event, scenario)
        with self._timed("model"), self._client("bedrock-runtime") as client:
            answer = client.converse(
                modelId=self.habits.model,
                inferenceConfig={"maxTokens": self.habits.max_tokens},
                **request,
            )
        return str(answer["output"]["message"]["content"][0]["text"])

    def _composed(self, event: Mapping[str, Any], scenario: str) -> Request:
        """A plain prompt: who it is, what it knows, how long if at all, and the question."""
        is_spoken = event["inputMode"] == "Speech"
        limit = self.habits.phone_sentences if is_spoken else self.habits.chat_sentences
        grounding = _GROUNDINGS.get(event["sessionState"]["intent"]["name"], _KNOWLEDGE)
        known = f"{scenario}\n{grounding}"
        length = f" Answer in at most {limit} sentences." if limit else ""
        system = f"You are our company's assistant.{length}\n<facts>\n{known}\n</facts>"
        question = f"A visitor asks the assistant: {event['inputTranscript']}"
        messages = [{"role": "user", "content": [{"text": question}]}]
        return {"system": [{"text": system}], "messages": messages}

    @contextmanager
    def _client(self, service: str) -> Iterator[Any]:
        """The kept client, or one for this call alone with its connection."""
        if self.habits.keeps_clients:
            if service not in self._clients:
                self._clients[service] = boto3.client(service)
            yield self._clients[service]
            return
        client: Any = boto3.client(service)
        try:
            yield client
        finally:
            client.close()

    @contextmanager
    def _resource(self) -> Iterator[Any]:
        if self.habits.keeps_clients:
            if "resource" not in self._clients:
                self._clients["resource"] = boto3.resource("dynamodb")
            yield self._clients["resource"]
            return
        resource: Any = boto3.resource("dynamodb")
        try:
            yield resource
        finally:
            resource.meta.client.close()

    @contextmanager
    def _timed(self, component: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - started
            self._spent[component] = self._spent.get(component, 0.0) + spent


def _answer_key(event: Mapping[str, Any]) -> str:
    """The very words, but for capitals and the last mark; empty where answers are one person's."""
    intent = event["sessionState"]["intent"]["name"]
    words = event["inputTranscript"].casefold().strip(" .!?")
    is_shared = event["inputMode"] == "Text" and intent in _GROUNDINGS
    return f"{intent} {words}" if is_shared else ""


def _reply(event: Mapping[str, Any], text: str, attributes: Mapping[str, str]) -> dict[str, Any]:
    state = event["sessionState"]
    return {
        "sessionState": {
            "dialogAction": {"type": "Close"},
            "intent": {**state["intent"], "state": "Fulfilled"},
            "sessionAttributes": {**state["sessionAttributes"], **attributes},
        },
        "messages": [{"contentType": "PlainText", "content": text}],
    }


_environment: Sequential | None = None


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The predecessor as a Lambda function: HABITS and PLACES say how it lives and where."""
    global _environment
    if _environment is None:
        habits, places = (json.loads(os.environ[name]) for name in ("HABITS", "PLACES"))
        _environment = Sequential(Habits(**habits), Places(**places))
    return _environment.turn(event)
