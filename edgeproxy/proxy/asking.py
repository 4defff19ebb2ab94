"""A request on its way to a backend: a connection for it, its octets, and once more when that is safe.

Law: a request is sent again only when it is safe, has no body, and no octet of an answer was seen.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final

from edgeproxy.http.response import Asked, ResponseHead
from edgeproxy.proxy.backend import BackendConnection
from edgeproxy.proxy.endpoints import PooledEndpoint
from edgeproxy.proxy.plan import Answer, Pass, say
from edgeproxy.proxy.pool import Pool, Taken
from edgeproxy.proxy.tally import Measured
from edgeproxy.telemetry.counters import BackendFailure

_NOT_CONNECTED: Final = frozenset(
    (BackendFailure.REFUSED, BackendFailure.CONNECT_TIMEOUT, BackendFailure.TLS, BackendFailure.NAME)
)
_CLOSED: Final = frozenset((BackendFailure.STALE, BackendFailure.CLOSED))


class Asking(ABC):
    """What is the same for a request that a client waits for and for one that fills the cache. Who asks says how the
    head is made, how a body is held up, and what is done when there is no answer; the answer itself is its own.
    """

    __slots__ = (
        "_connection", "_may_repeat", "_measured", "_pending", "_plan", "_pool", "_request_is_whole", "asked",
        "expires", "is_waiting",
    )  # fmt: skip

    def __init__(self, pool: Pool, plan: Pass, asked: Asked, is_whole: bool) -> None:
        """`is_whole`: no body follows."""
        self._pool = pool
        self._plan = plan
        self.asked = asked
        self._connection: BackendConnection | None = None
        self.is_waiting = False  # for a connection
        self.expires = 0.0  # in loop time; 0.0 until somebody reads the clock
        self._request_is_whole = is_whole
        self._may_repeat = is_whole and plan.is_safe  # as far as no octet of an answer came
        self._measured: Measured | None = None  # under a cutover
        self._pending: list[bytes] | None = None  # body octets that came before there was a connection

    # -- of who asks --------------------------------------------------------------------------------------------

    @abstractmethod
    def _request_head(self) -> bytes: ...

    @abstractmethod
    def _hold_body(self, held: bool) -> None:
        """Octets of the body cannot be taken now, or can again."""

    @abstractmethod
    def _give_up(self, failure: BackendFailure) -> None:
        """There is no answer, and nothing of one was seen."""

    @abstractmethod
    def on_interim(self, head: ResponseHead) -> None: ...

    @abstractmethod
    def on_whole(self, head: ResponseHead, content: bytes) -> None: ...

    @abstractmethod
    def on_head(self, head: ResponseHead) -> None: ...

    @abstractmethod
    def on_content(self, content: bytes) -> None: ...

    @abstractmethod
    def on_pause(self) -> None: ...

    @abstractmethod
    def on_trailers(self, lines: list[bytes]) -> None: ...

    @abstractmethod
    def on_end(self) -> None: ...

    @abstractmethod
    def on_failure(self, failure: BackendFailure) -> None: ...

    @abstractmethod
    def on_endpoint_down(self) -> None:
        """Health checks say that the endpoint which is asked is down. The answer may come all the same."""

    # -- steps --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        plan = self._plan
        if plan.time is not None and not self.expires:
            self.expires = self._pool.clock.now() + plan.time
        if plan.arm is not None:
            self._measured = self._pool.tally.begin(plan.arm, self._pool.clock.now, is_whole=self._request_is_whole)
        # A kept connection may be closing at this moment. A request that may not be sent again gets a new one, or one
        # that was in use just now.
        taken = self._pool.take(self, fresh=not self._may_repeat)
        if isinstance(taken, BackendConnection):
            self._ask(taken)
        else:
            self._go_on(taken)

    def leave_backend(self) -> None:
        """Nobody waits for the answer any more."""
        if self.is_waiting:
            self.is_waiting = False
            self._pool.forget(self)
        if self._connection is not None:
            self._connection.drop()

    # -- from the pool ------------------------------------------------------------------------------------------

    def on_connected(self, connection: BackendConnection) -> None:
        self.is_waiting = False
        self._hold_body(False)
        self._ask(connection)  # last: what waited may fill the connection, which blocks the body again

    def on_not_connected(self, failure: BackendFailure, tried: PooledEndpoint | None) -> None:
        self.is_waiting = False
        if tried is not None and failure in _NOT_CONNECTED and self._pool.has_other(tried) and self._may_send_again():
            self._send_again(tried)
        else:
            self._give_up(failure)

    # -- from the backend ---------------------------------------------------------------------------------------

    def on_backend_blocked(self, blocked: bool) -> None:
        self._hold_body(blocked)

    def _is_sent_again(self, connection: BackendConnection | None, failure: BackendFailure) -> bool:
        """Whether a failure before any octet of an answer was met by another try."""
        if connection is None or failure not in _CLOSED or connection.has_heard or not self._may_send_again():
            return False
        self._send_again(connection.endpoint)
        return True

    def _go_on(self, taken: Taken) -> None:
        if isinstance(taken, BackendConnection):
            self._ask(taken)
        elif taken is None:
            self.is_waiting = True
            self._hold_body(True)
        else:
            self._give_up(taken)

    def _may_send_again(self) -> bool:
        return self._may_repeat and self._pool.may_retry(self)

    def _send_again(self, tried: PooledEndpoint) -> None:
        self._may_repeat = False  # once
        self._pool.counts.retries += 1
        self._go_on(self._pool.take(self, fresh=True, tried=tried))

    def _ask(self, connection: BackendConnection) -> None:
        self._connection = connection
        connection.ask(self, self._request_head(), whole=self._request_is_whole)
        if self._pending is not None:
            pending, self._pending = self._pending, None
            for data in pending:
                connection.send(data)

    def _send(self, data: bytes) -> None:
        if self._connection is not None:
            self._connection.send(data)
        elif self._pending is None:
            self._pending = [data]
        else:
            self._pending.append(data)

    def _count(self, failure: BackendFailure) -> None:
        self._pool.counters.backend_failures[self._plan.backend.name, failure] += 1
        if self._measured is not None:
            self._measured.on_failure(failure, is_whole=self._request_is_whole)


def no_answer(backend: str, failure: BackendFailure) -> Answer:
    """What a client gets in the place of a backend's answer."""
    match failure.status:
        case 503 if failure is BackendFailure.NO_ENDPOINT:
            message = f"The backend {backend} is down: none of its places is healthy."
        case 503:
            message = f"The backend {backend} takes no more requests now."
        case 504:
            message = f"The backend {backend} gave no usable answer in time."
        case _:
            message = f"The backend {backend} gave no usable answer."
    return say(failure.status, message)
