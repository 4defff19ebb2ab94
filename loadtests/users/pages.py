"""What clients read in pages: the files of a project, what a wheel needs, what a page is made of.

Law: what cannot be read is Wrong, and says where; nothing else is raised, whatever the content.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from loadtests.users.steps import Heard, Wrong

_HASH: Final = re.compile(r"sha256=([0-9a-f]{64})")
_METADATA: Final = re.compile(r"[^/]+\.dist-info/METADATA")
_UNREADABLE: Final = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class File:
    """`digest`: SHA-256; "": the page has none."""

    name: str
    url: str
    digest: str = ""
    has_metadata: bool = False
    is_yanked: bool = False

    @property
    def is_wheel(self) -> bool:
        return self.name.endswith(".whl")


def json_of(heard: Heard) -> dict[str, Any]:
    try:
        read = json.loads(heard.content)
    except (ValueError, RecursionError) as error:
        raise Wrong(f"it is not JSON: {error}") from None
    if not isinstance(read, dict):
        raise Wrong("it is JSON, and no object")
    return read


def names_of(heard: Heard) -> list[str]:
    """Of the projects of an index, normalised."""
    if _is_json(heard):
        projects = json_of(heard).get("projects")
        if not isinstance(projects, list):
            raise Wrong("the index has no list `projects`")
        found = [each.get("name") for each in projects if isinstance(each, dict)]
    else:
        found = [text for _, text, _ in _anchors(heard)]
    return [canonicalize_name(name) for name in found if name]


def files_of(heard: Heard) -> list[File]:
    """Of a project's page, in JSON (PEP 691) or HTML (PEP 503)."""
    try:
        return list(_files_of_json(heard) if _is_json(heard) else _files_of_html(heard))
    except _UNREADABLE as error:
        raise Wrong(f"the page cannot be read: {error}") from None


def newest(files: Sequence[File]) -> File | None:
    """What an installer would take: of the newest version, a wheel if there is one."""
    best = max((each for each in files if not each.is_yanked), key=_order, default=None)
    return best if best is not None else next(iter(files), None)


def needs_of(metadata: bytes) -> list[str]:
    """Names of projects, normalised, that core metadata says are needed here without extras."""
    lines = BytesHeaderParser().parsebytes(metadata).get_all("Requires-Dist") or ()
    return [name for name in map(_needed, lines) if name is not None]


def metadata_in(wheel: bytes) -> bytes:
    """The core metadata of a wheel, as one had to look for it before there was PEP 658."""
    try:
        with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
            name = next((name for name in archive.namelist() if _METADATA.fullmatch(name)), None)
            return b"" if name is None else archive.read(name)
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, NotImplementedError) as error:
        raise Wrong(f"the wheel cannot be read: {error}") from None


def assets_of(heard: Heard) -> list[tuple[str, str]]:
    """URLs on the page's own host, with their kind: what a browser asks for beside it."""
    reader = _Assets()
    reader.feed(heard.content.decode("utf-8", "replace"))
    host = urlsplit(heard.url).netloc
    found = ((urljoin(heard.url, url).partition("#")[0], kind) for url, kind in reader.found)
    return [each for each in dict.fromkeys(found) if urlsplit(each[0]).netloc == host]


def _order(file: File) -> tuple[Version, bool]:
    return _version(file.name), file.is_wheel


def _version(name: str) -> Version:
    parts = name.removesuffix(".whl").removesuffix(".tar.gz").split("-")
    try:
        return Version(parts[1] if name.endswith(".whl") else parts[-1])
    except (InvalidVersion, IndexError):
        return Version("0")


def _needed(line: str) -> str | None:
    try:
        requirement = Requirement(line)
    except InvalidRequirement:
        return None
    wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    return canonicalize_name(requirement.name) if wanted else None


def _is_json(heard: Heard) -> bool:
    return "json" in heard.headers.get("content-type", "")


def _files_of_json(heard: Heard) -> Iterator[File]:
    for each in json_of(heard)["files"]:
        yield File(
            name=each["filename"],
            url=urljoin(heard.url, each["url"]).partition("#")[0],
            digest=each["hashes"].get("sha256", ""),
            has_metadata=bool(each.get("core-metadata")),
            is_yanked=bool(each.get("yanked")),
        )


def _files_of_html(heard: Heard) -> Iterator[File]:
    for href, text, given in _anchors(heard):
        url, _, fragment = urljoin(heard.url, href).partition("#")
        digest = _HASH.search(fragment)
        yield File(
            name=text,
            url=url,
            digest=digest[1] if digest else "",
            has_metadata="data-core-metadata" in given or "data-dist-info-metadata" in given,
            is_yanked="data-yanked" in given,
        )


def _anchors(heard: Heard) -> list[tuple[str, str, dict[str, str | None]]]:
    reader = _Anchors()
    reader.feed(heard.content.decode("utf-8", "replace"))
    return reader.found


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, dict[str, str | None]]] = []
        self._open: dict[str, str | None] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._open = dict(attrs)

    def handle_data(self, data: str) -> None:
        if self._open is not None and data.strip():
            self.found.append((self._open.get("href") or "", data.strip(), self._open))
            self._open = None

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._open = None


class _Assets(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "link" and "stylesheet" in (given.get("rel") or "").split():
            self._add(given.get("href"), "style")
        elif tag == "script":
            self._add(given.get("src"), "script")
        elif tag == "img":
            self._add(given.get("src"), "image")

    def _add(self, url: str | None, kind: str) -> None:
        if url and not url.startswith("data:"):
            self.found.append((url, kind))
