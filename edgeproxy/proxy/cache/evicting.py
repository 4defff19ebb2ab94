"""Which copies go when the disk's share is used up: S3-FIFO (Yang and others, SOSP 2023), in the index.

What is new enters a small queue of a tenth of the octets. What was asked for again while it was there goes on to the
main queue, the rest goes, and is remembered as a ghost: when it comes again, it enters the main queue at once. What
was asked for while it was in the main queue stays for another round. So a scan of everything, once, passes through the
small queue and leaves the main one alone.

Light copies have queues of their own, and a quarter of the room that heavy ones do not take from them, unless one
comes that needs more than the rest: a file of 2 MB would else take the place of three hundred pages, each of which is
asked of the backend again. So a page is paid with a page, and what light copies do not use is there for heavy ones.

Law: it ends. A round takes one from every frequency, and those are at most 3, whatever the index says.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Final

from edgeproxy.proxy.cache.changes import LIGHT, MAIN, SMALL, next_position, transaction

_SMALL_SHARE: Final = 10  # the small queue has one part in so many
_LIGHT_SHARE: Final = 4  # and light copies keep one
_ASKED_AGAIN: Final = 2  # of what leaves the small queue: to go on to the main one, as in the paper
_AT_ONCE: Final = 256  # steps in a transaction: others want to write, too


def make_room(db: sqlite3.Connection, limit: int, coming: int) -> int:
    """Evict until so many octets have room. Returns how many copies went. Raises sqlite3.Error."""
    if sum(_octets(db).values()) + coming <= limit:
        return 0
    gone = 0
    is_enough = False
    while not is_enough:
        with transaction(db):
            is_enough, went = _evict(db, limit, coming)
        gone += went
    return gone


def _evict(db: sqlite3.Connection, limit: int, coming: int) -> tuple[bool, int]:
    """Some steps: whether that is enough, and how many went."""
    gone = 0
    for _ in range(_AT_ONCE):
        octets = _octets(db)
        if sum(octets.values()) + coming <= limit:
            return True, gone
        head = next(filter(None, (_head(db, queue) for queue in _turns(octets, limit))), None)
        if head is None:  # nothing is left: the totals are wrong
            db.execute("UPDATE totals SET octets = 0, copies = 0")
            return True, gone
        gone += _step(db, *head)
    return False, gone


def _octets(db: sqlite3.Connection) -> dict[int, int]:
    """Of each queue."""
    return {SMALL: 0, MAIN: 0, LIGHT + SMALL: 0, LIGHT + MAIN: 0} | dict(db.execute("SELECT queue, octets FROM totals"))


def _turns(octets: dict[int, int], limit: int) -> Iterator[int]:
    """Queues, the one first whose turn it is to give something up; the others in case that it is empty."""
    light = octets[LIGHT + SMALL] + octets[LIGHT + MAIN]
    for weight in (LIGHT, 0) if light > limit // _LIGHT_SHARE else (0, LIGHT):
        small, main = octets[weight + SMALL], octets[weight + MAIN]
        is_small = small > (small + main) // _SMALL_SHARE
        yield from (weight + SMALL, weight + MAIN) if is_small else (weight + MAIN, weight + SMALL)


def _head(db: sqlite3.Connection, queue: int) -> tuple[int, int, bytes, int] | None:
    row = db.execute(
        "SELECT id, key, frequency FROM copies WHERE queue = ? ORDER BY position, id LIMIT 1", (queue,)
    ).fetchone()
    return None if row is None else (queue, *row)


def _step(db: sqlite3.Connection, queue: int, number: int, key: bytes, frequency: int) -> int:
    """What becomes of the first of a queue. Returns how many copies went: 0 or 1."""
    main = queue | MAIN
    if queue != main and frequency >= _ASKED_AGAIN:
        _append(db, main, number, 0)
        return 0
    if queue == main and frequency > 0:
        _append(db, main, number, min(frequency, 3) - 1)
        return 0
    db.execute("DELETE FROM copies WHERE id = ?", (number,))
    if queue != main:
        _remember(db, key)
    return 1


def _append(db: sqlite3.Connection, queue: int, number: int, frequency: int) -> None:
    """To its end."""
    db.execute(
        "UPDATE copies SET queue = ?, position = ?, frequency = ? WHERE id = ?",
        (queue, next_position(db, queue), frequency, number),
    )


def _remember(db: sqlite3.Connection, key: bytes) -> None:
    """As many ghosts as there are copies in the main queues."""
    last = db.execute("INSERT OR REPLACE INTO ghosts (key) VALUES (?)", (key,)).lastrowid
    most = db.execute("SELECT sum(copies) FROM totals WHERE queue IN (?, ?)", (MAIN, LIGHT + MAIN)).fetchone()[0]
    db.execute("DELETE FROM ghosts WHERE position <= ?", ((last or 0) - max(most, 64),))
