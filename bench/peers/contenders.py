"""The rows of `bench.operations`: who is measured at what, and in what way each is used."""

from __future__ import annotations

from dataclasses import dataclass

ATLAS = "bench.peers.atlas"


@dataclass(frozen=True, slots=True)
class Contender:
    """A row: `SUBJECTS[subject]` of `module`; `calls` says how many calls an operation makes."""

    name: str
    way: str
    module: str
    subject: str
    calls: int = 0

    @property
    def is_peer(self) -> bool:
        """Whether it runs in the peers' venv."""
        return self.module != ATLAS


@dataclass(frozen=True, slots=True)
class Section:
    """A table; the first row is what the others' ratios are to."""

    title: str
    contenders: tuple[Contender, ...]
    operations: int = 0
    """In one batch; 0 lets each contender find how many take about as long."""


def _rows(module: str, calls: int, *rows: tuple[str, str, str]) -> tuple[Contender, ...]:
    return tuple(Contender(name, way, module, subject, calls) for name, way, subject in rows)


_HITS = "bench.peers.cache_hits"
_CALLS = "bench.peers.model_calls"
_SECRETS = "bench.peers.cached_secrets"

SECTIONS = (
    Section(
        "Response-cache hit, from the question to its answer",
        (
            *_rows(
                ATLAS,
                0,
                ("Atlas", "fold, prompt, key, memory", "turn_hit"),
                ("Atlas", "the same without the fold", "question_hit"),
            ),
            *_rows(
                _HITS,
                0,
                ("GPTCache", "adapter.api.get, exact match in its map", "gptcache_api"),
                ("langchain-aws", "invoke with InMemoryCache", "langchain_model"),
                ("litellm", "completion with its local cache", "litellm_model"),
            ),
        ),
    ),
    Section(
        "Response-cache hit, a bare look-up with a ready key",
        (
            *_rows(ATLAS, 0, ("Atlas", "memory tier, its ages checked", "look_up")),
            *_rows(
                _HITS,
                0,
                ("GPTCache", "map store", "gptcache_store"),
                ("langchain-core", "InMemoryCache.lookup", "langchain_store"),
                ("litellm", "local cache", "litellm_store"),
                ("diskcache", "Cache.get", "diskcache_store"),
                ("cachetools", "TTLCache behind a lock: the floor", "cachetools_store"),
                ("dict", "neither bound nor expiry", "dict_store"),
            ),
        ),
    ),
    Section(
        "Model call, streamed to its end",
        (
            *_rows(ATLAS, 1, ("Atlas", "BedrockModels.complete under a deadline", "model_call")),
            *_rows(
                _CALLS,
                1,
                ("botocore", "converse_stream", "botocore_stream"),
                ("boto3", "converse_stream", "boto3_stream"),
                ("langchain-aws", "ChatBedrockConverse.stream", "langchain_stream"),
                ("litellm", "completion(stream=True)", "litellm_stream"),
            ),
        ),
        operations=20,
    ),
    Section(
        "Model call, whole: what a caller without a deadline does",
        (
            *_rows(ATLAS, 1, ("Atlas", "BedrockModels.complete, streamed", "model_call")),
            *_rows(
                _CALLS,
                1,
                ("botocore", "converse", "botocore_whole"),
                ("boto3", "converse", "boto3_whole"),
                ("langchain-aws", "ChatBedrockConverse.invoke", "langchain_whole"),
                ("litellm", "completion", "litellm_whole"),
            ),
        ),
        operations=20,
    ),
    Section(
        "Cached secret, as a JSON object",
        (
            *_rows(ATLAS, 0, ("Atlas", "SecretStore.get", "secret")),
            *_rows(
                _SECRETS,
                0,
                ("powertools", "get_secret(max_age, transform)", "powertools"),
                ("aws-secretsmanager-caching", "get_secret_string, json.loads", "aws_caching"),
                ("dict", "with a deadline, without a lock", "dict_with_deadline"),
            ),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Import:
    """What a process imports, and the packages that it needs installed for it, joined by +."""

    name: str
    statement: str
    packages: str = ""
    is_peer: bool = True


IMPORTS = (
    Import("Atlas", "import app; app.services()", is_peer=False),
    Import("bare Python", "pass"),
    Import("cachetools", "from cachetools import TTLCache", "cachetools"),
    Import("diskcache", "from diskcache import Cache", "diskcache"),
    Import("botocore", "import botocore.session", "botocore"),
    Import("boto3", "import boto3", "boto3"),
    Import(
        "powertools",
        "from aws_lambda_powertools.utilities import parameters",
        "aws_lambda_powertools+boto3",
    ),
    Import(
        "aws-secretsmanager-caching",
        "from aws_secretsmanager_caching import SecretCache",
        "aws_secretsmanager_caching",
    ),
    Import("GPTCache", "from gptcache.adapter.api import get, put", "gptcache"),
    Import("langchain-core", "from langchain_core.caches import InMemoryCache", "langchain-core"),
    Import("langchain-aws", "from langchain_aws import ChatBedrockConverse", "langchain-aws"),
    Import("litellm", "import litellm", "litellm+boto3"),
)
