"""YAML as a rule file uses it: texts, lists and tables, each with its place.

A text is kept as written, whatever YAML would take it for: `no`, `8080` and `1e3` are what the reader of a value
makes of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, assert_never

from edgeproxy.ruleset.place import Place


class Text(NamedTuple):  # PERF: as Place
    """`inset` counts the characters between the node's place and the value's first, where the value stands in the
    file as it is read; None where escapes or several lines part the two.
    """

    value: str
    place: Place
    quoted: bool = False
    inset: int | None = 0

    def place_at(self, offset: int) -> Place:
        """The place of a character of the value, as far as it can be told."""
        if self.inset is None or offset == 0 == self.inset:
            return self.place
        return Place(self.place.file, self.place.line, self.place.column + self.inset + offset)


@dataclass(frozen=True, slots=True)
class Items:
    nodes: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Table:
    """Keys are unique: of two equal ones the first is kept, and a problem tells of the other."""

    entries: tuple[tuple[Text, Node], ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Broken:
    """Something of which a problem has been told: nothing more is said about it."""

    place: Place


Node = Text | Items | Table | Broken


def kind_of(node: Node) -> str:
    """What a node is, in words for people."""
    match node:
        case Text(value="", quoted=False):
            return "nothing"
        case Text():
            return "a text"
        case Items():
            return "a list"
        case Table():
            return "a table"
        case Broken():
            return "not readable"
        case _:
            assert_never(node)


def without_places(node: Node) -> object:
    """What a node says, wherever it stands: equal for files that mean the same."""
    match node:
        case Text(value=value, quoted=quoted):
            return value, quoted
        case Items(nodes=nodes):
            return tuple(map(without_places, nodes)), "list"
        case Table(entries=entries):
            return tuple((key.value, key.quoted, without_places(value)) for key, value in entries), "table"
        case Broken():
            return None
        case _:
            assert_never(node)
