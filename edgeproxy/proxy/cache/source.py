"""Where an answer comes from while it is on its way, and who waits for it there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from edgeproxy.caching.outcomes import NotStored, Outcome
from edgeproxy.caching.stored import Stored
from edgeproxy.http.response import ResponseHead
from edgeproxy.proxy.plan import Answer
from edgeproxy.telemetry.counters import BackendFailure, Drop

if TYPE_CHECKING:
    from edgeproxy.proxy.backend import BackendConnection
    from edgeproxy.proxy.cache.keeper import Found
    from edgeproxy.proxy.shadow.original import Original
    from edgeproxy.proxy.tally import Measured


@dataclass(frozen=True, slots=True)
class Own:
    """An answer that is one request's alone. Its content is whole, or comes by the connection."""

    head: ResponseHead
    content: bytes | None
    connection: BackendConnection | None
    expires: float  # of the exchange with the backend, in loop time
    measured: Measured | None  # that exchange
    original: Original | None = None  # where it is shadowed

    def drop(self) -> None:
        """Nobody can be given it."""
        if self.connection is not None:
            self.connection.drop()
        if self.original is not None:
            self.original.drop(Drop.CLIENT_GONE)


class Waiter(Protocol):
    """An exchange that waits for somebody's fetch, its own among them. It is told one thing, and leaves the source when
    that ends its waiting.
    """

    values: Mapping[str, str]  # of its request's fields

    @property
    def place(self) -> int:
        """The first octet of the content that it has yet to read."""

    def on_found(self, found: Found, outcome: Outcome) -> None:
        """The answer is whole, and kept."""

    def on_arriving(self, outcome: Outcome) -> None:
        """The answer's head is known, and its content comes."""

    def on_growth(self) -> None:
        """More of the content has come, or its end."""

    def on_lost(self) -> None:
        """Nothing more of it comes from this source, since another worker has died, or fetches it for its own clients
        only: ask for it elsewhere. What came can be read until the source is left.
        """

    def on_broken(self) -> None:
        """No more of it comes, and it is not whole."""

    def on_again(self) -> None:
        """What comes is not for this request: look once more."""

    def on_alone(self, why: NotStored) -> None:
        """The answer is for somebody else only: ask for another one."""

    def on_own(self, own: Own, why: NotStored) -> None:
        """The answer is for this request only."""

    def stand_in(self) -> bool:
        """The backend failed. Whether a stale copy was given in the place of its answer."""

    def falls_back_from(self, status: int) -> bool:
        """Whether another backend is asked in the place of such an answer, by this one's rule."""

    def falls_back_after(self, failure: BackendFailure) -> bool:
        """Whether another backend is asked, since there is no answer."""

    def on_failed(self, failure: BackendFailure, answer: Answer) -> None:
        """There is no answer; `answer` is what to say of it where no stale copy may stand in."""


class Source(ABC):
    """`stored` is the answer's head as soon as it is known; its size is -1 while that is not."""

    __slots__ = ()

    stored: Stored | None
    waiters: list[Waiter]

    @property
    @abstractmethod
    def available(self) -> int:
        """Octets of the content that have come."""

    @property
    @abstractmethod
    def is_right(self) -> bool:
        """Whether they are known to be what the rule verifies, if it does."""

    @property
    @abstractmethod
    def is_whole(self) -> bool:
        """Whether all of it is available, and right."""

    @abstractmethod
    def read(self, offset: int, most: int) -> bytes: ...

    def join(self, waiter: Waiter) -> None:
        self.waiters.append(waiter)

    def leave(self, waiter: Waiter) -> None:
        """Its client has left, or it has all that it wanted."""
        if waiter in self.waiters:
            self.waiters.remove(waiter)

    @abstractmethod
    def on_taken(self) -> None:
        """A waiter has read on."""

    def waiting(self) -> tuple[Waiter, ...]:
        """A copy of the list, to tell them all: one may leave when it is told."""
        return tuple(self.waiters)
