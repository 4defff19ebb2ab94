"""Both bundled sites on a store, as processes, and how to tell the new one its faults."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgeproxy.cli.demo_processes import Processes


@dataclass(frozen=True)
class Sites:
    legacy: str  # URLs
    modern: str
    files: Path
    token: Path

    @property
    def options(self) -> list[str]:
        """For an edge whose rules call them so."""
        backends = (f"legacy={self.legacy}", f"modern={self.modern}", f"store={self.files}")
        return [part for each in backends for part in ("--backend", each)]

    def plant(self, *faults: str) -> None:
        """At the new one."""
        self._tell("plant", *faults)

    def clear(self) -> None:
        self._tell("clear")

    def _tell(self, verb: str, *arguments: str) -> None:
        command = [sys.executable, "-m", "backends.faults", verb, self.modern, "--token-file", str(self.token)]
        subprocess.run([*command, *arguments], check=True, capture_output=True)


@contextmanager
def bundled_sites(
    seeded: Path, place: Path, *, has_own_serials: bool = False, modern_options: Sequence[str] = ()
) -> Iterator[Sites]:
    """Over one store, as theirs was; `has_own_serials`: over two, whose content is the same, and whose serials are not."""
    store, token = place / "store", place / "token"
    shutil.copytree(seeded, store)
    token.write_text("a-token-of-the-tests\n")
    token.chmod(0o600)
    of_modern = _with_other_serials(store, place / "other") if has_own_serials else store
    with Processes() as processes:
        legacy = processes.start("legacy", "backends.legacy", "--store", store, "--listen", "127.0.0.1:0")
        modern = processes.start(
            "modern",
            *("backends.modern", "--store", of_modern, "--listen", "127.0.0.1:0"),
            *("--files-url", "http://files.pypihosted.test", "--admin-token-file", token),
            *modern_options,
        )
        yield Sites(legacy, modern, store / "files", token)


def _with_other_serials(store: Path, copy: Path) -> Path:
    """Each project has the last serial of all."""
    shutil.copytree(store, copy)
    with closing(sqlite3.connect(copy / "index.sqlite3")) as db, db:
        db.execute("UPDATE project SET serial = (SELECT max(serial) FROM change)")
    return copy
