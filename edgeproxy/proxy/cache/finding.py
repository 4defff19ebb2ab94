"""Which of several copies a request may have, and what a file of one holds."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TypeVar

from edgeproxy.caching import vary
from edgeproxy.proxy.cache.checking import KeptFile
from edgeproxy.proxy.cache.index import DiskCopy
from edgeproxy.proxy.cache.memory import Copy
from edgeproxy.ruleset.modifiers import Cache

F = TypeVar("F", Copy, DiskCopy)


def newest(copies: Iterable[F], values: Mapping[str, str], policy: Cache) -> F | None:
    """RFC 9111 §4: of several that match, the most recent."""
    found: F | None = None
    for copy in copies:
        if copy.stored.coding or not vary.matches(copy.stored.selecting, values, policy):
            continue
        if found is None or copy.stored.terms.born > found.stored.terms.born:
            found = copy
    return found


def read_whole(file: KeptFile) -> bytes:
    """Nothing, if it cannot be read."""
    with suppress(OSError):
        return os.pread(file.fd, file.size, 0)
    return b""
