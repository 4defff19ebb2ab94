"""Where the old site says that its own pages are."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from backends.store import File

HOST = "legacy.pypi.test"


@dataclass(frozen=True, slots=True)
class Site:
    scheme: str  # that of the request: a page asked for with https links to https
    host: str = HOST

    @property
    def base(self) -> str:
        return f"{self.scheme}://{self.host}"

    def page(self, name: str, version: str | None = None) -> str:
        return self.base + page_path(name, version)

    def file(self, file: File) -> str:
        return f"{self.base}/{file.path}"


def page_path(name: str, version: str | None = None) -> str:
    path = f"/pypi/{quote(name, safe='')}"
    return path if version is None else f"{path}/{quote(version, safe='')}"
