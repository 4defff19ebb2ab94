"""`pin` of a cutover: the clients that are on one of its arms whatever the share, and the file of the token by which a
client says so itself.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from edgeproxy.ruleset.arms import Pin, Side
from edgeproxy.ruleset.model import Rule
from edgeproxy.ruleset.nodes import Node
from edgeproxy.ruleset.origins import Backend
from edgeproxy.ruleset.problems import Code
from edgeproxy.ruleset.read_cache_settings import served_around
from edgeproxy.ruleset.read_conditions import read_client_conditions
from edgeproxy.ruleset.shape import PIN, Findings, read_items, read_table, read_value
from edgeproxy.ruleset.values import read_choice, read_token_name

_SIDES: Final = tuple(each.value for each in Side)


def read_pins(findings: Findings, node: Node) -> tuple[Pin, ...] | None:
    """In file order; None, when any cannot be read."""
    nodes = read_items(findings, node, '`pin` is a list of clients, as in {user_agent: {prefix: "pip/"}, arm: from}')
    if nodes is None:
        return None
    pins = [_read_pin(findings, each) for each in nodes]
    known = tuple(each for each in pins if each is not None)
    return known if len(known) == len(pins) else None


def _read_pin(findings: Findings, node: Node) -> Pin | None:
    table = read_table(findings, node, PIN)
    if table is None:
        return None
    side = read_value(findings, table["arm"], _read_side, f"it is {' or '.join(_SIDES)}") if "arm" in table else None
    conditions = read_client_conditions(findings, table)
    if not any(key in table for key in PIN.optional):
        findings.report(
            Code.MISSING_KEY,
            node.place,
            "a pin of everybody",
            "it says which clients are on an arm, whatever the share; for everybody the share does.",
            "add `user_agent`, `client` or `headers`, or remove it.",
        )
        return None
    return None if side is None or conditions is None else Pin(side, conditions, node.place)


def _read_side(text: str) -> Side:
    return Side(read_choice(text, _SIDES, "an arm of a cutover"))


def read_arm_token(findings: Findings, node: Node, base: Path) -> Path | None:
    """The file; `base` is where a relative path is looked up."""
    text = read_value(findings, node, read_token_name, "it is the path of a file")
    return None if text is None else Path(posixpath.normpath(base / text))


def check_token_apart(
    findings: Findings, node: Node, token: Path, backends: Iterable[Backend], rules: Iterable[Rule]
) -> None:
    """A problem where clients could ask for the token's file."""
    for where, related in served_around(token, backends, rules):
        findings.report(
            Code.CONFLICTING_VALUES,
            node.place,
            f"the `arm_token` {token} in {where} its files",
            "clients could ask for it.",
            "name a place of its own.",
            related,
        )
