"""A redirect followed to its end, on one side, hop by hop: what is there is hashed, and goes with the first answer.

Law: whatever is on the way, it comes to one outcome: the first answer with its ending, the same without one where the
rest is not to be asked, or None where there was no room.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from edgeproxy.migration.specimen import Ending, Part, Silence
from edgeproxy.proxy.shadow.hearing import Hearing
from edgeproxy.proxy.shadow.inquiry import Inquiry, Outcome
from edgeproxy.proxy.shadow.shadow_plan import facts_of, hop_lines
from edgeproxy.proxy.shadow.trail import Redirected, Trail, redirected
from edgeproxy.ruleset.arms import Side
from edgeproxy.ruleset.follow import url_of
from edgeproxy.ruleset.modifiers import Comparison

if TYPE_CHECKING:
    from edgeproxy.proxy.plan import Pass
    from edgeproxy.proxy.shadow.original import Original
    from edgeproxy.proxy.shadow.shadower import Shadower


class Pursuit:
    """`plan`: by which the first answer was asked."""

    __slots__ = ("_body", "_first", "_inquiry", "_lines", "_on_over", "_original", "_plan", "_shadower", "_trail")

    def __init__(
        self,
        shadower: Shadower,
        original: Original,
        plan: Pass,
        side: Side,
        first: Part,
        on_over: Callable[[Outcome], None],
    ) -> None:
        self._shadower = shadower
        self._original = original
        self._plan = plan
        self._first = first
        self._lines = original.lines
        self._body = original.body or b""
        self._trail = Trail(shadower.ruleset, plan, side, facts_of(self._lines, original.at))
        self._inquiry: Inquiry | None = None
        self._on_over = on_over

    def start(self) -> None:
        led = redirected(self._first.status, self._first.lines, self._plan)
        if led is None:
            self._on_over(self._first)
        else:
            self._go_on(led)

    def stop(self) -> None:
        if self._inquiry is not None:
            self._inquiry.stop()

    # -- steps --------------------------------------------------------------------------------------------------

    def _go_on(self, led: Redirected) -> None:
        following = self._trail.next(led)
        if following is None:
            self._on_over(self._first)
        elif isinstance(following, Ending):
            self._end(following)
        else:
            self._ask(following)

    def _ask(self, plan: Pass) -> None:
        original = self._original
        plan = self._plan = replace(plan, time=original.shadow.plan.time)
        body = self._body if plan.method == original.plan.method else b""
        lines = hop_lines(self._lines, original.shadow.edited, plan, has_body=bool(body))
        head = b"%b%b\r\n%b" % (plan.start, lines, body)
        pool, hearing = self._shadower.pool(plan.backend), Hearing(original.hold)
        self._shadower.counters.shadow_hops[original.plan.rule] += 1
        inquiry = self._inquiry = Inquiry(pool, plan, head, hearing, Comparison.FILE, None, self._on_answer)
        inquiry.start()

    def _on_answer(self, outcome: Outcome) -> None:
        self._inquiry = None
        if outcome is None:
            self._on_over(None)
            return
        plan = self._plan
        led = None if isinstance(outcome, Silence) else redirected(outcome.status, outcome.lines, plan)
        if led is None:
            self._end(Ending(url_of(plan.asked_for), outcome))
        else:
            self._go_on(led)

    def _end(self, ending: Ending) -> None:
        self._on_over(replace(self._first, ending=ending))
