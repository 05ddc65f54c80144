"""The predecessor's three steps with its habits, over real HTTP against the same sandbox.

A rebuild from what was reported of it: CreateLead, then GenerateScenario, then InvokeCall; in each
step the secret is fetched again and every client and connection is new; Salesforce is logged in to
each time; the scenario is written by the Sonnet-class model with 512 tokens before the call.
It flatters the predecessor: no Lambda, no workflow service and no cold start stand between its
steps, and it writes nothing to DynamoDB.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import jwt
import requests
from simple_salesforce.api import Salesforce

from bench.site import Site
from sandbox.connect.names import CONTACT_FLOW_ID, INSTANCE_ID, SOURCE_PHONE_NUMBER

MODEL = "global.anthropic.claude-sonnet-4-6"
MAX_TOKENS = 512
API_VERSION = "62.0"
_SECRET = "atlas/local/salesforce"  # noqa: S105 - a secret's name
_SECONDS = 30
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
# Four sentences of some 20 tokens: the answer whose time the profile's figure is.
_KNOWN = (
    "In the phone demo, an assistant calls the visitor and shows how all of it does work. "
    "The technology it is built with is Amazon Lex, AWS Lambda and a model on Bedrock. "
    "During the demo, the visitor may ask how the phone call and its technology do work. "
    "The demo does take three minutes, and a summary of the phone call is written with it."
)


@dataclass(frozen=True, slots=True)
class Steps:
    """How long each step took, in seconds, and the contact that rings."""

    create_lead: float
    generate_scenario: float
    invoke_call: float
    contact_id: str


def run(site: Site, name: str, number: str, asked: tuple[str, ...]) -> Steps:
    """Lead, scenario, call: one after the other. Errors pass through."""
    begin = time.perf_counter()
    create_lead(site, name, number)
    created = time.perf_counter()
    scenario = generate_scenario(site, name, asked)
    written = time.perf_counter()
    contact_id = invoke_call(site, number, scenario)
    placed = time.perf_counter()
    return Steps(created - begin, written - created, placed - written, contact_id)


def create_lead(site: Site, name: str, number: str) -> str:
    """A new login and a new connection for one record; its id."""
    first, _, last = name.partition(" ")
    fields = {"FirstName": first, "LastName": last, "Phone": number, "Company": "Not given"}
    secret = _secret(site)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as authority:
        authority.write(secret["ca_certificate"])
        authority.flush()
        token = _token(secret, authority.name)
        with requests.Session() as session:
            # A CA bundle named in the environment would go before the session's own.
            session.trust_env = False
            session.verify = authority.name
            salesforce: Any = Salesforce(
                instance_url=f"https://{secret['host']}",
                session_id=token,
                session=session,
                version=API_VERSION,
            )
            return str(salesforce.Lead.create(fields)["id"])


def generate_scenario(site: Site, name: str, asked: tuple[str, ...]) -> str:
    """The whole text from the larger model, waited for."""
    _secret(site)
    questions = "; ".join(asked)
    prompt = f"{_KNOWN} Write how to lead a phone call with {name}.\n\nQuestion: {questions}"
    with _client(site, "bedrock-runtime") as bedrock:
        answer = bedrock.converse(
            modelId=MODEL,
            messages=[{"role": "user", "content": [{"text": prompt}]}],
            inferenceConfig={"maxTokens": MAX_TOKENS},
        )
    return str(answer["output"]["message"]["content"][0]["text"])


def invoke_call(site: Site, number: str, scenario: str) -> str:
    """The contact's id; the scenario travels as a contact attribute."""
    _secret(site)
    with _client(site, "connect") as connect:
        answer = connect.start_outbound_voice_contact(
            DestinationPhoneNumber=number,
            ContactFlowId=CONTACT_FLOW_ID,
            InstanceId=INSTANCE_ID,
            SourcePhoneNumber=SOURCE_PHONE_NUMBER,
            Attributes={"scenario": scenario},
        )
    return str(answer["ContactId"])


@contextmanager
def _client(site: Site, service: str) -> Iterator[Any]:
    with closing(site.new_client(service)) as client:
        yield client


def _secret(site: Site) -> dict[str, str]:
    with _client(site, "secretsmanager") as client:
        value: dict[str, str] = json.loads(
            client.get_secret_value(SecretId=_SECRET)["SecretString"]
        )
    return value


def _token(secret: dict[str, str], authority: str) -> str:
    """A login by JWT; simple-salesforce's own cannot be pointed at another host."""
    claims = {
        "iss": secret["client_id"],
        "sub": secret["username"],
        "aud": f"https://{secret['host']}",
        "exp": int(time.time()) + 180,
    }
    assertion = jwt.encode(claims, secret["private_key"], algorithm="RS256")
    with requests.Session() as session:
        session.trust_env = False
        response = session.post(
            f"https://{secret['host']}/services/oauth2/token",
            data={"grant_type": _GRANT, "assertion": assertion},
            verify=authority,
            timeout=_SECONDS,
        )
    response.raise_for_status()
    return str(response.json()["access_token"])
