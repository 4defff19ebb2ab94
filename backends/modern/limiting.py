"""How many XML-RPC calls one client may make in an hour, and how many new projects."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Final

from aiohttp import web

CALLS_AN_HOUR: Final = 3600

_HOUR: Final = timedelta(hours=1)


class Limit:
    """Counts within an hour, and starts anew with the next: so memory has no more clients than one hour has."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._since = datetime.min.replace(tzinfo=UTC)
        self._counts: Counter[str] = Counter()

    def wait(self, client: str, now: datetime) -> int | None:
        """Count one; in how many seconds the client may have another, if it may not now."""
        if now - self._since >= _HOUR:
            self._since = now
            self._counts.clear()
        self._counts[client] += 1
        if self._counts[client] <= self._most:
            return None
        return max(1, int((self._since + _HOUR - now).total_seconds()))


LIMIT: Final = web.AppKey("limit", Limit)  # of calls
NEW_PROJECTS: Final = web.AppKey("new_projects", Limit)
