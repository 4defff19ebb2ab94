"""How many XML-RPC calls one client has open: those beyond the limit get a fault of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from backends.legacy.answers import CALL_HEADERS, Answer
from backends.marshalling import write_fault

_TOO_MANY: Final = 429  # the fault's code; HTTP says 200


class Callers:
    def __init__(self, most: int | None) -> None:
        self._most = most
        self._open: Counter[str] = Counter()

    @contextmanager
    def calling(self, client: str) -> Iterator[bool]:
        """Whether this client has too many open already."""
        if self._most is None:
            yield False
            return
        self._open[client] += 1
        try:
            yield self._open[client] > self._most
        finally:
            self._open[client] -= 1
            if not self._open[client]:
                del self._open[client]


def too_many_calls() -> Answer:
    return Answer(200, "OK", CALL_HEADERS, write_fault("max concurrent requests exceeded", _TOO_MANY))
