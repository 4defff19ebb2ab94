"""The splits of a rule file: fixed weights between its backends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgeproxy.ruleset.arms import WHOLE, Arm, ClientKey, Split, StickyKey
from edgeproxy.ruleset.declare import Declared
from edgeproxy.ruleset.nodes import Node
from edgeproxy.ruleset.origins import Backend
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Code, Related
from edgeproxy.ruleset.quantities import read_share
from edgeproxy.ruleset.shape import SPLIT, Findings, read_entries, read_items, read_table, read_value
from edgeproxy.ruleset.values import read_sticky_key


class SplitReader:
    """Splits between declared backends."""

    def __init__(self, findings: Findings, backends: Declared[Backend]) -> None:
        self._findings = findings
        self._backends = backends

    def read(self, name: str, node: Node) -> Split | None:
        table = read_table(self._findings, node, SPLIT)
        if table is None:
            return None
        sticky = read_sticky(self._findings, table["sticky"]) if "sticky" in table else (ClientKey(),)
        arms = self._read_weights(table["weights"]) if "weights" in table else None
        return None if arms is None or sticky is None else Split(name, arms, sticky)

    def _read_weights(self, node: Node) -> tuple[Arm, ...] | None:
        entries = read_entries(self._findings, node, "`weights` is a table of backends, each with a percentage")
        if entries is None:
            return None
        arms: list[Arm] = []
        shares: list[int | None] = []
        for key, value in entries:
            backend = self._backends.find(self._findings, key)
            share = read_value(self._findings, value, read_share, "it is a percentage")
            shares.append(share)
            if backend is not None and share is not None:
                arms.append(Arm(backend, share))
        known = [share for share in shares if share is not None]
        if len(known) == len(shares) and sum(known) != WHOLE:
            self._findings.report(
                Code.WEIGHTS_SUM,
                node.place,
                f"the weights add up to {sum(known) / 1000:g}, not to 100",
                "each client is on exactly one arm.",
                "correct the weights.",
            )
            return None
        return tuple(arms) if len(arms) == len(entries) else None


def read_sticky(findings: Findings, node: Node) -> tuple[StickyKey, ...] | None:
    """A ladder of keys, with `client` as its last rung."""
    items = read_items(findings, node, "`sticky` is a list of keys, the first that a request has counts")
    if items is None:
        return None
    found: dict[StickyKey, Place] = {}
    for item in items:
        key = read_value(findings, item, read_sticky_key, "it is header:NAME, cookie:NAME or client")
        if key is None:
            return None
        if key in found:
            findings.report(
                Code.DUPLICATE_VALUE,
                item.place,
                "a sticky key is listed twice",
                "the first place in the list is the one that counts.",
                "remove one.",
                Related(found[key], "first listed here"),
            )
            return None
        found[key] = item.place
    return _with_client(findings, found)


def _with_client(findings: Findings, found: Mapping[StickyKey, Place]) -> tuple[StickyKey, ...] | None:
    ladder: Sequence[StickyKey] = tuple(found)
    if ClientKey() not in found:
        return (*ladder, ClientKey())
    if ladder[-1] == ClientKey():
        return tuple(ladder)
    findings.report(
        Code.BAD_STICKY_KEY,
        found[ClientKey()],
        "`client` is not the last sticky key",
        "every request has it, so that nothing after it would be looked at.",
        "move it to the end.",
    )
    return None
