"""Which fetches failed of late: what is kept may stand in for the next ones at once, and somebody asks meanwhile.

Laws of this module:
- for a second nobody asks again;
- then somebody does, for whom no client waits, as long as it took twice to see the failure: who is refused sees it at
  once, so the next client asks itself; a backend that hangs costs one client its whole patience, not every one;
- the first answer ends it.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, Generic, NamedTuple, TypeVar

_PAUSE: Final = 1.0  # seconds
_MOST: Final = 600.0
_REMEMBERED: Final = 8_192  # keys


class _Failure(NamedTuple):
    """Times in POSIX seconds; `took` in seconds."""

    at: float
    took: float


K = TypeVar("K", bound=Hashable)


class Failing(Generic[K]):
    """By what was asked: a primary key, a backend."""

    __slots__ = ("_failures",)

    def __init__(self) -> None:
        self._failures: dict[K, _Failure] = {}

    def note(self, key: K, asked: float, now: float) -> None:
        """A fetch that was asked for at that time has failed now."""
        if len(self._failures) >= _REMEMBERED:
            self._failures.clear()
        self._failures[key] = _Failure(now, min(max(0.0, now - asked), _MOST))

    def note_still_asked(self, key: K, now: float) -> None:
        """Somebody else asks at this moment: what is known counts until that is over."""
        failure = self._failures.get(key)
        if failure is not None:
            self._failures[key] = failure._replace(at=now - _PAUSE)

    def end(self, key: K) -> None:
        self._failures.pop(key, None)

    def is_known(self, key: K, now: float) -> bool:
        failure = self._failures.get(key)
        return failure is not None and now < failure.at + _PAUSE + 2 * failure.took

    def may_ask(self, key: K, now: float) -> bool:
        failure = self._failures.get(key)
        return failure is None or now >= failure.at + _PAUSE
