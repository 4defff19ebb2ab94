"""What a pool tells its operator of its backend: one line on standard error when something has changed.

Law: nothing here is told for each request. That a backend is full is told at once, and then at most once in ten
seconds, with the number of requests that it cost since.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from edgeproxy.proxy.balance import EndpointState
from edgeproxy.proxy.clock import NEVER, Clock
from edgeproxy.ruleset.listeners import UnixAddress
from edgeproxy.ruleset.origins import HttpBackend
from edgeproxy.telemetry.stderr import tell

_TELL_EVERY: Final = 10.0  # seconds between two lines that say that a backend is full


def url_of(backend: HttpBackend, one: EndpointState) -> str:
    """An endpoint as a rule file writes it."""
    address = one.endpoint.address
    if isinstance(address, UnixAddress):
        return str(address)
    return f"{'http' if backend.tls is None else 'https'}://{address}"


class Notices:
    """One worker's, of one backend. `deadline` is in loop time."""

    __slots__ = ("_backend", "_clock", "_in_use", "_refused", "_told", "deadline")

    def __init__(self, backend: HttpBackend, clock: Clock) -> None:
        self._backend = backend
        self._clock = clock
        self._told = -NEVER  # when it was last said that it is full
        self._refused = 0  # requests, since then
        self._in_use = (0, 0)  # connections and waiting requests, at the last of them
        self.deadline = NEVER

    def on_verdict(self, one: EndpointState, reason: str, endpoints: Sequence[EndpointState]) -> None:
        """A health check has changed what is known of an endpoint."""
        if not one.is_down:
            self._tell(f"{url_of(self._backend, one)} is back")
            return
        unhealthy = 1 if self._backend.health is None else self._backend.health.unhealthy
        self._tell(f"{url_of(self._backend, one)} is out: {_count(unhealthy, 'health check')} failed ({reason})")
        if all(each.is_down for each in endpoints):
            self._tell("no endpoint is left: its requests get 503")

    def on_ejected(self, one: EndpointState, seconds: float, failures: int, reason: str) -> None:
        last = f"{_count(failures, 'failure')} in a row (last: {reason})"
        self._tell(f"{url_of(self._backend, one)} is ejected for {seconds:g} s: {last}")

    def on_full(self, connections: int, waiting: int) -> None:
        """A request is refused, since so many connections are open and so many requests wait."""
        self._refused += 1
        self._in_use = (connections, waiting)
        due = self._told + _TELL_EVERY
        if self._clock.now() >= due:
            self._tell_full()
        else:
            self.deadline = due
            self._clock.waiting.add(self)

    def on_deadline(self) -> None:
        self._tell_full()

    def close(self) -> None:
        if self._refused:
            self._tell_full()

    def _tell_full(self) -> None:
        self._clock.waiting.discard(self)
        self._told = self._clock.now()
        connections, waiting = self._in_use
        refused, self._refused = self._refused, 0
        use = f"{_count(connections, 'connection')}, {waiting} waiting"
        self._tell(f"full ({use}): {_count(refused, 'request')} refused")

    def _tell(self, text: str) -> None:
        tell(f"backend {self._backend.name}: {text}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
