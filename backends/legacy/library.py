"""The store as the old site looks things up in it: by exact spelling, and by the normalised to correct it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from backends.legacy.names import normalized_name
from backends.legacy.site import Site
from backends.store import File, Project, Release, Store
from backends.store.substrings import Operator

SEARCH_PATIENCE: Final = 0.5  # seconds; who would wait longer gets nothing


@dataclass(frozen=True, slots=True)
class Library:
    store: Store
    site: Site
    clock: Callable[[], float] = time.monotonic

    def project_like(self, name: str) -> Project | None:
        """The project that a name means, however it is spelled."""
        return self.store.project(normalized_name(name))

    def releases_of(self, name: str) -> Sequence[Release]:
        """The releases of the project of exactly this name, oldest version first, without any metadata."""
        return self.store.bare_releases(normalized_name(name)) if self._is_exact(name) else ()

    def with_metadata(self, releases: Sequence[Release]) -> Sequence[Release]:
        """Releases of one project, with all that they say of themselves but their descriptions."""
        if not releases:
            return ()
        wanted = {release.version for release in releases}
        told = self.store.releases(normalized_name(releases[0].project), described=False)
        return [release for release in told if release.version in wanted]

    def whole(self, release: Release) -> Release:
        """With all that it says of itself."""
        return self.store.release(normalized_name(release.project), release.version) or release

    def files_of(self, name: str, version: str) -> Sequence[File]:
        """The files of exactly this release, by name."""
        files = self.store.files(normalized_name(name), version) if self._is_exact(name) else ()
        return [file for file in files if file.version == version]

    def search(self, wanted: Mapping[str, Sequence[str]], operator: Operator = "and") -> Sequence[str]:
        """A line for each release that fits and is not hidden; none when it takes too long to find them."""
        until = self.clock() + SEARCH_PATIENCE
        try:
            with self.store.giving_up(lambda: self.clock() > until):
                return self.store.search(wanted, operator)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            return ()

    def _is_exact(self, name: str) -> bool:
        project = self.project_like(name)
        return project is not None and project.name == name
