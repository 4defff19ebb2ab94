"""Memory of a process tree, out of /proc (proc(5), smaps_rollup).

Law: a page that several processes share is counted once in the proportional size (PSS), in parts; in the resident
size (RSS) it is counted for each of them. Memory that the kernel keeps for sockets is in neither.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from loadtests.bench.cpu import running_tree


@dataclass(frozen=True, slots=True)
class Memory:
    """In octets."""

    proportional: int
    resident: int


def parse_rollup(text: str) -> Memory:
    """Read the text of /proc/PID/smaps_rollup, whose sizes are in kB of 1024 octets."""
    sizes = {words[0]: int(words[1]) * 1024 for line in text.splitlines()[1:] if (words := line.split())}
    return Memory(sizes["Pss:"], sizes["Rss:"])


def sum_of(parts: Iterable[Memory]) -> Memory:
    all_parts = tuple(parts)
    return Memory(sum(part.proportional for part in all_parts), sum(part.resident for part in all_parts))


def memory_of(root: int) -> Memory:
    """Of a running process tree."""
    return sum_of(parse_rollup(Path(f"/proc/{each.pid}/smaps_rollup").read_text()) for each in running_tree(root))
