"""What the author of a rule file says of a backend, for the checker: redirects that it gives, and what it reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from edgeproxy.ruleset.nodes import Node
from edgeproxy.ruleset.origins import Declarations, DeclaredRead, DeclaredRedirect
from edgeproxy.ruleset.problems import Code
from edgeproxy.ruleset.quantities import read_lifetime
from edgeproxy.ruleset.read_conditions import read_parameter_text, read_query_conditions
from edgeproxy.ruleset.read_path import parse_path_template
from edgeproxy.ruleset.read_target import parse_declared_target
from edgeproxy.ruleset.read_where import read_where
from edgeproxy.ruleset.shape import (
    DECLARED_READ,
    DECLARED_REDIRECT,
    Findings,
    read_items,
    read_set,
    read_table,
    read_value,
)
from edgeproxy.ruleset.values import read_asked_field_name, read_method, read_redirect_status

DEFAULT_STATUS: Final = 302
_METHODS: Final = "`methods` is a list, as in [GET, HEAD]"
_SAYS_SOMETHING: Final = tuple(key for key in DECLARED_READ.keys if key != "path")


def read_declarations(findings: Findings, backend: Mapping[str, Node]) -> Declarations:
    """The declarations of a backend's table."""
    redirects, reads = [], []
    if "redirects" in backend:
        what = "`redirects` is a list of what the backend redirects, each with a `path` and a `to`"
        redirects = [_read_redirect(findings, each) for each in read_items(findings, backend["redirects"], what) or ()]
    if "reads" in backend:
        what = "`reads` is a list of what the backend reads, each with a `path`"
        reads = [_read_read(findings, each) for each in read_items(findings, backend["reads"], what) or ()]
    return Declarations(
        tuple(each for each in redirects if each is not None), tuple(each for each in reads if each is not None)
    )


def _read_redirect(findings: Findings, node: Node) -> DeclaredRedirect | None:
    table = read_table(findings, node, DECLARED_REDIRECT)
    if table is None:
        return None
    before = len(findings.problems)
    path = read_value(findings, table["path"], parse_path_template, "it is a path") if "path" in table else None
    to = None
    if "to" in table and path is not None:
        known = path
        to = read_value(
            findings, table["to"], lambda text: parse_declared_target(text, known), "it is an absolute URL or path"
        )
    status: int | None = DEFAULT_STATUS
    if "status" in table:
        status = read_value(findings, table["status"], read_redirect_status, "it is a status")
    lifetime = None
    if "lifetime" in table:
        lifetime = read_value(findings, table["lifetime"], read_lifetime, "it is a duration")
    methods = _read_methods(findings, table)
    captures = None if path is None else path.captures
    where = read_where(findings, table["where"], captures) if "where" in table else ()
    query = read_query_conditions(findings, table["query"]) if "query" in table else ()
    if len(findings.problems) > before or path is None or to is None or status is None:
        return None
    return DeclaredRedirect(path, methods, where or (), query or (), to[0], status, lifetime, node.place, to[1])


def _read_read(findings: Findings, node: Node) -> DeclaredRead | None:
    table = read_table(findings, node, DECLARED_READ)
    if table is None:
        return None
    if "path" in table and not any(key in table for key in _SAYS_SOMETHING):
        findings.report(
            Code.MISSING_KEY,
            node.place,
            "a `path` of which nothing is read",
            "it is said so that a rule which strips what the backend reads is found.",
            "add `query`, `methods` or `headers`, or remove it.",
        )
    path = read_value(findings, table["path"], parse_path_template, "it is a path") if "path" in table else None
    query = headers = None
    if "query" in table:
        what = "`query` is a list of the parameters that are read, as in [q, page]"
        query = read_set(findings, table["query"], read_parameter_text, "parameter", what)
    if "headers" in table:
        what = "`headers` is a list of the headers that are read, as in [Range]"
        headers = read_set(findings, table["headers"], read_asked_field_name, "header", what)
    methods = _read_methods(findings, table)
    if path is None:
        return None
    return DeclaredRead(path, query or frozenset(), methods, headers or frozenset(), node.place)


def _read_methods(findings: Findings, table: Mapping[str, Node]) -> frozenset[str]:
    if "methods" not in table:
        return frozenset()
    return read_set(findings, table["methods"], read_method, "method", _METHODS) or frozenset()
