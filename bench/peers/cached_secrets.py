"""A secret that was read before, as a JSON object."""

from __future__ import annotations

import json
import time
from typing import Any

from bench.peers.subject import Build, Material, Subject

NAME = "atlas/local/phone-hash"
SECONDS = 300
REGION = "us-east-1"


def powertools(material: Material) -> Subject:
    from aws_lambda_powertools.utilities import parameters

    def get(_: int) -> Any:
        return parameters.get_secret(NAME, max_age=SECONDS, transform="json")

    return Subject(get, [json.loads(material.secret)])


def aws_caching(material: Material) -> Subject:
    """It keeps the text only: reading the object out of it is part of each use."""
    from aws_secretsmanager_caching import SecretCache, SecretCacheConfig

    cache = SecretCache(
        SecretCacheConfig(secret_refresh_interval=SECONDS), client=_client(material)
    )
    return Subject(
        lambda _: json.loads(cache.get_secret_string(NAME)), [json.loads(material.secret)]
    )


def _client(material: Material) -> Any:
    import botocore.session

    return botocore.session.get_session().create_client(
        "secretsmanager", region_name=REGION, endpoint_url=material.url
    )


def dict_with_deadline(material: Material) -> Subject:
    """The floor: no lock, and nothing that would read it again."""
    kept = {NAME: (time.monotonic() + 10 * SECONDS, json.loads(material.secret))}

    def get(_: int) -> Any:
        until, value = kept[NAME]
        return value if time.monotonic() < until else None

    return Subject(get, [json.loads(material.secret)])


SUBJECTS: dict[str, Build] = {
    "powertools": powertools,
    "aws_caching": aws_caching,
    "dict_with_deadline": dict_with_deadline,
}
