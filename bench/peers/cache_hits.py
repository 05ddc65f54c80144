"""Response-cache hits of the peers: from a prompt to its answer, or a bare look-up by its key."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from bench.peers.model_calls import chat, langchain_messages, litellm_request
from bench.peers.subject import Build, Material, Subject

ENTRIES = 512
SECONDS = 86_400


def keys(material: Material) -> list[str]:
    """What a cache of texts takes for a key: the whole prompt."""
    return [f"{system}\n\n{user}" for system, user in material.prompts]


def stored(
    material: Material, put: Callable[[str, str], Any], get: Callable[[str], Any]
) -> Subject:
    """A cache that is filled by hand."""
    known = keys(material)
    for key, answer in zip(known, material.answers, strict=True):
        put(key, answer)
    return Subject(lambda n: get(known[n]), material.answers)


def gptcache_api(material: Material) -> Subject:
    """Its own adapter with the exact-match map store."""
    from gptcache.adapter.api import get, put

    cache = _gptcache(material)
    return stored(
        material,
        lambda key, answer: put(key, answer, cache_obj=cache),
        lambda key: get(key, cache_obj=cache),
    )


def gptcache_store(material: Material) -> Subject:
    """The map store alone, as its adapter asks it."""
    manager = _gptcache(material).data_manager

    def get(key: str) -> Any:
        return manager.get_scalar_data(manager.search(key)[0]).answers[0].answer

    return stored(material, lambda key, answer: manager.save(key, answer, key), get)


def _gptcache(material: Material) -> Any:
    from gptcache import Cache
    from gptcache.manager.factory import get_data_manager
    from gptcache.processor.pre import get_prompt

    store = get_data_manager(data_path=f"{material.folder}/gptcache.txt", max_size=ENTRIES)
    cache = Cache()
    cache.init(pre_embedding_func=get_prompt, data_manager=store)
    return cache


def langchain_model(material: Material) -> Subject:
    """ChatBedrockConverse.invoke with InMemoryCache set for all models."""
    from langchain_core.caches import InMemoryCache
    from langchain_core.globals import set_llm_cache

    set_llm_cache(InMemoryCache(maxsize=ENTRIES))
    model, messages = chat(material), langchain_messages(material)
    return Subject(lambda n: str(model.invoke(messages[n]).text), material.answers)


def langchain_store(material: Material) -> Subject:
    from langchain_core.caches import InMemoryCache
    from langchain_core.outputs import Generation

    cache, settings = InMemoryCache(maxsize=ENTRIES), material.model
    return stored(
        material,
        lambda key, answer: cache.update(key, settings, [Generation(text=answer)]),
        lambda key: cache.lookup(key, settings)[0].text,
    )


def litellm_model(material: Material) -> Subject:
    """litellm.completion with its local cache."""
    import litellm
    from litellm.caching.caching import Cache

    litellm.cache = Cache(type="local")
    requests = [litellm_request(material, prompt) for prompt in material.prompts]

    def complete(number: int) -> Any:
        answer = litellm.completion(caching=True, **requests[number])
        return answer.choices[0].message.content

    return Subject(complete, material.answers)


def litellm_store(material: Material) -> Subject:
    """The local cache alone, with a ready key."""
    from litellm.caching.caching import Cache

    cache = Cache(type="local").cache
    return stored(material, cache.set_cache, cache.get_cache)


def diskcache_store(material: Material) -> Subject:
    from diskcache import Cache

    cache = Cache(f"{material.folder}/diskcache")
    return stored(material, lambda key, answer: cache.set(key, answer, expire=SECONDS), cache.get)


def cachetools_store(material: Material) -> Subject:
    """The floor of a bounded cache that forgets: a TTLCache behind a lock."""
    from cachetools import TTLCache

    cache: Any = TTLCache(ENTRIES, SECONDS)
    lock = threading.Lock()

    def get(key: str) -> Any:
        with lock:
            return cache[key]

    return stored(material, cache.__setitem__, get)


def dict_store(material: Material) -> Subject:
    """The floor of all: neither bounded nor forgetting."""
    cache: dict[str, str] = {}
    return stored(material, cache.__setitem__, cache.__getitem__)


SUBJECTS: dict[str, Build] = {
    "gptcache_api": gptcache_api,
    "gptcache_store": gptcache_store,
    "langchain_model": langchain_model,
    "langchain_store": langchain_store,
    "litellm_model": litellm_model,
    "litellm_store": litellm_store,
    "diskcache_store": diskcache_store,
    "cachetools_store": cachetools_store,
    "dict_store": dict_store,
}
