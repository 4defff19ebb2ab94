"""Idle connections: each is answered once and then kept; what they cost is the memory the proxy grows by.

Laws:
- they are opened one after the other, so that what is measured is connections, not exchanges under way;
- the first tenth is a warm-up: growth is counted from there on, over the rest;
- that all were kept, and that the proxy still answers on them, is looked at after the memory was read.
"""

from __future__ import annotations

import http.client
import resource
import select
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from loadtests.bench.cases import Case
from loadtests.bench.load import LoadFailed, answers_well_on
from loadtests.bench.memory import Memory
from loadtests.bench.processes import LOOPBACK

_SOURCES: Final = 100  # addresses the connections come from, so that no port and no limit per client runs out
_WARM_UP: Final = 10  # one part in so many
_ASKED_AGAIN: Final = 100  # one in so many
_SPARE_FILES: Final = 200

Connections = Sequence[http.client.HTTPConnection]


@dataclass(frozen=True, slots=True)
class Growth:
    """`grown` is what the proportional size grew by over so many connections, `resident` the size with all of
    them open; in octets."""

    connections: int
    grown: int
    resident: int
    fault: str | None


def allow_open_files() -> int:
    """Raise the limit of this process, and of those it starts, as far as it may be; give it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def hold(case: Case, port: int, count: int, read: Callable[[], Memory]) -> Growth:
    """Open so many connections and read the memory. Raises LoadFailed, OSError."""
    warm = count // _WARM_UP
    with _opening(case, port, count) as opening:
        kept = [next(opening) for _ in range(warm)]
        before = read()
        kept += opening
        after = read()
        return Growth(count - warm, after.proportional - before.proportional, after.resident, _fault_of(kept, case))


@contextmanager
def _opening(case: Case, port: int, count: int) -> Iterator[Iterator[http.client.HTTPConnection]]:
    """Connections that have had an answer each, opened as they are taken, and closed in the end."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit < count + _SPARE_FILES:
        raise LoadFailed(f"{count + _SPARE_FILES} open files are needed, {limit} allowed: raise the limit (ulimit -Hn)")
    opened: list[http.client.HTTPConnection] = []

    def open_all() -> Iterator[http.client.HTTPConnection]:
        for number in range(count):
            source = f"127.0.0.{2 + number % _SOURCES}"
            connection = http.client.HTTPConnection(LOOPBACK, port, timeout=10, source_address=(source, 0))
            opened.append(connection)
            connection.connect()
            connection.auto_open = 0  # one that was closed is a fault, not to be opened again
            if not answers_well_on(connection, number % len(case.paths), case):
                raise LoadFailed(f"connection {number + 1} of {count} had no answer as expected")
            yield connection

    try:
        yield open_all()
    except http.client.HTTPException as error:
        raise LoadFailed(f"connection {len(opened)} of {count}: {error!r}") from None
    finally:
        for connection in opened:
            connection.close()


def _fault_of(kept: Connections, case: Case) -> str | None:
    closed = _count_closed(kept)
    if closed:
        return f"{closed} of {len(kept)} connections were closed"
    if not all(answers_well_on(each, 0, case) for each in kept[::_ASKED_AGAIN]):
        return "an answer on a connection that had been idle was not as expected"
    return None


def _count_closed(kept: Connections) -> int:
    """A client that waits for nothing has something to read only when its connection has ended."""
    poll = select.poll()
    open_ones = [each.sock for each in kept if each.sock is not None]
    for sock in open_ones:
        poll.register(sock, select.POLLIN)
    return len(kept) - len(open_ones) + len(poll.poll(0))
