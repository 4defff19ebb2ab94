"""What changes in the index, as statements inside a transaction of the caller's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, assert_never

from edgeproxy.caching.keys import Key, tag_digest
from edgeproxy.caching.purging import Mode, Purge, What
from edgeproxy.caching.stored import Stored
from edgeproxy.proxy.cache.heads import write_head
from edgeproxy.proxy.cache.purges import PurgeLog

SMALL, MAIN = 0, 1  # the queues of S3-FIFO, of heavy copies
LIGHT: Final = 2  # added: the same, of light ones
_LIGHTEST: Final = 65_536  # octets that a light copy takes at most
MOST_VARIANTS: Final = 32  # of one key: the oldest goes
INLINE: Final = 16_384  # octets of a content that the index itself keeps
_BLOCK: Final = 4_096  # what a file system and SQLite give away at the least


@dataclass(frozen=True, slots=True)
class Row:
    """A copy to be. `content` is None when it is in `file`."""

    key: Key
    variant: bytes
    stored: Stored
    file: str | None
    content: bytes | None


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing. Raises sqlite3.Error."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # some errors end it
            db.execute("ROLLBACK")
        raise


def cost_of(stored: Stored) -> int:
    """Octets that a copy takes, with its row, in whole blocks."""
    row = 512 + len(stored.lines) + 64 * len(stored.tags)
    return -(-(stored.size + row) // _BLOCK) * _BLOCK


def insert(db: sqlite3.Connection, row: Row) -> None:
    """Instead of the copy that there may be; then it keeps its place in the queues, as long as they are its own."""
    key, variant = row.key.primary, row.variant
    old = db.execute(
        "SELECT id, queue, position, frequency FROM copies WHERE key = ? AND variant = ?", (key, variant)
    ).fetchone()
    cost = cost_of(row.stored)
    weight = LIGHT if cost <= _LIGHTEST else 0
    if old is not None:
        db.execute("DELETE FROM copies WHERE id = ?", old[:1])
    place = old[1:] if old is not None and old[1] & LIGHT == weight else _new_place(db, key, weight)
    head = write_head(row.key, variant, row.file, row.stored)
    about = (key, variant, row.key.path, row.key.address, head, row.file, cost, row.stored.purged)
    number = db.execute(
        "INSERT INTO copies (key, variant, path, address, head, file, cost, purged, queue, position, frequency)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*about, *place),
    ).lastrowid
    assert number is not None
    if row.content is not None:
        db.execute("INSERT INTO contents VALUES (?, ?)", (number, row.content))
    _tag(db, number, row.stored)
    if old is None:
        db.execute(
            "DELETE FROM copies WHERE key = ?1 AND id <="
            " (SELECT id FROM copies WHERE key = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
            (key, MOST_VARIANTS),
        )


def change_head(db: sqlite3.Connection, number: int, row: Row) -> bool:
    """Another head for the same content; False when the copy is no longer there."""
    head = write_head(row.key, row.variant, row.file, row.stored)
    changed = db.execute(
        "UPDATE copies SET head = ?, purged = ? WHERE id = ? AND key = ?",
        (head, row.stored.purged, number, row.key.primary),
    ).rowcount
    if changed:
        db.execute("DELETE FROM tags WHERE id = ?", (number,))
        _tag(db, number, row.stored)
    return changed > 0


def remove(db: sqlite3.Connection, number: int) -> None:
    db.execute("DELETE FROM copies WHERE id = ?", (number,))


def note_hits(db: sqlite3.Connection, key: bytes, times: int) -> None:
    db.execute("UPDATE copies SET frequency = min(frequency + ?, 3) WHERE key = ? AND frequency < 3", (times, key))


def purge_copies(db: sqlite3.Connection, purge: Purge) -> int:
    """How many it took."""
    condition, named = _condition(purge)
    match purge.mode:
        case Mode.HARD:
            return db.execute(f"DELETE FROM copies WHERE {condition}", named).rowcount
        case Mode.SOFT:
            # The first purge counts: since then it is stale.
            change = f"UPDATE copies SET purged = coalesce(purged, ?) WHERE {condition}"
            return db.execute(change, (purge.at, *named)).rowcount
        case _:
            assert_never(purge.mode)


def followed(db: sqlite3.Connection, log: PurgeLog) -> int:
    """The number up to which the log's purges were carried out here; 0: it was never this log that was followed."""
    found = db.execute("SELECT seq FROM followed WHERE log = ?", (log.identity,)).fetchone()
    return found[0] if found is not None and isinstance(found[0], int) else 0


def follow(db: sqlite3.Connection, log: PurgeLog) -> int:
    """Carry out what was purged since; for who has the log's lock. Returns how many copies that took."""
    before, seq = followed(db, log), log.seq
    if before == seq:
        return 0
    missed = log.since(before)
    purges = (Purge(What.ALL, Mode.HARD),) if missed is None else missed
    taken = sum(purge_copies(db, purge) for purge in purges)
    db.execute("DELETE FROM followed")
    db.execute("INSERT INTO followed VALUES (?, ?)", (log.identity, seq))
    return taken


def doomed(db: sqlite3.Connection, most: int) -> list[tuple[int, str]]:
    """Files that are to be unlinked, with the numbers by which `forget_doomed` knows them."""
    return db.execute("SELECT rowid, file FROM doomed ORDER BY rowid LIMIT ?", (most,)).fetchall()


def forget_doomed(db: sqlite3.Connection, numbers: list[int]) -> None:
    with transaction(db):
        db.executemany("DELETE FROM doomed WHERE rowid = ?", [(number,) for number in numbers])


def has_file(db: sqlite3.Connection, name: str) -> bool:
    return db.execute("SELECT 1 FROM copies WHERE file = ?", (name,)).fetchone() is not None


def _condition(purge: Purge) -> tuple[str, tuple[bytes, ...]]:
    match purge.what:
        case What.ALL:
            return "TRUE", ()
        case What.PATH:
            return "path = ?", (purge.digest,)
        case What.ADDRESS:
            return "address = ?", (purge.digest,)
        case What.TAG:
            return "id IN (SELECT id FROM tags WHERE tag = ?)", (purge.digest,)
        case _:
            assert_never(purge.what)


def _new_place(db: sqlite3.Connection, key: bytes, weight: int) -> tuple[int, int, int]:
    """At the end of the small queue; of the main one, if it was there not long ago."""
    is_ghost = db.execute("DELETE FROM ghosts WHERE key = ?", (key,)).rowcount > 0
    queue = weight + (MAIN if is_ghost else SMALL)
    return queue, next_position(db, queue), 0


def next_position(db: sqlite3.Connection, queue: int) -> int:
    found: int = db.execute("SELECT coalesce(max(position), 0) + 1 FROM copies WHERE queue = ?", (queue,)).fetchone()[0]
    return found


def _tag(db: sqlite3.Connection, number: int, stored: Stored) -> None:
    if stored.tags:
        tags = {tag_digest(tag) for tag in stored.tags}
        db.executemany("INSERT INTO tags VALUES (?, ?)", [(tag, number) for tag in tags])
