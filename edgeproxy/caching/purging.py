"""What a purge takes, and what it does with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import assert_never

from edgeproxy.caching.keys import Key, tag_digest


class What(IntEnum):
    """What a purge's digest names. The numbers are written to shared memory."""

    ALL = 1  # everything; the digest is empty
    PATH = 2  # a URL without a query: host and path, whatever the query
    ADDRESS = 3  # a URL with a query
    TAG = 4


class Mode(IntEnum):
    """SOFT: what is kept is stale from now on, and may still be given while it is asked for anew, or when the backend
    fails. HARD: it is gone.
    """

    SOFT = 1
    HARD = 2


@dataclass(frozen=True, slots=True)
class Purge:
    """`at` is in POSIX seconds."""

    what: What
    mode: Mode
    digest: bytes = b""
    at: float = 0.0

    def takes(self, key: Key, tags: Iterable[str]) -> bool:
        match self.what:
            case What.ALL:
                return True
            case What.PATH:
                return key.path == self.digest
            case What.ADDRESS:
                return key.address == self.digest
            case What.TAG:
                return any(tag_digest(tag) == self.digest for tag in tags)
            case _:
                assert_never(self.what)


def is_taken(purges: Iterable[Purge] | None, key: Key, tags: Iterable[str], *, knows_tags: bool = True) -> bool:
    """Whether one of the purges takes it; None: more of them than are known, which take everything. `knows_tags`: it
    can have no others.
    """
    if purges is None:
        return True
    return any(purge.takes(key, tags) or (purge.what is What.TAG and not knows_tags) for purge in purges)
