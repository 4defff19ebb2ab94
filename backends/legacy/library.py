"""The store as the old site looks things up in it: by exact spelling, and by the normalised to correct it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from backends.legacy.names import normalized_name
from backends.legacy.site import Site
from backends.steps import Steps
from backends.store import File, Project, Release, Store
from backends.store.substrings import Operator

SEARCH_PATIENCE: Final = 0.5  # seconds; who would wait longer gets nothing


@dataclass(frozen=True, slots=True)
class Library:
    store: Store
    site: Site
    clock: Callable[[], float] = time.monotonic

    def every_project(self) -> Iterator[Project]:
        """By normalised name, read as they are asked for."""
        return chain.from_iterable(self.store.project_pages())

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

    def searching(
        self, wanted: Mapping[str, Sequence[str]], operator: Operator = "and", until: float | None = None
    ) -> Steps[Sequence[str]]:
        """A line for each release that fits and is not hidden; none when it takes too long to find them.

        `until`: by the clock, if that is to be earlier.
        """
        last = self.clock() + SEARCH_PATIENCE
        last = last if until is None else min(last, until)
        pages = self.store.search_pages(wanted, operator)
        found: list[list[str]] = []
        try:
            while (page := self._next(pages, last)) is not None:
                found.append(page)
                yield
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            return ()
        if self.clock() > last:
            return ()
        return found[0] if len(found) == 1 else [*chain.from_iterable(found)]

    def _next(self, pages: Iterator[list[str]], last: float) -> list[str] | None:
        if self.clock() > last:
            return None
        with self.store.giving_up(lambda: self.clock() > last):
            return next(pages, None)

    def _is_exact(self, name: str) -> bool:
        project = self.project_like(name)
        return project is not None and project.name == name
