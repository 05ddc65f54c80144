"""Whether a package holds all that its code imports, at any time: read from the syntax trees.

Of Atlas's own code every import has to be there, also one inside a function. Of a library only
what runs whenever the module is imported: what stands under `if` and `try`, or in a function, may
be for other systems; it is followed where it is there.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

OWN = ("app", "chalicelib")
# six makes its submodules when it is imported.
MADE_AT_RUN_TIME = frozenset(("six.moves",))


@dataclass(frozen=True, slots=True)
class _Import:
    """One name that a module asks for: `module`, and in it, perhaps, a module `member`."""

    module: str
    member: str
    is_required: bool


def missing_imports(content: Path) -> list[str]:
    """`importing module: name` for each import that neither `content` nor Python can satisfy."""
    own = (name for name in _all_modules(content) if name.partition(".")[0] in OWN)
    waiting, seen, missing = list(own), set[str](), set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for each in _imports(content, name):
            found = _found(content, each)
            waiting.extend(found)
            if not found and each.is_required and not _is_elsewhere(each.module):
                missing.add(f"{name}: {each.module}")
    return sorted(missing)


def _all_modules(content: Path) -> Iterator[str]:
    for file in content.rglob("*.py"):
        yield ".".join(file.relative_to(content).with_suffix("").parts).removesuffix(".__init__")


def _is_elsewhere(module: str) -> bool:
    return module in MADE_AT_RUN_TIME or module.partition(".")[0] in sys.stdlib_module_names


def _found(content: Path, wanted: _Import) -> list[str]:
    """The modules that the import loads, its packages included; none when it cannot be met."""
    parts = wanted.module.split(".")
    names = [".".join(parts[: count + 1]) for count in range(len(parts))]
    if not all(_is_there(content, name) for name in names):
        return []
    member = f"{wanted.module}.{wanted.member}"
    return [*names, member] if wanted.member and _is_there(content, member) else names


def _is_there(content: Path, name: str) -> bool:
    return _source(content, name) is not None or bool(_binaries(content, name))


def _source(content: Path, name: str) -> Path | None:
    path = content.joinpath(*name.split("."))
    for file in (path / "__init__.py", path.with_name(f"{path.name}.py")):
        if file.is_file():
            return file
    return None


def _binaries(content: Path, name: str) -> list[Path]:
    path = content.joinpath(*name.split("."))
    return list(path.parent.glob(f"{path.name}.*so")) if path.parent.is_dir() else []


def _imports(content: Path, name: str) -> Iterator[_Import]:
    source = _source(content, name)
    if source is None:
        return
    package = name if source.name == "__init__.py" else name.rpartition(".")[0]
    tree = ast.parse(source.read_bytes())
    is_own = name.partition(".")[0] in OWN
    for node, is_certain in _statements(tree, is_certain=True):
        for module, member in _wanted(node, package):
            yield _Import(module, member, is_certain or is_own)


def _statements(node: ast.AST, *, is_certain: bool) -> Iterator[tuple[ast.AST, bool]]:
    """Each import with whether it runs whenever its module does; none under TYPE_CHECKING."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, is_certain
        else:
            straight = is_certain and isinstance(child, ast.Module | ast.ClassDef | ast.With)
            yield from _statements(child, is_certain=straight)


def _wanted(node: ast.AST, package: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Import):
        yield from ((alias.name, "") for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) - node.level + 1]
        base = [] if node.level == 0 else above
        module = ".".join([*base, *(node.module or "").split(".")]).strip(".")
        yield from ((module, alias.name) for alias in node.names)
