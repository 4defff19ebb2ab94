"""What goes wrong with the disk, counted, and told once and not with each request."""

from __future__ import annotations

import time
from typing import Final

from edgeproxy.telemetry.stderr import tell

_TELL_EVERY: Final = 60.0  # seconds: what fails and works by turns must not fill the log


class Trouble:
    """One thing that can fail, such as "read the index of /var/cache/edge". For one thread."""

    __slots__ = ("_is_bad", "_is_told", "_last", "_what", "count")

    def __init__(self, what: str) -> None:
        self.count = 0
        self._what = what
        self._is_bad = False
        self._is_told = False  # that it is bad
        self._last = -_TELL_EVERY

    def failed(self, why: Exception | str) -> None:
        self.count += 1
        now = time.monotonic()
        if not self._is_bad and now - self._last >= _TELL_EVERY:
            self._is_told, self._last = True, now
            tell(
                f"cache: cannot {self._what}: {why}: answers come from memory and from backends meanwhile: "
                "look at the disk (room, permissions, health)"
            )
        self._is_bad = True

    def happened(self, what: str) -> None:
        """Something that has no end, and says all itself."""
        self.count += 1
        now = time.monotonic()
        if now - self._last >= _TELL_EVERY:
            self._last = now
            tell(f"cache: {what}")

    def worked(self) -> None:
        """PERF: called for each read."""
        if self._is_bad:
            self._is_bad = False
            if self._is_told:
                self._is_told = False
                tell(f"cache: can {self._what} again")
