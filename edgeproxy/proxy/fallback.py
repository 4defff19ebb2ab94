"""When another backend is asked in the place of one that failed, and what it is told of the request.

Laws of this module:
- only what is safe is asked again, and only as long as nothing of an answer went to the client;
- the other backend gets the request whole: a body that is longer than can be held is the first one's alone;
- of the other backend's answer nothing is met by a third one: what it says is what the client gets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from edgeproxy.http.request import RequestFields
from edgeproxy.ruleset.modifiers import Fallback, Trouble
from edgeproxy.telemetry.counters import BackendFailure, FallbackReason

if TYPE_CHECKING:
    from edgeproxy.proxy.plan import Pass, ServeFile

_SERVER_ERRORS: Final = frozenset(range(500, 600))
_TROUBLES: Final = {
    BackendFailure.NO_ENDPOINT: Trouble.CONNECT,
    BackendFailure.OVERLOADED: Trouble.CONNECT,
    BackendFailure.NAME: Trouble.CONNECT,
    BackendFailure.REFUSED: Trouble.CONNECT,
    BackendFailure.CONNECT_TIMEOUT: Trouble.CONNECT,
    BackendFailure.TLS: Trouble.TLS,
    BackendFailure.HEAD_TIMEOUT: Trouble.TIMEOUT,
    BackendFailure.BODY_TIMEOUT: Trouble.TIMEOUT,  # of the request's, which it did not take
    BackendFailure.STALE: Trouble.RESET,
    BackendFailure.CLOSED: Trouble.RESET,
    BackendFailure.BAD_ANSWER: Trouble.SERVER_ERROR,  # its client would get a 502
}  # TRUNCATED comes too late, and after TOTAL_TIMEOUT no time is left for anybody
_REASONS: Final = {
    Trouble.CONNECT: FallbackReason.CONNECT,
    Trouble.TLS: FallbackReason.TLS,
    Trouble.TIMEOUT: FallbackReason.TIMEOUT,
    Trouble.RESET: FallbackReason.RESET,
    Trouble.SERVER_ERROR: FallbackReason.STATUS,
}


@dataclass(frozen=True, slots=True)
class FallbackPlan:
    """`plan`: what is asked of the backend with that name instead."""

    backend: str
    plan: Pass | ServeFile
    on: frozenset[Trouble]
    statuses: frozenset[int]

    def reason(self, failure: BackendFailure) -> FallbackReason | None:
        """Why the other backend is asked after this; None: it is not. A loop is always met: there is no answer."""
        if failure is BackendFailure.REDIRECT_LOOP:
            return FallbackReason.LOOP
        trouble = _TROUBLES.get(failure)
        return _REASONS[trouble] if trouble is not None and trouble in self.on else None


def fallback_plan(fallback: Fallback, plan: Pass | ServeFile) -> FallbackPlan:
    """`plan` for the other backend."""
    errors = _SERVER_ERRORS if Trouble.SERVER_ERROR in fallback.on else frozenset()
    return FallbackPlan(fallback.to.name, plan, fallback.on, fallback.statuses | errors)


@dataclass(frozen=True, slots=True)
class Fall:
    """A request on its way to the other backend. `held`: what came of its body; `is_whole`: that is all there was;
    `expires`: loop time at which its exchange must be over, 0.0 where only the other backend's own limit counts.
    """

    to: FallbackPlan
    path: str  # that the client asked for, normalised
    reason: FallbackReason
    fields: RequestFields
    held: bytes = b""
    is_whole: bool = False  # a body that came along, that is
    expires: float = 0.0

    @property
    def plan(self) -> Pass | ServeFile:
        return self.to.plan

    @property
    def backend(self) -> str:
        return self.to.backend
