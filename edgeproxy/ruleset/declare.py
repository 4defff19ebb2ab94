"""Declarations of a rule file, and the hosts: names, each with what it stands for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from edgeproxy.ruleset.addresses import read_host_name
from edgeproxy.ruleset.nodes import Node
from edgeproxy.ruleset.origins import Host, HostKind
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Code, Related, nearest
from edgeproxy.ruleset.shape import HOST, Findings, read_entries, read_items, read_table, read_text, read_value
from edgeproxy.ruleset.values import read_choice, read_name

T = TypeVar("T")
_KINDS: Final = tuple(kind.value for kind in HostKind)


@dataclass(slots=True)
class Declared(Generic[T]):
    """What one section declares. A name whose value could not be read is declared all the same: a rule that
    speaks of it is not to blame. So is every name, when the section itself cannot be read.
    """

    what: str
    values: dict[str, T] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    readable: bool = True

    @property
    def whole(self) -> bool:
        return self.readable and len(self.values) == len(self.names)

    def find(self, findings: Findings, node: Node, instead: str | None = None) -> T | None:
        """The value that a text names. `instead`: the remedy where it names none, else it is a name close to it."""
        text = read_text(findings, node, f"it is the name of a {self.what}")
        if text is None:
            return None
        if text.value not in self.names and self.readable:
            findings.report(
                Code.UNDEFINED_NAME,
                text.place,
                f"no {self.what} is named {text.value!r}",
                f"a {self.what} is declared under `{self.what}s:` before a rule can speak of it.",
                nearest(text.value, self.names) if instead is None else instead,
            )
        return self.values.get(text.value)


def declare(findings: Findings, node: Node | None, what: str, read: Callable[[str, Node], T | None]) -> Declared[T]:
    """A section of names, each with a value that `read` makes of its name and node."""
    declared: Declared[T] = Declared(what)
    if node is None:
        return declared
    entries = read_entries(findings, node, f"`{what}s` is a table of names, each with a {what}")
    declared.readable = bool(entries)
    if entries == ():
        remedy = f"declare a {what}, or remove the key."
        findings.report(Code.EMPTY_VALUE, node.place, f"no {what} is declared", "an empty table says nothing.", remedy)
    for key, value_node in entries or ():
        declared.names.add(key.value)
        name = read_value(findings, key, read_name, f"it is the name of a {what}")
        value = read(key.value, value_node)
        if name is not None and value is not None:
            declared.values[name] = value
    return declared


class HostReader:
    """Hosts, each host name in one of them."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._places: dict[str, Place] = {}

    def read(self, name: str, node: Node) -> Host | None:
        table = read_table(self._findings, node, HOST)
        if table is None:
            return None
        kind: HostKind | None = HostKind.APP
        if "kind" in table:
            kind = read_value(self._findings, table["kind"], _read_kind, f"a kind is {' or '.join(_KINDS)}")
        if "names" not in table:
            return None
        nodes = read_items(self._findings, table["names"], "`names` is a list of host names")
        names = [self._read_name(each) for each in nodes or ()]
        known = tuple(each for each in names if each is not None)
        if kind is None or not known or len(known) < len(names):
            return None
        return Host(name, known, kind, node.place)

    def _read_name(self, node: Node) -> str | None:
        name = read_value(self._findings, node, read_host_name, "it is a host name")
        if name is None:
            return None
        first = self._places.setdefault(name, node.place)
        if first is node.place:
            return name
        self._findings.report(
            Code.DUPLICATE_NAME,
            node.place,
            f"the host name {name} is given twice",
            "a request is for one host, which its host name tells.",
            "keep one.",
            Related(first, "first given here"),
        )
        return None


def _read_kind(text: str) -> HostKind:
    return HostKind(read_choice(text, _KINDS, "a kind of host"))
