"""The store as the old site looks things up in it: by exact spelling, and by the normalised to correct it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backends.legacy.names import normalized_name
from backends.legacy.site import Site
from backends.store import File, Project, Release, Store


@dataclass(frozen=True, slots=True)
class Library:
    store: Store
    site: Site

    def project_like(self, name: str) -> Project | None:
        """The project that a name means, however it is spelled."""
        return self.store.project(normalized_name(name))

    def releases_of(self, name: str) -> Sequence[Release]:
        """The releases of the project of exactly this name, oldest version first."""
        return self.store.releases(normalized_name(name)) if self._is_exact(name) else ()

    def files_of(self, name: str, version: str) -> Sequence[File]:
        """The files of exactly this release, by name."""
        files = self.store.files(normalized_name(name), version) if self._is_exact(name) else ()
        return [file for file in files if file.version == version]

    def _is_exact(self, name: str) -> bool:
        project = self.project_like(name)
        return project is not None and project.name == name
