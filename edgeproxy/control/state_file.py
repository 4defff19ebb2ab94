"""What the SQLite files under `run --state DIR` have in common: a transaction for each use, a mark of whose they are.

Law: a file that is something else is left as it is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_PATIENCE: Final = 5.0  # seconds for a lock


@contextmanager
def opened(path: Path, kind: str = "IMMEDIATE") -> Iterator[sqlite3.Connection]:
    """In one transaction. Raises sqlite3.Error."""
    db = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
    try:
        db.execute(f"BEGIN {kind}")
        with db:
            yield db
    finally:
        db.close()


def identity(db: sqlite3.Connection) -> tuple[int, int]:
    """Whose file it is, and of which version; 0, 0: nobody's yet."""
    application, version = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    return application, version


def begin_if_new(db: sqlite3.Connection, its: tuple[int, int], schema: str, otherwise: str) -> bool:
    """Whether it was new, and is begun now. Raises sqlite3.Error when it is of another identity, with `otherwise`."""
    found = identity(db)
    if found == its:
        return False
    if found != (0, 0) or db.execute("SELECT count(*) FROM sqlite_schema").fetchone() != (0,):
        raise sqlite3.DatabaseError(f"{otherwise} of version {its[1]}")
    for statement in filter(str.strip, schema.split(";")):
        db.execute(statement)
    db.execute(f"PRAGMA application_id = {its[0]}")
    db.execute(f"PRAGMA user_version = {its[1]}")
    return True
