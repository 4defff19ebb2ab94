"""One shadow, from the queue until it is handed on: which side is asked in which order, and what comes of it.

First the old side, where its answer as it passed cannot be compared; then the new side; then, now and then, the old
side once more, for the differences that it has with itself. One after the other: a shadow is in nobody's way. Where
redirects are compared by what they lead to, each of these is followed to its end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from edgeproxy.migration.specimen import Part, Silence, Specimen
from edgeproxy.proxy.shadow.hearing import Hearing
from edgeproxy.proxy.shadow.inquiry import Inquiry, Outcome
from edgeproxy.proxy.shadow.original import BROKEN, Original
from edgeproxy.proxy.shadow.pursuit import Pursuit
from edgeproxy.ruleset.arms import Side
from edgeproxy.ruleset.modifiers import Comparison
from edgeproxy.telemetry.counters import Drop

if TYPE_CHECKING:
    from edgeproxy.proxy.plan import Pass
    from edgeproxy.proxy.shadow.shadower import Shadower


class Shadowing:
    __slots__ = ("_asked", "_body", "_lines", "_new", "_on_over", "_original", "_shadower")

    def __init__(self, shadower: Shadower, original: Original, on_over: Callable[[Shadowing], None]) -> None:
        self._shadower = shadower
        self._original = original
        self._lines = original.lines
        self._body = original.body or b""
        self._new: Part | Silence = Silence.BROKEN
        self._asked: Inquiry | Pursuit | None = None
        self._on_over = on_over

    def start(self) -> None:
        if self._original.old is None:
            self._ask_again(self._on_old)
        else:
            self._follow(self._original.plan, Side.OLD, self._original.old, self._on_old)

    def stop(self, why: Drop) -> None:
        if self._asked is not None:
            self._asked.stop()
        self._end(why)

    # -- steps --------------------------------------------------------------------------------------------------

    def _ask(self, plan: Pass, on_over: Callable[[Outcome], None]) -> None:
        """A file that is longer than the old side's is another one, and not heard to its end."""
        old = self._original.old
        most = None if old is None or not old.digest else old.size
        pool = self._shadower.pool(plan.backend)
        head = b"%b%b\r\n%b" % (plan.start, self._lines, self._body)
        hearing = Hearing(self._original.hold)
        inquiry = self._asked = Inquiry(pool, plan, head, hearing, self._original.shadow.compare, most, on_over)
        inquiry.start()

    def _follow(self, plan: Pass, side: Side, outcome: Outcome, on_over: Callable[[Outcome], None]) -> None:
        """To where it leads, if that is what is compared."""
        original = self._original
        if original.shadow.compare is not Comparison.REDIRECT or not isinstance(outcome, Part):
            on_over(outcome)
            return
        pursuit = self._asked = Pursuit(self._shadower, original, plan, side, outcome, on_over)
        pursuit.start()

    def _ask_again(self, on_over: Callable[[Outcome], None]) -> None:
        """The request's own backend: by nobody's arm, and for no copy."""
        original = self._original
        time = original.shadow.plan.time
        plan = replace(original.plan, time=time, arm=None, cache=None, fallback=None, shadow=None, upgrade=frozenset())
        self._ask(plan, lambda outcome: self._follow(plan, Side.OLD, outcome, on_over))

    def _on_old(self, outcome: Outcome) -> None:
        if outcome is None:
            self._end(Drop.NO_ROOM)
        elif isinstance(outcome, Silence) or outcome.status >= BROKEN:
            self._end(Drop.OLD_FAILED)
        elif outcome.is_cut:
            self._end(Drop.TOO_LARGE)
        else:
            self._original.old = outcome
            self._ask_new()

    def _ask_new(self) -> None:
        self._shadower.counters.shadows[self._original.plan.rule] += 1
        self._ask(self._original.shadow.plan, self._on_new)

    def _on_new(self, outcome: Outcome) -> None:
        if outcome is not None:
            self._shadower.note(self._original, outcome)
        self._follow(self._original.shadow.plan, Side.NEW, outcome, self._on_new_end)

    def _on_new_end(self, outcome: Outcome) -> None:
        if outcome is None:
            self._end(Drop.NO_ROOM)
            return
        self._new = outcome
        if self._shadower.wants_pair(self._original.plan.rule):
            self._ask_again(self._on_again)
        else:
            self._hand_on(None)

    def _on_again(self, outcome: Outcome) -> None:
        self._hand_on(outcome)

    def _hand_on(self, again: Part | Silence | None) -> None:
        original = self._original
        assert original.old is not None, "it was heard"
        target = original.plan.asked_for
        specimen = Specimen(
            rule=original.plan.rule,
            generation=self._shadower.ruleset.generation,
            number=original.number,
            at=original.at,
            method=original.plan.method,
            host=target.host,
            asked=target.path if target.query is None else f"{target.path}?{target.query}",
            lines=self._lines,
            old=original.old,
            new=self._new,
            again=again,
            is_overridden=original.plan.is_overridden,
        )
        is_taken = self._shadower.deliver(specimen)
        self._end(None if is_taken else Drop.COMPARER_BUSY)

    def _end(self, why: Drop | None) -> None:
        self._original.close(why)
        self._on_over(self)
