"""The four actions of a rule: forward, redirect, respond and files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from edgeproxy.ruleset.arms import Cutover, Split
from edgeproxy.ruleset.declare import Declared
from edgeproxy.ruleset.matching import PathRegex
from edgeproxy.ruleset.model import Action, Files, Forward, Redirect, RedirectMap, Respond
from edgeproxy.ruleset.moves import Moves
from edgeproxy.ruleset.nodes import Node, Table, Text
from edgeproxy.ruleset.origins import Backend
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Code, Related
from edgeproxy.ruleset.quantities import read_lifetime
from edgeproxy.ruleset.read_fault import WITHOUT_BODY, read_fault_answer
from edgeproxy.ruleset.read_moves import MapReader
from edgeproxy.ruleset.read_target import parse_file_template, parse_target_template
from edgeproxy.ruleset.shape import (
    FILES,
    FORWARD,
    REDIRECT,
    RESPOND,
    RULE,
    Findings,
    read_entries,
    read_table,
    read_text,
    read_value,
)
from edgeproxy.ruleset.template import PathTemplate, TargetTemplate
from edgeproxy.ruleset.values import (
    read_directory,
    read_field_name,
    read_map_name,
    read_redirect_status,
    read_status,
    value_reader,
)

ACTIONS: Final = ("forward", "redirect", "respond", "files")
_DEFAULT_REDIRECT: Final = 302

assert set(ACTIONS) < set(RULE.keys)


@dataclass(frozen=True, slots=True)
class Scope:
    """What an action may speak of. `base` is where relative directories are looked up; `bases`, that of each file."""

    base: Path
    backends: Declared[Backend]
    splits: Declared[Split]
    cutovers: Declared[Cutover]
    maps: MapReader
    bases: Mapping[str, Path]

    def within(self, file: str) -> Scope:
        """The same for the actions that stand in this file."""
        base = self.bases[file]
        return self if base == self.base else replace(self, base=base)


class ActionReader:
    """Actions over the captures of one rule's path; without a path, targets cannot be read and are left alone."""

    def __init__(self, findings: Findings, scope: Scope, path: PathTemplate | PathRegex | None) -> None:
        self._findings = findings
        self._scope = scope
        self._path = path

    def read(self, rule: Mapping[str, Node], place: Place) -> Action | None:
        """The action of a rule, which has exactly one."""
        given = [key for key in ACTIONS if key in rule]
        if len(given) != 1:
            self._findings.report(
                Code.ONE_ACTION,
                place if not given else rule[given[1]].place,
                "a rule without an action" if not given else f"a rule with {len(given)} actions: {', '.join(given)}",
                "a rule does exactly one thing with the requests it takes.",
                f"give it one of {', '.join(ACTIONS)}." if not given else "make a rule for each, or remove one.",
            )
            return None
        before = len(self._findings.problems)
        action = self._reader(given[0])(rule[given[0]])
        return action if len(self._findings.problems) == before else None

    def _reader(self, key: str) -> Callable[[Node], Action | None]:
        return {
            "forward": self._forward,
            "redirect": self._redirect,
            "respond": self._respond,
            "files": self._files,
        }[key]

    def _forward(self, node: Node) -> Forward | None:
        table = read_table(self._findings, node, FORWARD)
        if table is None:
            return None
        given = [key for key in FORWARD.keys if key in table]
        if len(given) != 1:
            several = " and to ".join(f"a `{key}`" for key in given)
            self._findings.report(
                Code.CONFLICTING_KEYS if given else Code.MISSING_KEY,
                node.place,
                f"a forward to {several}" if given else "a forward needs a `backend`, a `split` or a `cutover`",
                "a request is forwarded once.",
                "keep one of them." if given else "add one of them.",
            )
            return None
        scope = self._scope
        declared: Mapping[str, Declared[Backend] | Declared[Split] | Declared[Cutover]] = {
            "backend": scope.backends,
            "split": scope.splits,
            "cutover": scope.cutovers,
        }
        name = table[given[0]]
        others = (key for key, each in declared.items() if isinstance(name, Text) and name.value in each.names)
        other = next(others, None)
        instead = None if other is None else f"it is the name of a {other}: write `{other}:` before it."
        to = declared[given[0]].find(self._findings, name, instead)
        return None if to is None else Forward(to)

    def _redirect(self, node: Node) -> Redirect | RedirectMap | None:
        table = read_table(self._findings, node, REDIRECT)
        if table is None:
            return None
        status: int | None = _DEFAULT_REDIRECT
        if "status" in table:
            status = read_value(self._findings, table["status"], read_redirect_status, "it is a status")
        lifetime = None
        if "lifetime" in table:
            lifetime = read_value(self._findings, table["lifetime"], read_lifetime, "it is a duration")
        if ("to" in table) == ("map" in table):
            both = "to" in table
            self._findings.report(
                Code.CONFLICTING_KEYS if both else Code.MISSING_KEY,
                node.place,
                "a redirect with a `to` and a `map`" if both else "a redirect needs a `to` or a `map`",
                "a request is redirected to one place.",
                "keep one of the two; a rule behind this one can have the other." if both else "add one of the two.",
            )
            return None
        if "map" in table:
            moves = self._read_map(table["map"])
            return None if moves is None or status is None else RedirectMap(moves, status, lifetime)
        to = self._target(table["to"], parse_target_template, "it is an absolute URL or path")
        return None if to is None or status is None else Redirect(to, status, lifetime)

    def _read_map(self, node: Node) -> Moves | None:
        name = read_value(self._findings, node, read_map_name, "it is the path of a file")
        return None if name is None else self._scope.maps.read(name, self._scope.base, node.place)

    def _target(
        self, node: Node | None, parse: Callable[[str, PathTemplate | PathRegex], TargetTemplate], what: str
    ) -> TargetTemplate | None:
        path = self._path
        if node is None or path is None:
            return None
        return read_value(self._findings, node, lambda text: parse(text, path), what)

    def _respond(self, node: Node) -> Respond | None:
        if isinstance(node, Table) and any(key.value == "xmlrpc_fault" for key, _ in node.entries):
            return read_fault_answer(self._findings, node, self._headers)
        table = read_table(self._findings, node, RESPOND) or {}
        body = read_text(self._findings, table["body"], "it is a text") if "body" in table else None
        headers = self._headers(table["headers"]) if "headers" in table else ()
        if "status" not in table:
            return None
        status = read_value(self._findings, table["status"], read_status, "it is a status")
        if status in WITHOUT_BODY and body is not None and body.value:
            self._findings.report(
                Code.BAD_BODY,
                body.place,
                f"a body with status {status}",
                "an answer with this status has none (RFC 9110 §15).",
                "remove it, or answer with another status.",
                Related(table["status"].place, "the status is given here"),
            )
        return None if status is None else Respond(status, headers, b"" if body is None else body.value.encode())

    def _headers(self, node: Node) -> tuple[tuple[str, str], ...]:
        headers: list[tuple[str, str]] = []
        places: dict[str, Place] = {}
        for key, value in read_entries(self._findings, node, "`headers` is a table of names and values") or ():
            name = read_value(self._findings, key, read_field_name, "it is a header name")
            text = read_value(self._findings, value, value_reader(name), "it is a header value")
            if name is None or text is None:
                continue
            first = places.setdefault(name.lower(), key.place)
            if first is not key.place:
                self._findings.report(
                    Code.DUPLICATE_KEY,
                    key.place,
                    f"the header {name} is given twice",
                    "header names are not case-sensitive (RFC 9110 §5.1).",
                    "keep one; several values go into one, with commas.",
                    Related(first, "first given here"),
                )
            headers.append((name, text))
        return tuple(headers)

    def _files(self, node: Node) -> Files | None:
        table = read_table(self._findings, node, FILES) or {}
        path = self._target(table.get("path"), parse_file_template, "it is a path below the directory")
        if "directory" not in table:
            return None
        directory = read_value(self._findings, table["directory"], read_directory, "it is a directory")
        return None if directory is None else Files(self._scope.base / directory, path)
