"""Names of files that say which process made them, so that what dead processes left is known as such.

Law: no name is made twice on a machine. A process is named by its id and the tick at which it began, since ids are
used again; one that has ended and is not waited for yet (a zombie) is dead.
"""

from __future__ import annotations

import os
import re
from itertools import count
from typing import Final

_NAME: Final = re.compile(r"(\d{1,10})-(\d{1,20})-(\d{1,20})", re.ASCII)
_STATE, _START = 0, 19  # fields of /proc/PID/stat, counted from the one after the program's name
_DEAD: Final = frozenset("ZXx")
_numbers = count()


def new_name() -> str:
    """A name that nobody has, of this process."""
    pid = os.getpid()
    return f"{pid}-{_start_of(pid)}-{next(_numbers)}"


def is_name(text: object) -> bool:
    """Whether it is one of these names, and so no path that leads elsewhere."""
    return isinstance(text, str) and _NAME.fullmatch(text) is not None


def is_of_the_living(name: str) -> bool:
    """Whether the process that made the name runs; False for what is no such name."""
    match = _NAME.fullmatch(name)
    return match is not None and _start_of(int(match[1])) == int(match[2])


def _start_of(pid: int) -> int | None:
    """When the process began, in ticks since the machine's start; None when there is none that runs."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            text = file.read().decode("latin-1")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[_STATE] in _DEAD else int(fields[_START])
