"""The predecessor's Lambda function as far as its start shows: its imports, its clients, one turn.

`first_turn` copies this file into a package of the predecessor's libraries, so it imports nothing
of this repository. It flatters the predecessor: no Chalice, and no login to Salesforce.
"""

from __future__ import annotations

import json
from typing import Any

import boto3
import simple_salesforce  # noqa: F401 - it was imported by every function
from aws_xray_sdk.core import patch_all

patch_all()
bedrock = boto3.client("bedrock-runtime")
dynamodb = boto3.client("dynamodb")
secrets = boto3.client("secretsmanager")
stepfunctions = boto3.client("stepfunctions")
functions = boto3.client("lambda")


def lambda_handler(event: dict[str, Any], _: Any) -> dict[str, Any]:
    """The secret, the table, the model, one after the other, and a reply for Lex."""
    json.loads(secrets.get_secret_value(SecretId="atlas/salesforce")["SecretString"])
    dynamodb.get_item(TableName="scenarios", Key={"key": {"S": event["sessionId"]}})
    answer = bedrock.converse(
        modelId="global.anthropic.claude-sonnet-4-6",
        messages=[{"role": "user", "content": [{"text": event["inputTranscript"]}]}],
        inferenceConfig={"maxTokens": 512},
    )
    text = answer["output"]["message"]["content"][0]["text"]
    intent = {**event["sessionState"]["intent"], "state": "Fulfilled"}
    state = {"dialogAction": {"type": "Close"}, "intent": intent}
    return {"sessionState": state, "messages": [{"contentType": "PlainText", "content": text}]}
