"""What a node knew last, in a file of its own: for a start at which the shared store is lost.

Laws of this module:
- the file is always whole: it is written aside, synced, and renamed;
- it is a memory and no store: what the store has counts as soon as it can be asked.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

from edgeproxy.migration.journal import BrokenJournal, Entry, UnreadableEntry, read_entry, replay, written
from edgeproxy.state.store import CannotOpen


class Memory:
    """Its functions block."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Mapping[str, tuple[Entry, ...]]:
        """By cutover, its journal. Raises CannotOpen."""
        try:
            lines = self.path.read_text("ascii").splitlines()
            entries = [read_entry(line) for line in lines]
            journals = {name: tuple(group) for name, group in groupby(entries, lambda entry: entry.cutover)}
            for name, journal in journals.items():
                replay(name, journal)
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError, UnreadableEntry, BrokenJournal) as error:
            raise CannotOpen(
                f"what this node knew last, {self.path}, cannot be read ({error}), and was left as it is: "
                "move it away once the shared store can be asked, which has it all"
            ) from None
        return journals

    def write(self, journals: Sequence[Sequence[Entry]]) -> None:
        """Raises OSError; then it is as it was."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        aside = self.path.with_name(f"{self.path.name}.new")
        with open(os.open(aside, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
            file.writelines(f"{written(entry)}\n" for journal in journals for entry in journal)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self.path)
