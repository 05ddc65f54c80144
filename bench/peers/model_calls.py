"""One call of a model on Bedrock by each peer, streamed to its end or answered whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.peers.subject import Build, Material, Subject

MAX_TOKENS = 150
REGION = "us-east-1"


def botocore_stream(material: Material) -> Subject:
    return _sdk(material, _botocore(material), is_streamed=True)


def botocore_whole(material: Material) -> Subject:
    return _sdk(material, _botocore(material), is_streamed=False)


def boto3_stream(material: Material) -> Subject:
    return _sdk(material, _boto3(material), is_streamed=True)


def boto3_whole(material: Material) -> Subject:
    return _sdk(material, _boto3(material), is_streamed=False)


def _botocore(material: Material) -> Any:
    import botocore.session

    return botocore.session.get_session().create_client(
        "bedrock-runtime", region_name=REGION, endpoint_url=material.url
    )


def _boto3(material: Material) -> Any:
    import boto3

    return boto3.client("bedrock-runtime", region_name=REGION, endpoint_url=material.url)


def _sdk(material: Material, client: Any, *, is_streamed: bool) -> Subject:
    requests = [_converse(material.model, *prompt) for prompt in material.prompts]

    def stream(number: int) -> str:
        events = client.converse_stream(**requests[number])["stream"]
        deltas = (event["contentBlockDelta"]["delta"] for event in events if _is_text(event))
        return "".join(delta["text"] for delta in deltas).strip()

    def whole(number: int) -> Any:
        answer = client.converse(**requests[number])
        return answer["output"]["message"]["content"][0]["text"]

    return Subject(stream if is_streamed else whole, material.answers)


def _is_text(event: dict[str, Any]) -> bool:
    return "contentBlockDelta" in event


def _converse(model: str, system: str, user: str) -> dict[str, Any]:
    return {
        "modelId": model,
        "system": [{"text": system}],
        "messages": [{"role": "user", "content": [{"text": user}]}],
        "inferenceConfig": {"maxTokens": MAX_TOKENS},
    }


def chat(material: Material) -> Any:
    """langchain-aws's model."""
    from langchain_aws import ChatBedrockConverse

    return ChatBedrockConverse(
        model=material.model,
        max_tokens=MAX_TOKENS,
        region_name=REGION,
        endpoint_url=material.url,
    )


def langchain_messages(material: Material) -> list[list[Any]]:
    from langchain_core.messages import HumanMessage, SystemMessage

    return [[SystemMessage(system), HumanMessage(user)] for system, user in material.prompts]


def langchain_stream(material: Material) -> Subject:
    model, messages = chat(material), langchain_messages(material)
    return Subject(
        lambda n: "".join(str(part.text) for part in model.stream(messages[n])).strip(),
        material.answers,
    )


def langchain_whole(material: Material) -> Subject:
    model, messages = chat(material), langchain_messages(material)
    return Subject(lambda n: str(model.invoke(messages[n]).text), material.answers)


def litellm_request(material: Material, prompt: Sequence[str]) -> dict[str, Any]:
    system, user = prompt
    return {
        "model": f"bedrock/converse/{material.model}",
        "messages": [
            {"role": "system", "content": system},
            {"role": "user", "content": user},
        ],
        "max_tokens": MAX_TOKENS,
        "aws_region_name": REGION,
        "aws_bedrock_runtime_endpoint": material.url,
    }


def litellm_stream(material: Material) -> Subject:
    import litellm

    requests = [litellm_request(material, prompt) for prompt in material.prompts]

    def stream(number: int) -> str:
        parts = litellm.completion(stream=True, **requests[number])
        return "".join(part.choices[0].delta.content or "" for part in parts).strip()

    return Subject(stream, material.answers)


def litellm_whole(material: Material) -> Subject:
    import litellm

    requests = [litellm_request(material, prompt) for prompt in material.prompts]

    def whole(number: int) -> Any:
        return litellm.completion(**requests[number]).choices[0].message.content

    return Subject(whole, material.answers)


SUBJECTS: dict[str, Build] = {
    "botocore_stream": botocore_stream,
    "boto3_stream": boto3_stream,
    "langchain_stream": langchain_stream,
    "litellm_stream": litellm_stream,
    "botocore_whole": botocore_whole,
    "boto3_whole": boto3_whole,
    "langchain_whole": langchain_whole,
    "litellm_whole": litellm_whole,
}
