"""Cuts botocore's data to what Atlas calls: the services used, and of each the operations used.

Both lists are read from Atlas's own sources, so that nobody has to keep them: a service is what
`clients.py` builds a client for, an operation is kept when its method's name stands anywhere in the
code. That keeps some too many and misses none, unless a name is put together at run time.
"""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from botocore import xform_name
from botocore.loaders import Loader

# The region redirector and the S3 Express cache of botocore call these by themselves.
CALLED_BY_BOTOCORE = {"s3": frozenset(("HeadBucket", "CreateSession"))}
_KEPT_TYPES = ("service-2", "endpoint-rule-set-1")


def services(library: Path) -> list[str]:
    """The services that `clients.py` of that chalicelib builds clients for, sorted."""
    calls = (node for node in ast.walk(_tree(library / "clients.py")) if isinstance(node, ast.Call))
    names = {
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr == "_client" and call.args
        if isinstance(call.args[0], ast.Constant)
    }
    return sorted(str(name) for name in names)


def words(library: Path) -> frozenset[str]:
    """Every name and every text of one word in the code below that folder."""
    return frozenset(word for file in library.rglob("*.py") for word in _words(_tree(file)))


def called(library: Path) -> dict[str, list[str]]:
    """The operations that `cut` would leave for that chalicelib, by service."""
    method_names, loader = words(library), Loader()
    models = {name: loader.load_service_model(name, "service-2") for name in services(library)}
    return {
        name: list(_operations(model, method_names, _always(name)))
        for name, model in models.items()
    }


def cut(data: Path, kept: Iterable[str], method_names: frozenset[str]) -> dict[str, list[str]]:
    """Cut botocore's folder `data` down; the operations that are left, by service."""
    kept = tuple(kept)
    loader = Loader(extra_search_paths=[str(data)], include_default_search_paths=False)
    models = {name: _models(loader, name) for name in kept}
    versions = {name: loader.determine_latest_version(name, "service-2") for name in kept}
    for folder in (path for path in data.iterdir() if path.is_dir()):
        shutil.rmtree(folder)
    operations = {}
    for name, (service, rules) in models.items():
        service = _cut_service(service, method_names, _always(name))
        operations[name] = list(service["operations"])
        folder = data / name / versions[name]
        folder.mkdir(parents=True)
        for kind, content in zip(_KEPT_TYPES, (service, rules), strict=True):
            _write(folder / f"{kind}.json", content)
    _cut_endpoints(data / "endpoints.json", _prefixes(models))
    return operations


def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _words(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) | ast.Name(id=name) | ast.Constant(value=str(name)):
                yield name


def _models(loader: Loader, service: str) -> tuple[Any, ...]:
    return tuple(loader.load_service_model(service, kind) for kind in _KEPT_TYPES)


def _prefixes(models: dict[str, tuple[Any, ...]]) -> frozenset[str]:
    """Under which names endpoints.json may know the services."""
    return frozenset(models) | {
        service["metadata"]["endpointPrefix"] for service, _ in models.values()
    }


def _cut_service(model: Any, method_names: frozenset[str], always: frozenset[str]) -> Any:
    operations = _operations(model, method_names, always)
    needed = _reachable(operations, model["shapes"])
    shapes = {name: shape for name, shape in model["shapes"].items() if name in needed}
    return {**model, "operations": operations, "shapes": shapes}


def _operations(model: Any, method_names: frozenset[str], always: frozenset[str]) -> dict[str, Any]:
    return {
        name: operation
        for name, operation in model["operations"].items()
        if name in always or xform_name(name) in method_names
    }


def _always(service: str) -> frozenset[str]:
    return CALLED_BY_BOTOCORE.get(service, frozenset())


def _reachable(operations: Any, shapes: Any) -> set[str]:
    """The shapes that the operations' inputs, outputs and errors are made of."""
    found: set[str] = set()
    waiting = list(_references(operations))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(_references(shapes[name]))
    return found


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "shape" and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for each in node:
            yield from _references(each)


def _cut_endpoints(file: Path, prefixes: frozenset[str]) -> None:
    """Leave each partition's regions and defaults, and the entries of the services used."""
    endpoints = json.loads(file.read_bytes())
    for partition in endpoints["partitions"]:
        known = partition["services"].items()
        partition["services"] = {name: entry for name, entry in known if name in prefixes}
    _write(file, endpoints)


def _write(file: Path, content: Any) -> None:
    """Compact and without documentation; the order of keys has a meaning and stays."""
    file.write_text(json.dumps(_undocumented(content), separators=(",", ":")), encoding="utf-8")


def _undocumented(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: _described(value) if key == "clientContextParams" else _undocumented(value)
            for key, value in node.items()
            # A member may be called so; its value is then no text.
            if not (key == "documentation" and isinstance(value, str))
        }
    return [_undocumented(each) for each in node] if isinstance(node, list) else node


def _described(parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters with an empty documentation: botocore reads it of these, and of no others."""
    return {name: {**each, "documentation": ""} for name, each in parameters.items()}
