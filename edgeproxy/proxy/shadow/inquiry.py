"""One side asked, for the sake of a comparison: by a pool that no client's request goes through.

Laws of this module:
- whatever the backend does, it comes to one outcome in bounded time and memory: an answer, whole or cut, or silence;
- nothing of it is counted as a client's: no failure, no arm, no ejection of the clients' endpoints.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from edgeproxy.http.response import ResponseHead
from edgeproxy.migration.specimen import Part, Silence
from edgeproxy.proxy.asking import Asking
from edgeproxy.proxy.shadow.hearing import LARGEST, Full, Hearing
from edgeproxy.ruleset.modifiers import Comparison
from edgeproxy.telemetry.counters import BackendFailure

if TYPE_CHECKING:
    from edgeproxy.proxy.plan import Pass
    from edgeproxy.proxy.pool import Pool

Outcome = Part | Silence | None  # None: there was no room for the answer

_SILENCES: Final = {
    BackendFailure.NO_ENDPOINT: Silence.CONNECT,
    BackendFailure.OVERLOADED: Silence.CONNECT,
    BackendFailure.NAME: Silence.CONNECT,
    BackendFailure.REFUSED: Silence.CONNECT,
    BackendFailure.TLS: Silence.CONNECT,
    BackendFailure.CONNECT_TIMEOUT: Silence.CONNECT,
    BackendFailure.HEAD_TIMEOUT: Silence.TIMEOUT,
    BackendFailure.BODY_TIMEOUT: Silence.TIMEOUT,
    BackendFailure.TOTAL_TIMEOUT: Silence.TIMEOUT,
}  # the others: it broke off, or was no HTTP


class Inquiry(Asking):
    __slots__ = ("_compare", "_head", "_hearing", "_is_full", "_most", "_on_over")

    def __init__(
        self,
        pool: Pool,
        plan: Pass,
        head: bytes,
        hearing: Hearing,
        compare: Comparison,
        most: int | None,
        on_over: Callable[[Outcome], None],
    ) -> None:
        """`head`: with the body, if there is one. `most`: how many octets a file has that is like the other side's."""
        Asking.__init__(self, pool, plan, plan.asked, True)
        self._head = head
        self._hearing = hearing
        self._compare = compare
        self._most = LARGEST if most is None else most
        self._on_over: Callable[[Outcome], None] | None = on_over
        self._is_full: Full | None = None  # no more is heard

    def stop(self) -> None:
        """Nobody wants to hear of it any more."""
        self._on_over = None
        self.leave_backend()

    # -- asking -------------------------------------------------------------------------------------------------

    def _request_head(self) -> bytes:
        return self._head

    def _hold_body(self, held: bool) -> None:
        """It went out with the head."""

    def _give_up(self, failure: BackendFailure) -> None:
        self._end(_SILENCES.get(failure, Silence.BROKEN))

    def on_endpoint_down(self) -> None:
        """Its pool makes no health checks."""

    # -- the answer ---------------------------------------------------------------------------------------------

    def on_interim(self, head: ResponseHead) -> None:
        """Nothing that is compared."""

    def on_trailers(self, lines: list[bytes]) -> None:
        """Nothing that is compared."""

    def on_whole(self, head: ResponseHead, content: bytes) -> None:
        self.on_head(head)
        if content:
            self.on_content(content)
        self.on_end()

    def on_head(self, head: ResponseHead) -> None:
        self._is_full = self._hearing.on_head(head, self._compare, self._most)

    def on_content(self, content: bytes) -> None:
        if self._is_full is None:
            self._is_full = self._hearing.on_content(content)

    def on_pause(self) -> None:
        if self._is_full is not None:
            self.leave_backend()
            self.on_end()

    def on_end(self) -> None:
        self._connection = None
        self._end(None if self._is_full is Full.ROOM else self._hearing.part())

    def on_failure(self, failure: BackendFailure) -> None:
        connection, self._connection = self._connection, None
        if not self._is_sent_again(connection, failure):
            self._give_up(failure)

    def _end(self, outcome: Outcome) -> None:
        on_over, self._on_over = self._on_over, None
        if on_over is not None:
            on_over(outcome)
