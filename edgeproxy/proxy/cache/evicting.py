"""Which copies go when the disk's share is used up: S3-FIFO (Yang and others, SOSP 2023), in the index.

What is new enters a small queue of a tenth of the octets. What was asked for again while it was there goes on to the
main queue, the rest goes, and is remembered as a ghost: when it comes again, it enters the main queue at once. What
was asked for while it was in the main queue stays for another round. So a scan of everything, once, passes through the
small queue and leaves the main one alone.

Law: it ends. A round takes one from every frequency, and those are at most 3, whatever the index says.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from edgeproxy.proxy.cache.changes import MAIN, SMALL, next_position, transaction

_SMALL_SHARE: Final = 10  # the small queue has one part in so many
_ASKED_AGAIN: Final = 2  # of what leaves the small queue: to go on to the main one, as in the paper
_AT_ONCE: Final = 256  # steps in a transaction: others want to write, too


def make_room(db: sqlite3.Connection, limit: int, coming: int) -> int:
    """Evict until so many octets have room. Returns how many copies went. Raises sqlite3.Error."""
    before = _copies(db)
    if before[1] + coming <= limit:
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
        small, octets = _copies(db)
        if octets + coming <= limit:
            return True, gone
        head = _head(db, SMALL) if small > limit // _SMALL_SHARE else None
        head = head or _head(db, MAIN) or _head(db, SMALL)
        if head is None:  # nothing is left: the totals are wrong
            db.execute("UPDATE totals SET octets = 0, copies = 0")
            return True, gone
        gone += _step(db, *head)
    return False, gone


def _copies(db: sqlite3.Connection) -> tuple[int, int]:
    """Octets of the small queue, and of both."""
    totals: dict[int, int] = dict(db.execute("SELECT queue, octets FROM totals"))
    return totals.get(SMALL, 0), sum(totals.values())


def _head(db: sqlite3.Connection, queue: int) -> tuple[int, int, bytes, int] | None:
    row = db.execute(
        "SELECT id, key, frequency FROM copies WHERE queue = ? ORDER BY position, id LIMIT 1", (queue,)
    ).fetchone()
    return None if row is None else (queue, *row)


def _step(db: sqlite3.Connection, queue: int, number: int, key: bytes, frequency: int) -> int:
    """What becomes of the first of a queue. Returns how many copies went: 0 or 1."""
    if queue == SMALL and frequency >= _ASKED_AGAIN:
        _append(db, number, 0)
        return 0
    if queue == MAIN and frequency > 0:
        _append(db, number, min(frequency, 3) - 1)
        return 0
    db.execute("DELETE FROM copies WHERE id = ?", (number,))
    if queue == SMALL:
        _remember(db, key)
    return 1


def _append(db: sqlite3.Connection, number: int, frequency: int) -> None:
    """To the end of the main queue."""
    db.execute(
        "UPDATE copies SET queue = ?, position = ?, frequency = ? WHERE id = ?",
        (MAIN, next_position(db, MAIN), frequency, number),
    )


def _remember(db: sqlite3.Connection, key: bytes) -> None:
    """As many ghosts as there are copies in the main queue."""
    last = db.execute("INSERT OR REPLACE INTO ghosts (key) VALUES (?)", (key,)).lastrowid
    most = db.execute("SELECT copies FROM totals WHERE queue = ?", (MAIN,)).fetchone()[0]
    db.execute("DELETE FROM ghosts WHERE position <= ?", ((last or 0) - max(most, 64),))
