"""Values of JSON and of XML-RPC, compared part by part.

Laws of this module:
- a number is equal to the same number in another spelling (1, 1.0, 1e0), as it is for nearly every reader, and never
  to a truth value or a text;
- members of an object have no order, elements of an array have one;
- no comparison by Python's `==` of containers: there `True` is `1`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Final

from edgeproxy.migration.comparing.align import align
from edgeproxy.migration.comparing.bounds import Bounds, BrokenContent, Flaw
from edgeproxy.migration.comparing.differences import (
    Added,
    At,
    Changed,
    Missing,
    Reordered,
    TypeChanged,
    shown,
)
from edgeproxy.migration.comparing.found import Found
from edgeproxy.migration.comparing.ignores import below
from edgeproxy.ruleset.ignores import Parts


@dataclass(frozen=True, slots=True)
class Typed:
    """A value that XML-RPC has beside those of JSON: a moment, octets, a number that is none."""

    type: str
    text: str


Tree = None | bool | int | float | str | Typed | list["Tree"] | dict[str, "Tree"]

_TYPES: Final[dict[type, str]] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
_CONTAINERS: Final = frozenset((dict, list))  # PERF: exact types, which is what the readers make
# What tells one object of an array from another, whatever else of it changed.
_IDENTITIES: Final = ("filename", "name", "id", "key", "url", "version")
_EXACT: Final = 2**53  # up to here every whole number is a double
_MANY: Final = 32  # members of one type: an object of more is a map, whose names are data
_FIELD: Final = re.compile("[A-Za-z_$@][A-Za-z0-9_$@:-]{0,40}")  # neither a version nor the name of a file


def number(text: str) -> int | float:
    """A number with a fraction or an exponent, as whole as it is."""
    value = float(text)
    return int(value) if abs(value) < _EXACT and value.is_integer() else value


def check_bounds(tree: Tree, bounds: Bounds) -> None:
    """Depth and number of values, level by level: it does not recurse itself."""
    level: list[Any] = [tree] if isinstance(tree, dict | list) else []  # objects and arrays
    count, depth = 1, 0
    while level:
        depth += 1
        count += sum(map(len, level))
        if depth > bounds.depth:
            raise BrokenContent(Flaw.TOO_DEEP, f"more than {bounds.depth} levels")
        if count > bounds.nodes:
            raise BrokenContent(Flaw.TOO_MANY, f"more than {bounds.nodes} values")
        level = [
            value
            for each in level
            for value in (each.values() if type(each) is dict else each)
            if type(value) in _CONTAINERS
        ]


def prune(tree: Tree, patterns: tuple[Parts, ...]) -> None:
    """Take out what the patterns lead to."""
    if isinstance(tree, dict):
        for name in list(tree):
            inner = below(patterns, name)
            if () in inner:
                del tree[name]
            elif inner:
                prune(tree[name], inner)
    elif isinstance(tree, list):
        kept: list[Tree] = []
        for index, value in enumerate(tree):
            inner = below(patterns, str(index))
            if () not in inner:
                kept.append(value)
                prune(value, inner)
        tree[:] = kept


def without_empty(tree: Tree) -> None:
    """Take out members that are null, or an empty text, array or object, as they came; elements of arrays stay."""
    if isinstance(tree, dict):
        for name in [name for name, value in tree.items() if value is None or _is_bare(value)]:
            del tree[name]
    if isinstance(tree, dict | list):
        for value in tree.values() if isinstance(tree, dict) else tree:
            without_empty(value)


def _is_bare(value: Tree) -> bool:
    return isinstance(value, str | list | dict) and not value


def compare_trees(found: Found, at: At, old: Tree, new: Tree) -> None:
    _Comparison(found).compare(at, old, new)


class _Comparison:
    """Of two values. Equal parts of both have one number, so that no part is looked through again at each level."""

    def __init__(self, found: Found) -> None:
        self._found = found
        self._numbers: dict[Hashable, int] = {}
        self._known: dict[int, int] = {}  # of objects and arrays, by their identity: both sides outlive this

    def compare(self, at: At, old: Tree, new: Tree) -> None:
        if isinstance(old, dict) and isinstance(new, dict):
            self._compare_objects(at, old, new)
        elif isinstance(old, list) and isinstance(new, list):
            self._compare_arrays(at, old, new)
        elif (before := type_of(old)) != (after := type_of(new)):
            self._found.add(TypeChanged(*at, before, after))
        elif old != new:
            self._found.add(Changed(*at, show(old), show(new)))

    def _compare_objects(self, at: At, old: dict[str, Tree], new: dict[str, Tree]) -> None:
        is_map = _is_map(old) or _is_map(new)
        for name, value in old.items():
            if name not in new:
                self._found.add(Missing(*_member(at, name, is_map), show(value)))
                continue
            other = new[name]
            # PERF: most members are equal texts; 2.4 instead of 3.5 ms for a document of 1,000 files
            if type(value) is not type(other) or isinstance(value, dict | list) or value != other:
                self.compare(_member(at, name, is_map), value, other)
        for name, value in new.items():
            if name not in old:
                self._found.add(Added(*_member(at, name, is_map), show(value)))

    def _compare_arrays(self, at: At, old: list[Tree], new: list[Tree]) -> None:
        if old == new and _written(old) == _written(new):  # PERF: equal arrays are common, and this is done in C
            return
        aligned = align(old, new, self._number, _label)
        both = {*aligned.missing} & {*aligned.added}
        retyped = {index for index in both if type_of(old[index]) != type_of(new[index])}
        for before, after in (*aligned.pairs, *((index, index) for index in sorted(retyped))):
            self.compare(at.part(str(before), is_free=True), old[before], new[after])
        for index in aligned.missing:
            if index not in retyped:
                self._found.add(Missing(*at.part(str(index), is_free=True), show(old[index])))
        for index in aligned.added:
            if index not in retyped:
                self._found.add(Added(*at.part(str(index), is_free=True), show(new[index])))
        if aligned.is_reordered:
            self._found.add(Reordered(*at))

    def _number(self, tree: Tree) -> int:
        """The same for equal values and for no others."""
        if not isinstance(tree, dict | list):
            return self._numbers.setdefault((type_of(tree), tree), len(self._numbers))
        number = self._known.get(id(tree))
        if number is None:
            if isinstance(tree, dict):
                key: Hashable = frozenset((name, self._number(value)) for name, value in tree.items())
            else:
                key = tuple(map(self._number, tree))
            number = self._known[id(tree)] = self._numbers.setdefault(key, len(self._numbers))
        return number


def _written(tree: Tree) -> str:
    """The same only for equal values: what Python holds for equal, True and 1, is not written the same."""
    return json.dumps(tree, default=repr)


def _member(at: At, name: str, is_map: bool) -> At:
    return at.part(name, is_free=is_map or not _FIELD.fullmatch(name))


def _is_map(tree: dict[str, Tree]) -> bool:
    return len(tree) > _MANY and len(set(map(type, tree.values()))) == 1


def _label(tree: Tree) -> Hashable:
    if isinstance(tree, dict):
        for name in _IDENTITIES:
            value = tree.get(name)
            if isinstance(value, str | int):
                return name, value
    return type_of(tree)


def type_of(tree: Tree) -> str:
    return tree.type if isinstance(tree, Typed) else _TYPES[type(tree)]


def show(tree: Tree) -> str:
    """A value in a report: containers by their size."""
    match tree:
        case dict():
            return f"{{{len(tree)} members}}"
        case list():
            return f"[{len(tree)} elements]"
        case Typed():
            return shown(tree.text)
        case str():
            return shown(tree)
        case float() if not math.isfinite(tree):
            return str(tree)
        case int() if abs(tree) > 10**_LONGEST_NUMBER:
            return f"a number of {tree.bit_length()} bits"
        case _:
            return json.dumps(tree)


_LONGEST_NUMBER: Final = 100  # digits
