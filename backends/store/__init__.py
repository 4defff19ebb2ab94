"""One SQLite index and one file store that both sites read and write, as the two real sites shared theirs.

Laws of this package:
- everything here is synchronous and belongs to the thread that opened it; `now` is an argument;
- a file is on disk, whole and synced, before the index names it, so no reader ever follows a name to nothing;
- a file name is single-use for ever, and a path under `packages/` holds only the bytes it is the hash of;
- every change has a serial of its own, written in the transaction that makes the change.
"""

from backends.store.archive import Distribution, read_distribution
from backends.store.content import Content, Receiving
from backends.store.errors import StoreError
from backends.store.model import (
    Added,
    Addition,
    Brief,
    Change,
    Conflict,
    ConflictReason,
    File,
    Metadata,
    MetadataValue,
    NewFile,
    Project,
    Release,
    Same,
)
from backends.store.store import Store
from backends.store.unpacking import BadArchive

__all__ = [
    "Added",
    "Addition",
    "BadArchive",
    "Brief",
    "Change",
    "Conflict",
    "ConflictReason",
    "Content",
    "Distribution",
    "File",
    "Metadata",
    "MetadataValue",
    "NewFile",
    "Project",
    "Receiving",
    "Release",
    "Same",
    "Store",
    "StoreError",
    "read_distribution",
]
