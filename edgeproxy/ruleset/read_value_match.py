"""What a value must be: of a query parameter, of a header, of the user agent.

A text or a list of texts, one of which the value is; or a table that says one thing of it: `regex`, `prefix` or
`present`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import re2

from edgeproxy.ruleset.matching import Begins, Matches, OneOf, Presence, ValueMatch
from edgeproxy.ruleset.nodes import Items, Node, Table
from edgeproxy.ruleset.problems import Code, Refusal
from edgeproxy.ruleset.regex import whole_matcher
from edgeproxy.ruleset.shape import (
    VALUE,
    Findings,
    read_items,
    read_table,
    read_value,
    report_empty_table,
    report_twice,
)
from edgeproxy.ruleset.values import read_flag

_WHAT: Final = "it is a text, a list of texts, or a table of `regex`, `prefix` or `present`"


@dataclass(frozen=True, slots=True)
class ValueKind:
    """How what is written about a value is read: by whose value it is."""

    text: Callable[[str], str]
    prefix: Callable[[str], str]
    regex: Callable[[str], re2._Regexp]


def read_value_match(findings: Findings, node: Node, kind: ValueKind) -> ValueMatch | None:
    if isinstance(node, Table):
        return _read_told(findings, node, kind)
    if not isinstance(node, Items):
        text = read_value(findings, node, kind.text, _WHAT)
        return None if text is None else OneOf(frozenset({text}))
    nodes = read_items(findings, node, _WHAT)
    if nodes is None:
        return None
    found = [read_value(findings, each, kind.text, "it is a text") for each in nodes]
    report_twice(findings, nodes, "value")
    return None if None in found else OneOf(frozenset(each for each in found if each is not None))


def _read_told(findings: Findings, node: Table, kind: ValueKind) -> ValueMatch | None:
    table = read_table(findings, node, VALUE)
    if not table:
        if not node.entries:
            report_empty_table(findings, node, _WHAT)
        return None
    before = len(findings.problems)
    if len(table) > 1:
        _report_several(findings, table)
    readers = {"regex": _regex_reader(kind), "prefix": _prefix_reader(kind), "present": _read_presence}
    words = {"regex": "it is a regular expression", "prefix": "it is a text", "present": "it is true or false"}
    found = [read_value(findings, each, readers[key], words[key]) for key, each in table.items()]
    return found[0] if len(findings.problems) == before else None


def _report_several(findings: Findings, table: Mapping[str, Node]) -> None:
    given = [key for key in VALUE.keys if key in table]
    has_presence = "present" in table
    findings.report(
        Code.CONFLICTING_KEYS,
        table[given[-1]].place,
        f"{' and '.join(f'`{key}`' for key in given)} of one value",
        "a value that is matched is there: `present: true` adds nothing, `present: false` could never hold."
        if has_presence
        else "one thing is said of a value.",
        "remove `present`." if has_presence else "say both in one `regex`.",
    )


def _regex_reader(kind: ValueKind) -> Callable[[str], ValueMatch]:
    return lambda text: Matches(text, whole_matcher(kind.regex(text)))


def _prefix_reader(kind: ValueKind) -> Callable[[str], ValueMatch]:
    def read(text: str) -> ValueMatch:
        if not text:
            raise Refusal(
                Code.BAD_VALUE,
                "an empty prefix",
                "every value begins with it.",
                "write {present: true} if any will do.",
            )
        return Begins(kind.prefix(text))

    return read


def _read_presence(text: str) -> ValueMatch:
    return Presence(read_flag(text))
