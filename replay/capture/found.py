"""What a reader finds: records, notes of the edge, and what is broken, with its place."""

from __future__ import annotations

from dataclasses import dataclass

from edgeproxy.capture.record import Captured
from edgeproxy.capture.versions import Note


class Unreadable(Exception):
    """A file that is none of what can be read; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """What could not be read, and is passed over. `lost`: records, where that is known."""

    where: str  # octet, line or entry of the file
    why: str
    lost: int | None = 1


Found = Captured | Note | Skipped
