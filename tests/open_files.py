"""What a process has open, as the kernel tells it (proc(5), /proc/PID/fd)."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def links_of(pid: int) -> Iterator[tuple[Path, str]]:
    """Each descriptor's place there, and what it leads to; not those that are closed, or end, while they are read."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            yield link, os.readlink(link)


def kept_in_memory(pid: int, name: str) -> dict[int, Path]:
    """The files of memory (memfd_create(2)) that it names so: one link to each, by inode."""
    found = {}
    for link, target in links_of(pid):
        if name in target:
            with suppress(FileNotFoundError):
                found[link.stat().st_ino] = link
    return found
