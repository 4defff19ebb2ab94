"""A request that will be shadowed, and its own answer, heard as it passes to whoever waits for it.

Laws of this module:
- it ends once: queued, when the answer is whole, or dropped, with a reason that is counted. What it holds is then given
  back, or goes with it;
- an answer that is only one client's own, a 304 or a part, is not held: the old side is asked again, for the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from edgeproxy.http.response import ResponseHead
from edgeproxy.migration.specimen import Part
from edgeproxy.proxy.shadow.hearing import Full, Hearing, Hold
from edgeproxy.proxy.shadow.shadow_plan import shadow_lines
from edgeproxy.telemetry.counters import Drop

if TYPE_CHECKING:
    from edgeproxy.proxy.plan import Pass
    from edgeproxy.proxy.shadow.shadow_plan import ShadowPlan
    from edgeproxy.proxy.shadow.shadower import Shadower

LONGEST_BODY: Final = 65_536  # octets of a request's, as a fallback gets them
_ONE_CLIENTS: Final = frozenset((206, 304, 412, 416))  # answers to conditions and ranges
BROKEN: Final = 500  # from here on an answer is the backend's failure
_REASONS: Final = {Full.LARGE: Drop.TOO_LARGE, Full.ROOM: Drop.NO_ROOM}


class Original:
    """`at`: when it came, in POSIX seconds; `number`: of the shares in force then; `queued`: when its answer was whole,
    in loop time. `old` is None where the old side is to be asked again.
    """

    __slots__ = (
        "_awaits_body", "_body", "_hearing", "_is_over", "_lines", "_needs_again", "_shadower", "at", "hold", "number",
        "old", "plan", "queued", "shadow", "values",
    )  # fmt: skip

    def __init__(
        self,
        shadower: Shadower,
        plan: Pass,
        shadow: ShadowPlan,
        values: Mapping[str, str],
        lines: bytes,
        body: bytes | None,
        *,
        awaits_body: bool,
    ) -> None:
        """`values`, `lines`: the request's fields, by name, and as its own backend gets them. `body`: None where it
        has none; `awaits_body`: it is still to come.
        """
        self._shadower = shadower
        self.plan = plan
        self.shadow = shadow
        self.values = values
        self._lines = lines
        self._body: bytearray | None = None if body is None else bytearray(body)
        self._awaits_body = awaits_body
        self.hold = Hold(shadower.room)
        self._hearing = Hearing(self.hold)
        self._needs_again = False
        self._is_over = False
        self.at: float
        self.number: int
        self.at, self.number = shadower.moment()
        self.queued = 0.0
        self.old: Part | None = None

    @property
    def lines(self) -> bytes:
        """What the shadow says."""
        return shadow_lines(self._lines, self.body)

    @property
    def body(self) -> bytes | None:
        return None if self._body is None else bytes(self._body)

    # -- the request --------------------------------------------------------------------------------------------

    def on_body(self, content: bytes) -> None:
        if self._is_over or self._body is None:
            return
        self._body += content
        if len(self._body) > LONGEST_BODY:
            self.drop(Drop.TOO_LARGE)
        elif not self.hold.take(len(content)):
            self.drop(Drop.NO_ROOM)

    def on_body_end(self) -> None:
        self._awaits_body = False

    # -- its answer ---------------------------------------------------------------------------------------------

    def on_whole(self, head: ResponseHead, content: bytes) -> None:
        self.on_head(head)
        self.on_content(content)
        self.on_end()

    def on_head(self, head: ResponseHead) -> None:
        if self._is_over:
            return
        if head.status >= BROKEN:
            self.drop(Drop.OLD_FAILED)
        elif head.status in _ONE_CLIENTS:
            self._needs_again = True
        else:
            self._note(self._hearing.on_head(head, self.shadow.compare))

    def on_content(self, content: bytes) -> None:
        if content and not (self._is_over or self._needs_again):
            self._note(self._hearing.on_content(content))

    def on_end(self) -> None:
        if self._is_over:
            return
        if self._awaits_body:
            self.drop(Drop.EARLY)
            return
        self._is_over = True
        self.old = None if self._needs_again else self._hearing.part()
        self._shadower.queue(self)

    # -- its end ------------------------------------------------------------------------------------------------

    def drop(self, why: Drop) -> None:
        """Unless it is over already."""
        if not self._is_over:
            self._is_over = True
            self.close(why)

    def close(self, why: Drop | None = None) -> None:
        """What it holds is needed no more; `why` it came to nothing."""
        self.hold.close()
        self._hearing = Hearing(self.hold)
        self.old = self._body = None
        if why is not None:
            self._shadower.count_drop(self.plan, why)

    def _note(self, full: Full | None) -> None:
        if full is not None:
            self.drop(_REASONS[full])
