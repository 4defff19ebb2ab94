"""Where releases stand in `brief`: in the order in which searches tell them, so that 24,000 need not be sorted.

Laws of this module:
- a position is above that of every release that is told before it: by name in small letters, then by version;
- there is space between positions, and who comes between two takes little of it. Where none is left, the nearest
  positions are spread anew: as few of them as make enough of it;
- the row of a release in `trigrams` has its position: who moves has to be indexed again (`moved`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

SPACE: Final = 1 << 20  # before one that is added at the end
_STEP: Final = 1 << 10  # after its neighbour, for one that comes between two: the next mostly follows it
_LEAST_STEP: Final = 1 << 4  # once they are spread anew
_FEWEST_SPREAD: Final = 32  # on each side

Moving: TypeAlias = Callable[[Sequence[sqlite3.Row]], None]  # given their rows while they stand where they stood


def last_before(db: sqlite3.Connection, name: str) -> int:
    """Of all projects before this one; its name is in small letters."""
    row = db.execute(
        "SELECT position FROM brief WHERE sorted_name < ? ORDER BY sorted_name DESC, position DESC LIMIT 1", (name,)
    ).fetchone()
    return 0 if row is None else int(row[0])


def free_after(db: sqlite3.Connection, position: int, count: int, moving: Moving) -> range:
    """So many positions between this one and the next."""
    after = db.execute("SELECT min(position) FROM brief WHERE position > ?", (position,)).fetchone()[0]
    step = SPACE if after is None else min(_STEP, (after - position) // (count + 1))
    if step == 0:
        position, step = _spread(db, position, count, moving)
    return range(position + step, position + step * count + 1, step)


def _spread(db: sqlite3.Connection, position: int, count: int, moving: Moving) -> tuple[int, int]:
    """Make space for so many after this one: where it stands then, and the step to the first of them."""
    around, step = _FEWEST_SPREAD, 0
    while step < _LEAST_STEP:
        low, high = _bounds(db, position, around)
        found = db.execute(
            "SELECT position, release_id FROM brief WHERE position > ? AND position < ? ORDER BY position",
            (low, high or 1 << 62),
        ).fetchall()
        step = SPACE if high is None else (high - low) // (len(found) + count + 1)
        around *= 2
    moving(found)
    before = sum(row["position"] <= position for row in found)
    places = (low + step * (at + (count if at > before else 0)) for at in range(1, len(found) + 1))
    # Below zero first: no two may stand in one place meanwhile.
    moved = [(-place, row["position"]) for place, row in zip(places, found, strict=True)]
    db.executemany("UPDATE brief SET position = ? WHERE position = ?", moved)
    db.execute("UPDATE brief SET position = -position WHERE position < 0")
    return low + step * before, step


def _bounds(db: sqlite3.Connection, position: int, around: int) -> tuple[int, int | None]:
    """Between which positions the nearest are; 0 before all of them, None after all of them."""
    low = db.execute(
        "SELECT position FROM brief WHERE position <= ? ORDER BY position DESC LIMIT 1 OFFSET ?", (position, around)
    ).fetchone()
    high = db.execute(
        "SELECT position FROM brief WHERE position > ? ORDER BY position LIMIT 1 OFFSET ?", (position, around)
    ).fetchone()
    return 0 if low is None else int(low[0]), None if high is None else int(high[0])
