"""What is fetched once for all runs in this checkout: by one process, when several of the tests want it at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path


@contextmanager
def alone_in(place: Path) -> Iterator[None]:
    """While no other process is in this directory, which is made; what comes later finds there what was fetched."""
    place.mkdir(parents=True, exist_ok=True)
    with (place / ".lock").open("w") as lock:
        flock(lock, LOCK_EX)
        yield
