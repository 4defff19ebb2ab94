"""What rules are chosen by beside the request line, and the body that is held until its XML-RPC method is known.

Laws of this module:
- of a body no more is held than `limits.call` octets and what came with the last of them in one read; a call whose
  name does not end within these octets has none, however they came;
- what is held goes to the exchange that is chosen, before anything that comes later;
- a call whose document names a method twice is refused, also when the second name comes after the exchange began: what
  begins it does not go on, so no backend has the whole document;
- while it is held the client keeps to the limits of any body: its time, its rate, its size;
- no exchange begins while the client takes nothing of what was sent before (the 100 that it waited for may have filled
  the last place): an exchange would not hear of it.
"""

from __future__ import annotations

from collections.abc import Callable

from edgeproxy.http.request import RequestFields
from edgeproxy.http.xmlrpc_call import CallReader, is_call, is_encoded
from edgeproxy.proxy.planner import ByFacts
from edgeproxy.ruleset.matching import Facts

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def facts_of(fields: RequestFields, address: str, call: str | None, now: float) -> Facts:
    """`now` is in seconds since the epoch; `call` as in Facts."""
    return Facts(None, fields.values, address, call, now)


def has_call(by_facts: ByFacts, fields: RequestFields) -> bool:
    """Whether rules ask for the method of this very request's call."""
    return by_facts.needs_call and is_call(by_facts.line.method, fields.values)


def can_be_read(fields: RequestFields) -> bool:
    """Whether the body may tell the call: it is plain, and the request is none that is refused whatever it calls."""
    return not (is_encoded(fields.values) or fields.has_looped or fields.has_unknown_expectation)


class NamedTwice(Exception):
    """The document of a call names another method, too."""

    def __init__(self) -> None:
        super().__init__("the call names its method twice")


class HeldCall:
    """An exchange in the place of the one that will be chosen. `name` is None until the call's is known."""

    __slots__ = ("_go_on", "_left", "_reader", "by_facts", "fields")

    def __init__(self, by_facts: ByFacts, fields: RequestFields, most: int, go_on: Callable[[HeldCall], None]) -> None:
        """`most` is how many octets are looked at; `go_on` is called when the client takes again."""
        self._go_on = go_on
        self.by_facts = by_facts
        self.fields = fields
        self._reader = CallReader()
        self._left = most

    @property
    def name(self) -> str | None:
        return self._reader.name

    @property
    def is_named_twice(self) -> bool:
        return self._reader.is_named_twice

    def take(self) -> bytes:
        """What was held."""
        return self._reader.take()

    def on_body(self, content: bytes) -> None:
        looked_at, beyond = content[: self._left], content[self._left :]
        self._reader.feed(looked_at)
        self._left -= len(looked_at)
        if not self._left:
            self._reader.end()
            self._reader.feed(beyond)

    def watch(self, content: bytes) -> None:
        """Look at what comes after the call was let go. Raises NamedTwice."""
        self._reader.feed(content)
        if self._reader.is_named_twice:
            raise NamedTwice

    def on_body_end(self) -> None:
        self._reader.end()

    def on_client_blocked(self, blocked: bool) -> None:
        if not blocked and self.name is not None:
            self._go_on(self)

    def on_client_gone(self) -> None:
        """Nobody else knows of the request yet."""
