"""The `limits` section of a rule file: what kind of value each limit is, and the limits that come of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Final

from edgeproxy.ruleset.limits import DEFAULT_LIMITS, Limits
from edgeproxy.ruleset.nodes import Node
from edgeproxy.ruleset.problems import Code
from edgeproxy.ruleset.quantities import (
    read_capacity,
    read_count,
    read_duration,
    read_number,
    read_size,
    read_tick,
    read_wait,
    written_duration,
)
from edgeproxy.ruleset.shape import LIMITS, Findings, Kind, read_fields, read_table

_A_SIZE: Final = "it is a size"
_A_NUMBER: Final = "it is a number"
_A_DURATION: Final = "it is a duration"
WAIT: Final = Kind(read_wait, _A_DURATION)
SIZE: Final = Kind(read_size, _A_SIZE)
COUNT: Final = Kind(read_count, _A_NUMBER)
NUMBER: Final = Kind(read_number, _A_NUMBER)
_CAPACITY: Final = Kind(read_capacity, _A_SIZE)


def _each(names: Iterable[str], kind: Kind) -> Mapping[str, Kind]:
    return dict.fromkeys(names, kind)


# A kind of value that may be 0 is one of a limit that 0 turns off, or that allows nothing.
KINDS: Final[Mapping[str, Kind]] = {
    **_each((field.name for field in fields(Limits) if field.type == "float"), WAIT),
    **_each(("head", "target", "call", "held", "memo_octets"), _CAPACITY),
    **_each(("body", "body_rate", "take_rate"), SIZE),
    **_each(("fields", "connections", "connections_per_client", "requests", "memo", "plans", "rate_slots"), COUNT),
    "pool_size": NUMBER,
    "drain_idle": Kind(read_duration, _A_DURATION),
    "tick": Kind(read_tick, _A_DURATION),
}

assert set(KINDS) == set(LIMITS.keys)


def read_limits(findings: Findings, node: Node) -> Limits:
    before = len(findings.problems)
    table = read_table(findings, node, LIMITS) or {}
    given = read_fields(findings, table, KINDS)
    limits = replace(DEFAULT_LIMITS, **given)
    if limits.name_least > limits.name_most and len(findings.problems) == before:
        least, most = written_duration(limits.name_least), written_duration(limits.name_most)
        key = "name_least" if "name_least" in given else "name_most"
        findings.report(
            Code.CONFLICTING_VALUES,
            table[key].place,
            f"a `name_least` of {least} with a `name_most` of {most}",
            "an address would be used for longer than it may be.",
            f"write `name_least: {most}`, or `name_most: {least}`.",
        )
    return limits
