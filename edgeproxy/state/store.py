"""What a store of journals is, whichever it is: SQLite on one machine, Redis for several nodes.

Laws of every store:
- an entry is taken exactly when it continues its journal as the store has it (compare-and-set by number): of all who
  append a number, one is told True. Appending the very same entry again is True and changes nothing, so who does not
  know whether it was taken may ask again;
- what was taken is never changed or removed: the audit log is what was taken, in that order;
- a state that is not known is never given as the state of a cutover that nobody has started: that would take every
  client off the new arm. It is StateLost;
- a store that is lost says so, and why, and gives what it last knew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from edgeproxy.migration.journal import Entry
from edgeproxy.migration.phases import State
from edgeproxy.state.watching import Watch


class StateLost(Exception):
    """The store cannot be asked now, or cannot tell. The message says which, why, and what to do."""


class CannotOpen(Exception):
    """The store that is there cannot be used, and was left as it is. The message says where, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Audited:
    """One line of the audit log: an entry that was taken. `position`: for `audit(after=…)`."""

    position: str
    recorded: float  # POSIX seconds, by the store's clock
    node: str  # who wrote it
    entry: Entry


class Store(Protocol):
    """Used from one event loop. It is closed by whoever opened it."""

    @property
    def lost(self) -> str | None:
        """Why it cannot be asked at the moment; None: it can."""

    async def read(self, name: str) -> State:
        """Where a cutover stands, as far as is known: look at `lost`, too. Raises StateLost when nothing is."""

    async def journal(self, name: str, since: int = 0) -> tuple[Entry, ...]:
        """The entries after this number, as far as they are known. Raises StateLost when nothing is."""

    async def names(self) -> tuple[str, ...]:
        """The cutovers that have a journal, as far as is known. Raises StateLost when nothing is."""

    async def append(self, entry: Entry) -> bool:
        """Whether it is the journal's entry of this number now. False: another was faster, and `read` tells who.
        Raises StateLost.
        """

    async def audit(self, after: str = "", most: int = 1_000) -> tuple[Audited, ...]:
        """What was taken, in order, after a position. Raises StateLost."""

    def watch(self) -> Watch:
        """What is new from now on."""

    async def close(self) -> None: ...
