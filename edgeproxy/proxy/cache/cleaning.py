"""What the writer's thread does besides: files that nobody needs any more are unlinked, the WAL is copied back.

Laws of this module:
- a file goes if no row names it and no living process may be about to write that row: its name says whose it is;
- it can be broken off at any point, and done by several processes at once.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from edgeproxy.proxy.cache.arriving import is_announced
from edgeproxy.proxy.cache.changes import doomed, forget_doomed, has_file
from edgeproxy.proxy.cache.claims import Claims
from edgeproxy.proxy.cache.directory import Directory, Generation
from edgeproxy.proxy.cache.process_names import is_name, is_of_the_living

_AT_ONCE: Final = 256
_FREE_SHARE: Final = 4  # one part in so many of the index may be empty


def clean(directory: Directory, generation: Generation, db: sqlite3.Connection) -> Iterator[None]:
    """All there is to clean, in steps of milliseconds. Raises OSError and sqlite3.Error."""
    directory.sweep()
    yield
    for name in os.listdir(directory.spool):
        _unlink_if_dead(directory.spool / name)
    yield
    with closing(Claims(directory.lock)) as claims:  # not the loop's: those are another thread's
        for name in os.listdir(directory.arriving):
            _unlink_if_silent(directory.arriving / name, claims)
    for folder in os.listdir(generation.path / "objects"):
        yield
        _clean_objects(generation.path / "objects" / folder, db)
    while unlink_doomed(db, generation):
        yield


def unlink_doomed(db: sqlite3.Connection, generation: Generation) -> bool:
    """Files of copies that are gone. Whether there are more. Raises sqlite3.Error."""
    found = doomed(db, _AT_ONCE)
    unlinked = [number for number, name in found if _unlink(generation, name)]
    if unlinked:
        forget_doomed(db, unlinked)
    return len(unlinked) == _AT_ONCE


def copy_back(db: sqlite3.Connection) -> None:
    """The WAL into the index's file, and what is empty there to the file system. It syncs. Raises sqlite3.Error."""
    free, pages = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_count"))
    if free > max(_AT_ONCE, pages // _FREE_SHARE):
        db.execute(f"PRAGMA incremental_vacuum({free // 2})").fetchall()
    db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def _unlink(generation: Generation, name: str) -> bool:
    """Whether it is gone now, or is no name of a file at all."""
    if not is_name(name):
        return True
    try:
        os.unlink(generation.object(name))
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _clean_objects(folder: Path, db: sqlite3.Connection) -> None:
    for name in os.listdir(folder):
        # First dead, then without a row: no row comes after its process's end.
        if is_name(name) and not is_of_the_living(name) and not has_file(db, name):
            with suppress(OSError):
                os.unlink(folder / name)


def _unlink_if_dead(file: Path) -> None:
    if is_name(file.name) and not is_of_the_living(file.name):
        with suppress(OSError):
            os.unlink(file)


def _unlink_if_silent(file: Path, claims: Claims) -> None:
    """An announcement whose process died. Only who has the claim announces: so no new one is taken for it."""
    if is_name(file.name):
        _unlink_if_dead(file)
        return
    with suppress(ValueError, OSError):
        primary = bytes.fromhex(file.name)
        if claims.claim(primary):
            try:
                if not is_announced(file):
                    os.unlink(file)
            finally:
                claims.release(primary)
