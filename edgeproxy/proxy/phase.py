"""What a client's connection is waiting for, and until when."""

from __future__ import annotations

from enum import Enum, auto
from typing import assert_never

from edgeproxy.proxy.clock import NEVER
from edgeproxy.ruleset.limits import Limits


class Phase(Enum):
    """The one thing that a connection waits for."""

    HEAD = auto()  # the first octet of a request, or the rest of its head
    BODY = auto()  # more of the request's body, for the exchange
    EXCHANGE = auto()  # the exchange, which has deadlines of its own
    TUNNEL = auto()  # either side of an upgraded connection; the backend's side has the deadline
    LINGER = auto()  # the client's end of the connection; what it sends is dropped
    CLOSED = auto()  # the kernel, to take what is left of an answer


def time_for(phase: Phase, *, is_stalled: bool, is_blocked: bool, limits: Limits) -> float:
    """Seconds until a connection's deadline, from the moment something happened on it.

    `is_stalled`: the client takes nothing of an answer. `is_blocked`: the exchange takes no body, so the client that
    sends none is not at fault. The time for a head runs from its first octet and is not extended by further ones.
    """
    if is_stalled:
        return limits.stall
    match phase:
        case Phase.HEAD:
            return limits.idle
        case Phase.BODY:
            return NEVER if is_blocked else limits.body_time
        case Phase.EXCHANGE | Phase.TUNNEL:
            return NEVER
        case Phase.LINGER:
            return limits.linger
        case Phase.CLOSED:
            return limits.stall
        case _:
            assert_never(phase)
