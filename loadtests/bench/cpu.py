"""CPU time of a process tree, out of /proc (proc(5)).

Laws:
- a process's times hold all its threads, the ended ones too;
- what ended children used is in the times their parent reaped, so the sum over a tree never shrinks while its
  root lives.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# Positions in /proc/PID/stat after the name, which ends with the last ')'.
_PARENT, _TIMES = 1, slice(11, 15)  # utime, stime, cutime, cstime

_LOOK_EVERY: Final = 0.2  # seconds
_AT_REST: Final = 0.02  # of a core: timers, health checks
_LONGEST: Final = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class ProcessTimes:
    """`ticks` is user and system time, the process's own and that of its reaped children."""

    pid: int
    parent: int
    ticks: int


def parse_stat(text: str) -> ProcessTimes:
    """Read the text of /proc/PID/stat. The name in it may hold blanks and parentheses."""
    start, _, rest = text.rpartition(")")
    fields = rest.split()
    return ProcessTimes(int(start.split(" ", 1)[0]), int(fields[_PARENT]), sum(map(int, fields[_TIMES])))


def tree_of(processes: Iterable[ProcessTimes], root: int) -> tuple[ProcessTimes, ...]:
    """The root and everything below it. Raises ProcessLookupError when the root is not there."""
    by_pid: dict[int, ProcessTimes] = {}
    children: dict[int, list[int]] = defaultdict(list)
    for process in processes:
        by_pid[process.pid] = process
        children[process.parent].append(process.pid)
    if root not in by_pid:
        raise ProcessLookupError(f"process {root} has ended; its log says why")
    found: list[ProcessTimes] = []
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        found.append(by_pid[pid])
        waiting.extend(children[pid])
    return tuple(found)


def running_tree(root: int) -> tuple[ProcessTimes, ...]:
    return tree_of(_all_processes(), root)


def cpu_seconds(root: int) -> float:
    """User and system time of a running process tree so far."""
    return sum(process.ticks for process in running_tree(root)) / os.sysconf("SC_CLK_TCK")


def run_seconds(root: int) -> float:
    """The same by the scheduler's own count, in nanoseconds: for short loads. What ended is not in it."""
    return sum(_on_core(process.pid) for process in running_tree(root)) / 1e9


def settle(root: int) -> None:
    """Wait until a process tree is at rest, at most 5 s: one that never is is measured as it is."""
    until = time.monotonic() + _LONGEST
    before, used = cpu_seconds(root), 1.0
    while used > _AT_REST * _LOOK_EVERY and time.monotonic() < until:
        time.sleep(_LOOK_EVERY)
        now = cpu_seconds(root)
        before, used = now, now - before


def _on_core(pid: int) -> int:
    """In nanoseconds, of all threads (proc(5), /proc/PID/schedstat)."""
    tasks = Path(f"/proc/{pid}/task")
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir())


def _all_processes() -> Iterator[ProcessTimes]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                yield parse_stat((entry / "stat").read_text(errors="replace"))
            except (FileNotFoundError, ProcessLookupError):
                continue  # ended while we were reading
