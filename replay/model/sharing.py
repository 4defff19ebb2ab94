"""What may be said of clients: only what at least so many of them share (k-anonymity, Sweeney 2002).

Law: of a value that fewer clients share no one learns from here that there was one, only how much was left out.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, Generic, TypeVar

LEAST: Final = 5  # clients; a client is the network of its address

V = TypeVar("V", bound=Hashable)


class Tally(Generic[V]):
    """How often values were seen, and by whom: by name until they are enough, and then no more."""

    def __init__(self, least: int) -> None:
        self._least = least
        self.counts: dict[V, int] = {}
        self._clients: dict[V, set[str] | None] = {}  # None: enough

    def add(self, value: V, client: str, count: int = 1) -> None:
        self.counts[value] = self.counts.get(value, 0) + count
        known = self._clients.setdefault(value, set())
        if known is not None:
            known.add(client)
            if len(known) >= self._least:
                self._clients[value] = None

    def is_shared(self, value: V) -> bool:
        return value in self._clients and self._clients[value] is None

    def clients_of(self, value: V) -> frozenset[str]:
        """Of one that is not shared."""
        return frozenset(self._clients.get(value) or ())

    def shared(self) -> dict[V, int]:
        """The most frequent first."""
        kept = [(value, count) for value, count in self.counts.items() if self.is_shared(value)]
        return dict(sorted(kept, key=lambda pair: (-pair[1], repr(pair[0]))))

    def shares(self) -> dict[V, float]:
        """Of the shared ones alone, together 1."""
        kept = self.shared()
        total = sum(kept.values())
        return {value: rounded(count / total, 4) for value, count in kept.items()}


def rounded(value: float, digits: int) -> float:
    """To so many significant digits: a figure of a model is no figure of anybody."""
    return float(f"{value:.{digits}g}")
