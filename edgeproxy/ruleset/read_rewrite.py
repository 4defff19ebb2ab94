"""`rewrite` of a rule: what a backend is asked instead of what the client asked, and headers of the answer.

Law: what says where a message ends, whose it is and for whom stays the edge's: no rule can write it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from edgeproxy.http.fields import FORWARDING, HOP_BY_HOP
from edgeproxy.ruleset.addresses import read_authority
from edgeproxy.ruleset.modifiers import Rewrite
from edgeproxy.ruleset.nodes import Node, Table
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Code, Refusal, Related
from edgeproxy.ruleset.read_cache import Path
from edgeproxy.ruleset.read_target import parse_asked_path
from edgeproxy.ruleset.shape import (
    HEADER,
    REWRITE,
    Findings,
    read_some_entries,
    read_table,
    read_value,
    report_empty_table,
)
from edgeproxy.ruleset.values import read_field_name, read_field_value, value_reader

_ASKED: Final = ("path", "host", "headers")
_HOP_BY_HOP: Final = frozenset(name.decode() for name in HOP_BY_HOP)
# What the edge says to backends in its own words (see request.py), or answers itself: Expect.
_OF_THE_EDGE: Final = frozenset(name.decode() for name in FORWARDING) | {"cdn-loop", "expect", "traceparent", "via"}

Header = tuple[str, str | None]


def read_rewrite(findings: Findings, node: Node, path: Path) -> Rewrite:
    table = read_table(findings, node, REWRITE)
    if table is None:
        return Rewrite()
    if isinstance(node, Table) and not node.entries:
        report_empty_table(findings, node, "`rewrite` says what is rewritten: path, host, headers or answer_headers")
    asked = host = None
    if "path" in table and path is not None:
        known = path
        asked = read_value(findings, table["path"], lambda text: parse_asked_path(text, known), "it is a path")
    if "host" in table:
        host = read_value(findings, table["host"], read_authority, "it is the Host header sent")
    headers: tuple[Header, ...] = ()
    answer_headers: tuple[Header, ...] = ()
    if "headers" in table:
        headers = _read_headers(findings, table["headers"], "headers", _read_asked_name)
    if "answer_headers" in table:
        answer_headers = _read_headers(findings, table["answer_headers"], "answer_headers", _read_name)
    return Rewrite(asked, None if host is None else host.text, headers, answer_headers)


def asked_parts(node: Node) -> Iterator[tuple[str, Node]]:
    """The parts of a `rewrite` that change what a backend is asked."""
    entries = node.entries if isinstance(node, Table) else ()
    yield from ((key.value, value) for key, value in entries if key.value in _ASKED)


def _read_headers(findings: Findings, node: Node, key: str, read_name: Callable[[str], str]) -> tuple[Header, ...]:
    headers: list[Header] = []
    places: dict[str, Place] = {}
    what = f"`{key}` is a table of names, each with a value or {{remove: true}}"
    for name_node, value_node in read_some_entries(findings, node, what) or ():
        name = read_value(findings, name_node, read_name, "it is a header name")
        read = value_reader(name) if key == "answer_headers" else read_field_value
        found, value = _read_change(findings, value_node, read)
        if name is None or not found:
            continue
        first = places.setdefault(name.lower(), name_node.place)
        if first is not name_node.place:
            findings.report(
                Code.DUPLICATE_KEY,
                name_node.place,
                f"the header {name} is given twice",
                "header names are not case-sensitive (RFC 9110 §5.1).",
                "keep one; several values go into one, with commas.",
                Related(first, "first given here"),
            )
        headers.append((name, value))
    return tuple(headers)


def _read_change(findings: Findings, node: Node, read: Callable[[str], str]) -> tuple[bool, str | None]:
    """Whether it could be read; and the value of a header, None for one that is taken away."""
    if not isinstance(node, Table):
        value = read_value(findings, node, read, "it is a header value, or {remove: true}")
        return value is not None, value
    table = read_table(findings, node, HEADER) or {}
    if "remove" not in table:
        return False, None
    return read_value(findings, table["remove"], _read_remove, "it is true") is not None, None


def _read_remove(text: str) -> str:
    if text != "true":
        raise Refusal(
            Code.BAD_CHOICE,
            f"a header with `remove: {text}`",
            "a header of which nothing is said stays as it is.",
            "write `remove: true`, or leave the header out.",
        )
    return text


def _read_asked_name(text: str) -> str:
    name = text.lower()
    if name == "host":
        raise Refusal(
            Code.BAD_HEADER, "a rewrite of the header Host", "it has a key of its own.", "write `host:` in `rewrite`."
        )
    if name in _OF_THE_EDGE or name.startswith("x-forwarded-"):
        raise Refusal(
            Code.BAD_HEADER,
            f"a rewrite of the header {text}",
            "the edge says itself who asks and by which way, and drops what others say of it.",
            "remove it; give it another name if the backend is to know more.",
        )
    return _read_name(text)


def _read_name(text: str) -> str:
    if text.lower() in _HOP_BY_HOP and text.lower() != "connection":  # of which read_field_name tells
        raise Refusal(
            Code.BAD_HEADER,
            f"a rewrite of the header {text}",
            "it is of one connection, and goes no further (RFC 9110 §7.6.1).",
            "remove it.",
        )
    return read_field_name(text)
