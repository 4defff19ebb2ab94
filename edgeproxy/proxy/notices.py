"""What the operator is told on standard error: one line when something has changed.

Law: nothing here is told for each request. That a backend is full, or that a rule's redirects loop, is told at once,
and then at most once in ten seconds, with the number of requests that it cost since.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from edgeproxy.proxy.balance import EndpointState
from edgeproxy.proxy.clock import NEVER, Clock
from edgeproxy.ruleset.listeners import UnixAddress
from edgeproxy.ruleset.origins import HttpBackend
from edgeproxy.telemetry.stderr import tell

_TELL_EVERY: Final = 10.0  # seconds between two lines that say the same thing


def url_of(backend: HttpBackend, one: EndpointState) -> str:
    """An endpoint as a rule file writes it."""
    address = one.endpoint.address
    if isinstance(address, UnixAddress):
        return str(address)
    return f"{'http' if backend.tls is None else 'https'}://{address}"


class Repeated:
    """One thing that costs one request after another. `tell` is given their number and what was noted of the last;
    `deadline` is in loop time.
    """

    __slots__ = ("_clock", "_count", "_last", "_tell", "_told", "deadline")

    def __init__(self, clock: Clock, tell: Callable[[int, str], None]) -> None:
        self._clock = clock
        self._tell = tell
        self._told = -NEVER  # when it was last said
        self._count = 0  # requests, since then
        self._last = ""
        self.deadline = NEVER

    def note(self, detail: str) -> None:
        self._count += 1
        self._last = detail
        due = self._told + _TELL_EVERY
        if self._clock.now() >= due:
            self._say()
        else:
            self.deadline = due
            self._clock.waiting.add(self)

    def on_deadline(self) -> None:
        self._say()

    def close(self) -> None:
        if self._count:
            self._say()

    def _say(self) -> None:
        self._clock.waiting.discard(self)
        self._told = self._clock.now()
        count, self._count = self._count, 0
        self._tell(count, self._last)


class LoopNotices:
    """One worker's, of the redirects that would loop: each rule has its own line."""

    __slots__ = ("_clock", "_rules")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rules: dict[str, Repeated] = {}

    def on_loop(self, rule: str, hops: str) -> None:
        if rule not in self._rules:
            self._rules[rule] = Repeated(self._clock, partial(_tell_loop, rule))
        self._rules[rule].note(hops)

    def close(self) -> None:
        for repeated in self._rules.values():
            repeated.close()


def _tell_loop(rule: str, count: int, hops: str) -> None:
    tell(f"rule {rule}: redirect loop: {hops}: {_count(count, 'request')} refused")


class Notices:
    """One worker's, of one backend."""

    __slots__ = ("_backend", "_full")

    def __init__(self, backend: HttpBackend, clock: Clock) -> None:
        self._backend = backend
        self._full = Repeated(clock, self._tell_full)

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
        self._full.note(f"{_count(connections, 'connection')}, {waiting} waiting")

    def close(self) -> None:
        self._full.close()

    def _tell_full(self, refused: int, use: str) -> None:
        self._tell(f"full ({use}): {_count(refused, 'request')} refused")

    def _tell(self, text: str) -> None:
        tell(f"backend {self._backend.name}: {text}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
