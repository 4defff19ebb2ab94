"""Where the old site says that its own pages are."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote

from backends.legacy.era import Era
from backends.store import File

HOST = "legacy.pypi.test"


@dataclass(frozen=True, slots=True)
class Site:
    scheme: str  # that of the request: a page asked for with https links to https
    host: str = HOST
    era: Era = field(default_factory=Era)

    @property
    def base(self) -> str:
        return f"{self.scheme}://{self.host}"

    def page(self, name: str, version: str | None = None) -> str:
        return self.base + page_path(name, version)

    def file(self, file: File) -> str:
        return f"{self.base}/{self.file_path(file)}"

    def file_path(self, file: File) -> str:
        """Where the site says that a file is; it is found at the other of its two addresses as well."""
        return file.path if self.era.has_hashed_paths else f"packages/{quote('/'.join(old_parts(file)))}"


def old_parts(file: File) -> tuple[str, ...]:
    return file.python_version, file.project[0], file.project, file.filename


def page_path(name: str, version: str | None = None, script: str = "pypi") -> str:
    path = f"/{script}/{quote(name, safe='')}"
    return path if version is None else f"{path}/{quote(version, safe='')}"
