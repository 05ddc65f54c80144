"""Reads the router's table: which models there are, and which of them answer which route. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.latency_estimates import Prior, Quantiles
from chalicelib.model_router import Model, Route

MOST_CHARACTERS = 10_000
_DATE = re.compile(r"20[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])")
_MODEL_FIELDS = ("strength", "usd", "priced_on", "first_ms", "hundred_characters_ms")
_ROUTE_FIELDS = ("models", "max_tokens", "characters")


class Repeated(ValueError):
    """A JSON object that says one thing twice; which of them holds would be a guess."""


def read_object(name: str, text: str) -> tuple[dict[str, Any], list[str]]:
    """The JSON object and no problem, or {} and what is wrong with the text."""
    try:
        table = json.loads(text, object_pairs_hook=_without_repetition)
    except Repeated as exc:
        return {}, [f"{name} has {exc} twice"]
    except ValueError:
        table = None
    if not isinstance(table, dict):
        return {}, [f"{name} must be a JSON object"]
    return table, []


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise Repeated(next(name for name in names if names.count(name) > 1))
    return found


def read_models(name: str, table: Mapping[str, Any]) -> tuple[dict[str, Model], list[str]]:
    """The models by id, those with problems left plain; and every problem."""
    problems = [
        text for id_, row in table.items() for text in _model_problems(row, f"{name}.{id_}")
    ]
    return {
        id_: Model(id_) if problems else _model(id_, row) for id_, row in table.items()
    }, problems


def _model_problems(row: Any, name: str) -> Iterator[str]:
    if not isinstance(row, dict):
        yield f"{name} must be an object"
        return
    yield from (f"{name}.{field} is not used" for field in row if field not in _MODEL_FIELDS)
    if not _is_whole(row.get("strength"), 1, 100):
        yield f"{name}.strength must be a whole number from 1 to 100"
    if not _is_pair(row.get("usd"), 0, 1000):
        yield f"{name}.usd must be two prices in USD per million tokens, in and out"
    if not _DATE.fullmatch(str(row.get("priced_on"))):
        yield f"{name}.priced_on must be the prices' date such as 2026-11-23"
    for field in ("first_ms", "hundred_characters_ms"):
        pair: Any = row.get(field)
        if not _is_pair(pair, 1, 60_000) or pair[0] > pair[1]:
            yield f"{name}.{field} must be two numbers of milliseconds, the median and the p95"


def _model(id_: str, row: Mapping[str, Any]) -> Model:
    first, pace = row["first_ms"], row["hundred_characters_ms"]
    prior = Prior(
        Quantiles(first[0] / 1000, first[1] / 1000), Quantiles(pace[0] / 1e5, pace[1] / 1e5)
    )
    return Model(id_, row["strength"], row["usd"][0], row["usd"][1], row["priced_on"], prior)


def read_route(name: str, row: Any, models: Mapping[str, Model]) -> tuple[Route, list[str]]:
    """One route with the models it names, and every problem of it."""
    row = row if isinstance(row, dict) else {}
    problems = [f"{name}.{field} is not used" for field in row if field not in _ROUTE_FIELDS]
    problems += _list_problems(row.get("models"), f"{name}.models", models)
    if not _is_whole(row.get("max_tokens"), 1, 4096):
        problems.append(f"{name}.max_tokens must be a whole number from 1 to 4096")
    if not _is_whole(row.get("characters"), 1, MOST_CHARACTERS):
        problems.append(f"{name}.characters must be a whole number from 1 to {MOST_CHARACTERS}")
    if problems:
        return Route((), 1), problems
    table = tuple(models[id_] for id_ in row["models"])
    return Route(tuple(row["models"]), row["max_tokens"], row["characters"], table), []


def _list_problems(value: Any, name: str, models: Mapping[str, Model]) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
        return [f"{name} must be a list of model ids, the first preferred"]
    problems = [f"{name} names {v}, which MODEL_TABLE lacks" for v in value if v not in models]
    if len(set(value)) < len(value):
        problems.append(f"{name} names a model twice")
    return problems


def _is_whole(value: Any, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def _is_pair(value: Any, low: float, high: float) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(type(v) in (int, float) and low <= v <= high for v in value)
    )
