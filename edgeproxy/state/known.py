"""The journals that this node knows, whatever became of the store.

Law: a journal here is always whole. It grows by what continues it; only `replace` puts another in its place.
"""

from __future__ import annotations

from collections.abc import Sequence

from edgeproxy.migration.journal import Entry, apply, replay
from edgeproxy.migration.phases import State


class Known:
    def __init__(self) -> None:
        self._entries: dict[str, tuple[Entry, ...]] = {}
        self._states: dict[str, State] = {}

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._entries))

    def state(self, name: str) -> State:
        return self._states.get(name) or State(name)

    def entries(self, name: str, since: int = 0) -> tuple[Entry, ...]:
        return self._entries.get(name, ())[since:]

    def is_next(self, entry: Entry) -> bool:
        """Whether it is the next one of its journal. Raises BrokenJournal when it is by its number, and cannot be."""
        state = self.state(entry.cutover)
        if entry.number != state.number + 1:
            return False
        apply(state, entry)
        return True

    def is_there(self, entry: Entry) -> bool | None:
        """Whether it is the known entry of its number; None: it is the next one. Raises BrokenJournal."""
        if self.is_next(entry):
            return None
        there = self.entries(entry.cutover)[entry.number - 1 : entry.number]
        if not there:
            apply(self.state(entry.cutover), entry)  # which says what is missing before it
        return there == (entry,)

    def take(self, name: str, entries: Sequence[Entry]) -> bool:
        """Those that continue the journal; the ones before are known. Whether it grew. Raises BrokenJournal."""
        state = self.state(name)
        new = tuple(entry for entry in entries if entry.number > state.number)
        for entry in new:
            state = apply(state, entry)
        if new:
            self._entries[name] = self._entries.get(name, ()) + new
            self._states[name] = state
        return bool(new)

    def replace(self, name: str, entries: Sequence[Entry]) -> None:
        """Raises BrokenJournal; then it is as it was."""
        self._states[name] = replay(name, entries)
        self._entries[name] = tuple(entries)
