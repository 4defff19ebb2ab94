"""The four actions of a rule: forward, redirect, respond and files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgeproxy.ruleset.arms import Split
from edgeproxy.ruleset.declare import Declared
from edgeproxy.ruleset.matching import PathRegex
from edgeproxy.ruleset.model import Action, Files, Forward, Redirect, Respond
from edgeproxy.ruleset.nodes import Node
from edgeproxy.ruleset.origins import Backend
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Code, Related
from edgeproxy.ruleset.quantities import read_lifetime
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
    read_field_value,
    read_redirect_status,
    read_status,
)

ACTIONS: Final = ("forward", "redirect", "respond", "files")
_DEFAULT_REDIRECT: Final = 302
_WITHOUT_BODY: Final = (204, 205, 304)  # RFC 9110 §15.3.5, §15.3.6, §15.4.5

assert set(ACTIONS) < set(RULE.keys)


@dataclass(frozen=True, slots=True)
class Scope:
    """What an action may speak of. `base` is where relative directories are looked up."""

    base: Path
    backends: Declared[Backend]
    splits: Declared[Split]


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
        if ("backend" in table) == ("split" in table):
            both = "backend" in table
            self._findings.report(
                Code.CONFLICTING_KEYS if both else Code.MISSING_KEY,
                node.place,
                "a forward to a `backend` and to a `split`" if both else "a forward needs a `backend` or a `split`",
                "a request is forwarded once.",
                "keep one of the two." if both else "add one of the two.",
            )
            return None
        to: Backend | Split | None
        if "backend" in table:
            to = self._scope.backends.find(self._findings, table["backend"])
        else:
            to = self._scope.splits.find(self._findings, table["split"])
        return None if to is None else Forward(to)

    def _redirect(self, node: Node) -> Redirect | None:
        table = read_table(self._findings, node, REDIRECT) or {}
        to = self._target(table.get("to"), parse_target_template, "it is an absolute URL or path")
        status: int | None = _DEFAULT_REDIRECT
        if "status" in table:
            status = read_value(self._findings, table["status"], read_redirect_status, "it is a status")
        lifetime = None
        if "lifetime" in table:
            lifetime = read_value(self._findings, table["lifetime"], read_lifetime, "it is a duration")
        return None if to is None or status is None else Redirect(to, status, lifetime)

    def _target(
        self, node: Node | None, parse: Callable[[str, PathTemplate | PathRegex], TargetTemplate], what: str
    ) -> TargetTemplate | None:
        path = self._path
        if node is None or path is None:
            return None
        return read_value(self._findings, node, lambda text: parse(text, path), what)

    def _respond(self, node: Node) -> Respond | None:
        table = read_table(self._findings, node, RESPOND) or {}
        body = read_text(self._findings, table["body"], "it is a text") if "body" in table else None
        headers = self._headers(table["headers"]) if "headers" in table else ()
        if "status" not in table:
            return None
        status = read_value(self._findings, table["status"], read_status, "it is a status")
        if status in _WITHOUT_BODY and body is not None and body.value:
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
            text = read_value(self._findings, value, read_field_value, "it is a header value")
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
