"""The cutovers of a rule file: moving splits, with the steps they take and the gates of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from edgeproxy.ruleset.arms import WHOLE, ClientKey, Cutover, Gates, OnFail
from edgeproxy.ruleset.declare import Declared
from edgeproxy.ruleset.declare_splits import read_sticky
from edgeproxy.ruleset.nodes import Node, Table
from edgeproxy.ruleset.origins import Backend
from edgeproxy.ruleset.problems import Code, Related
from edgeproxy.ruleset.quantities import read_duration, read_percentage, read_ratio, read_step, read_wait, written_share
from edgeproxy.ruleset.read_pins import read_pins
from edgeproxy.ruleset.shape import (
    CUTOVER,
    GATE_DIFFERENCES,
    GATE_ERRORS,
    GATE_LATENCY,
    GATES,
    REHEARSED,
    Findings,
    Kind,
    Shape,
    read_fields,
    read_items,
    read_table,
    read_value,
)
from edgeproxy.ruleset.values import read_choice

_PERCENTAGE: Final = Kind(read_percentage, "it is a percentage")
# By gate: its shape, and for its key the kind of value and the field of Gates.
_GATES: Final[Mapping[str, tuple[Shape, str, Kind, str]]] = {
    "errors": (GATE_ERRORS, "worse_by", _PERCENTAGE, "errors_worse_by"),
    "latency": (GATE_LATENCY, "p95_ratio", Kind(read_ratio, "it is a ratio"), "latency_p95_ratio"),
    "differences": (GATE_DIFFERENCES, "at_most", _PERCENTAGE, "differences_at_most"),
}
_ON_FAIL: Final = tuple(each.value for each in OnFail)

assert set(_GATES) == set(GATES.keys)


class CutoverReader:
    """Cutovers between declared backends."""

    def __init__(self, findings: Findings, backends: Declared[Backend], *, takes_token: bool = False) -> None:
        """`takes_token`: the file names a token by which clients say on which arm they are."""
        self._findings = findings
        self._backends = backends
        self._takes_token = takes_token

    def read(self, name: str, node: Node) -> Cutover | None:
        findings = self._findings
        table = read_table(findings, node, CUTOVER)
        if table is None:
            return None
        before = len(findings.problems)
        old = self._backends.find(findings, table["from"]) if "from" in table else None
        new = self._backends.find(findings, table["to"]) if "to" in table else None
        if old is not None and old is new:
            self._report_same(old, table)
        steps = self._read_steps(table["steps"]) if "steps" in table else None
        hold = read_value(findings, table["hold"], read_duration, "it is a duration") if "hold" in table else None
        sticky = read_sticky(findings, table["sticky"]) if "sticky" in table else (ClientKey(),)
        gates = self._read_gates(table["gates"]) if "gates" in table else Gates()
        on_fail: OnFail | None = OnFail.ROLLBACK
        if "on_fail" in table:
            on_fail = read_value(findings, table["on_fail"], _read_on_fail, f"it is {' or '.join(_ON_FAIL)}")
        pins = read_pins(findings, table["pin"]) if "pin" in table else ()
        within = self._read_rehearsed(table["rehearsed"]) if "rehearsed" in table else None
        if len(findings.problems) > before or old is None or new is None or steps is None or hold is None:
            return None
        if sticky is None or on_fail is None or pins is None:
            return None
        return Cutover(name, old, new, steps, hold, sticky, gates, on_fail, pins, self._takes_token, within)

    def _report_same(self, backend: Backend, table: Mapping[str, Node]) -> None:
        self._findings.report(
            Code.CONFLICTING_VALUES,
            table["to"].place,
            f"a cutover from {backend.name} to {backend.name}",
            "it moves clients from one backend to another.",
            "name the other one.",
            Related(table["from"].place, "it comes from here"),
        )

    def _read_steps(self, node: Node) -> tuple[int, ...] | None:
        items = read_items(self._findings, node, "`steps` is a list of percentages, as in [1, 10, 50, 100]")
        if items is None:
            return None
        steps: list[int] = []
        for item in items:
            step = read_value(self._findings, item, read_step, "it is a percentage")
            if step is None:
                return None
            if steps and step <= steps[-1]:
                said, last = written_share(step), written_share(steps[-1])
                why = "a cutover goes up; down it goes by a rollback, all at once."
                remedy = f"write a step above {last}, or remove this one."
                self._findings.report(Code.BAD_STEPS, item.place, f"a step of {said} % after {last} %", why, remedy)
                return None
            steps.append(step)
        if steps[-1] == WHOLE:
            return tuple(steps)
        self._findings.report(
            Code.BAD_STEPS,
            items[-1].place,
            f"the last step is {written_share(steps[-1])} %",
            "a cutover ends with everybody on the new arm.",
            "add the step 100; for a share that stays, declare a split.",
        )
        return None

    def _read_rehearsed(self, node: Node) -> float | None:
        kinds = {"within": Kind(read_wait, "it is a duration")}
        within: float | None = read_fields(
            self._findings, read_table(self._findings, node, REHEARSED) or {}, kinds
        ).get("within")
        return within

    def _read_gates(self, node: Node) -> Gates:
        found: dict[str, Any] = {}
        for gate, inner in (read_table(self._findings, node, GATES) or {}).items():
            shape, key, kind, field = _GATES[gate]
            value = read_fields(self._findings, read_table(self._findings, inner, shape) or {}, {key: kind}).get(key)
            found[field] = value
        return Gates(**found)


def check_arm_names(findings: Findings, splits: Node | None, cutovers: Node | None) -> None:
    """A split and a cutover have two names: a client's place goes by the name."""
    if not isinstance(splits, Table) or not isinstance(cutovers, Table):
        return
    places = {key.value: key.place for key, _ in splits.entries}
    for key, _ in cutovers.entries:
        if key.value in places:
            findings.report(
                Code.DUPLICATE_NAME,
                key.place,
                f"a split and a cutover are named {key.value!r}",
                "a client's place in either follows from its name, and metrics and logs tell them apart by it.",
                "give one of them another name.",
                Related(places[key.value], "the split is here"),
            )


def _read_on_fail(text: str) -> OnFail:
    return OnFail(read_choice(text, _ON_FAIL, "what a cutover does when a gate fails"))
