"""Phrases in a row of words, found by small patterns that people can write. Pure.

One pattern a line: words that follow each other, `a|b` for either, `a_b` for two words inside an
either, `a?` for a word that may be missing, `$name` inside an either for a list by that name.
Patterns stay graphs and are not multiplied out, so that reading them takes no longer than their
text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import product
from types import MappingProxyType

_APART = str.maketrans("|?_", "   ")
_NO_LISTS: Mapping[str, str] = MappingProxyType({})


class _Node:
    """What may follow by the next word, and what a phrase that ends here stands for."""

    __slots__ = ("after", "concepts")

    def __init__(self, concepts: tuple[str, ...] | None = None) -> None:
        self.after: dict[str, list[_Node]] = {}
        self.concepts = concepts

    def link(self, either: str, target: _Node) -> None:
        first, _, rest = either.partition("_")
        if rest:
            between = _Node()
            between.link(rest, target)
            target = between
        self.after.setdefault(first, []).append(target)

    def merge(self, other: _Node) -> None:
        for word, nodes in other.after.items():
            self.after.setdefault(word, []).extend(nodes)
        if self.concepts is None:
            self.concepts = other.concepts


class _Pattern:
    """One line, read when a word first asks for it: most are not asked for in most turns."""

    __slots__ = ("_end", "_items", "_lists", "_start")

    def __init__(self, items: list[str], end: _Node, lists: Mapping[str, list[str]]) -> None:
        self._items = items
        self._end = end
        self._lists = lists
        self._start: _Node | None = None

    def first_words(self) -> Iterator[str]:
        for item in self._items:
            for either in self._eithers(item):
                yield either.partition("_")[0]
            if item[-1] != "?":
                return

    def _eithers(self, item: str) -> list[str]:
        eithers = item.removesuffix("?").split("|")
        if "$" not in item:
            return eithers
        return [one for either in eithers for one in self._lists.get(either, (either,))]

    def after(self, word: str) -> list[_Node]:
        """Where a phrase that begins with that word goes on."""
        if self._start is None:
            self._start = self._read()
        return self._start.after.get(word, [])

    def _read(self) -> _Node:
        following = self._end
        for item in reversed(self._items):
            node = _Node()
            for either in self._eithers(item):
                node.link(either, following)
            if item[-1] == "?":
                node.merge(following)
            following = node
        return following


class Phrases:
    """Patterns with the concepts that they stand for; the first added wins a tie.

    `lists` are named eithers, which the patterns write as `$name`.
    """

    def __init__(self, lists: Mapping[str, str] = _NO_LISTS) -> None:
        self._lists = {f"${name}": eithers.split("|") for name, eithers in lists.items()}
        self._patterns_by_start: dict[str, list[_Pattern]] = {}
        self._nodes_by_start: dict[str, list[_Node]] = {}
        self._texts: list[str] = []
        self.concepts: set[str] = set()

    def add(self, concepts: str, patterns: str) -> None:
        """Let each of the patterns stand for the concepts, which are divided by spaces."""
        end = _Node(tuple(concepts.split()))
        self.concepts.update(end.concepts or ())
        self._texts.append(patterns)
        for line in patterns.splitlines():
            if items := line.split():
                pattern = _Pattern(items, end, self._lists)
                for word in set(pattern.first_words()):
                    self._patterns_by_start.setdefault(word, []).append(pattern)

    @cached_property
    def words(self) -> frozenset[str]:
        """All that occur in the patterns, once all are added."""
        found = set("\n".join(self._texts).translate(_APART).split())
        lists = found & self._lists.keys()
        named = " ".join(either for name in lists for either in self._lists[name])
        return frozenset(found - lists | set(named.translate(_APART).split()))

    def at(self, words: Sequence[str], start: int) -> list[tuple[tuple[str, ...], int]]:
        """The phrases that begin there, longest first: their concepts, and where they end."""
        found = []
        nodes = self._beginning(words[start]) if start < len(words) else []
        for end in range(start + 1, len(words) + 1):
            for node in nodes:
                if node.concepts is not None:
                    found.append((node.concepts, end))
                    break
            if not nodes or end == len(words):
                break
            nodes = [after for node in nodes for after in node.after.get(words[end], ())]
        return found[::-1]

    def _beginning(self, word: str) -> list[_Node]:
        """Where the phrases go on that begin with the word; kept for words of the patterns."""
        nodes = self._nodes_by_start.get(word)
        if nodes is None:
            patterns = self._patterns_by_start.get(word)
            if not patterns:
                return []
            nodes = [node for pattern in patterns for node in pattern.after(word)]
            self._nodes_by_start[word] = nodes
        return nodes

    def cover(self, words: Sequence[str], start: int = 0) -> list[str] | None:
        """The concepts of phrases that make up all the words; None if some word fits in none.

        The longest phrase is preferred from left to right, unless it leaves words uncovered.
        """
        return self._cover(words, start, set())

    def _cover(self, words: Sequence[str], start: int, dead: set[int]) -> list[str] | None:
        if start == len(words):
            return []
        for concepts, end in () if start in dead else self.at(words, start):
            if (rest := self._cover(words, end, dead)) is not None:
                return [*concepts, *rest]
        dead.add(start)
        return None


def choices(pattern: str) -> Iterator[tuple[frozenset[str], frozenset[str]]]:
    """The sets of words that an unordered pattern needs, each with those that it allows."""
    items = pattern.split()
    optional = [word for item in items if item.endswith("?") for word in item[:-1].split("|")]
    for needed in product(*(item.split("|") for item in items if not item.endswith("?"))):
        yield frozenset(needed), frozenset((*needed, *optional))
