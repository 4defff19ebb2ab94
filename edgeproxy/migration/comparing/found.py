"""The differences of one comparison, as they are found."""

from __future__ import annotations

from edgeproxy.migration.comparing.differences import Difference, StatusChanged, Unlisted
from edgeproxy.migration.comparing.ignores import Ignores


class Found:
    """Keeps the first so many and counts the rest, of what is not ignored."""

    __slots__ = ("_ignores", "_kept", "_most", "_unlisted")

    def __init__(self, most: int, ignores: Ignores) -> None:
        self._most = most
        self._ignores = ignores
        self._kept: list[Difference] = []
        self._unlisted = 0

    def add(self, difference: Difference) -> None:
        if self._is_ignored(difference):
            return
        if len(self._kept) < self._most:
            self._kept.append(difference)
        else:
            self._unlisted += 1

    def _is_ignored(self, difference: Difference) -> bool:
        if isinstance(difference, StatusChanged):
            return (difference.old, difference.new) in self._ignores.statuses
        return self._ignores.takes(difference.path)

    def __bool__(self) -> bool:
        return bool(self._kept)

    def all(self) -> tuple[Difference, ...]:
        rest = (Unlisted(self._unlisted),) if self._unlisted else ()
        return (*self._kept, *rest)
