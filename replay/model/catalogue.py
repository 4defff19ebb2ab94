"""What there is to ask for at a target: projects by name, the most popular first, with their files, the newest first;
and URLs of other things. A model has no names: these come from the target's own index, or from a file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import unquote, urljoin, urlsplit

from replay.model.asked import project_of

LARGEST: Final = 256 << 20  # octets of a page or file
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,198}[A-Za-z0-9])?")


class BadNames(ValueError):
    """What is no list of names; the message says why."""


@dataclass(frozen=True, slots=True)
class File:
    url: str
    has_metadata: bool

    @property
    def name(self) -> str:
        return unquote(urlsplit(self.url).path.rpartition("/")[2])


@dataclass(frozen=True, slots=True)
class Project:
    """`files` None: nobody has looked. `etag`: of its index page."""

    name: str
    files: tuple[File, ...] | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Catalogue:
    projects: Sequence[Project]
    urls: Sequence[str] = ()


def read_names(text: str) -> Catalogue:
    """A catalogue as `words_of` gives it, an index in JSON (PEP 691) or HTML (PEP 503), or names and URLs, one a line.
    Raises BadNames.
    """
    if not text.lstrip().startswith("{"):
        return _of_html(text) if text.lstrip().startswith("<") else _of_lines(text)
    try:
        words = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadNames(f"it is not JSON: {error}") from None
    projects = words.get("projects")
    if not isinstance(projects, list):
        raise BadNames("it has no list `projects`")
    urls = words.get("urls", [])
    return Catalogue([_project(each) for each in projects], [url for url in urls if isinstance(url, str)])


def words_of(catalogue: Catalogue) -> Mapping[str, Any]:
    """As JSON has it."""
    return {"projects": [_words(each) for each in catalogue.projects], "urls": list(catalogue.urls)}


def files_of(content: str, base: str) -> tuple[File, ...]:
    """Of a project's page, in JSON or HTML, which was at that URL. The newest first: pages have them the other way
    round.
    """
    found = list(_files_of_json(content, base) if content.lstrip().startswith("{") else _files_of_html(content, base))
    return tuple(reversed([file for file in found if project_of(file.name) is not None]))


def _project(words: Any) -> Project:
    name = words.get("name") if isinstance(words, dict) else None
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise BadNames("one of `projects` has no name")
    files, etag = words.get("files"), words.get("etag")
    read = None if not isinstance(files, list) else tuple(_file(each) for each in files)
    return Project(name, read, etag if isinstance(etag, str) else None)


def _file(words: Any) -> File:
    url = words.get("url") if isinstance(words, dict) else None
    if not isinstance(url, str) or not url.startswith(("http://", "https://")) or not _is_plain(url):
        raise BadNames("a file has no `url` with its scheme and host")
    return File(url, words.get("metadata") is True)


def _words(project: Project) -> Mapping[str, Any]:
    files = None if project.files is None else [{"url": f.url, "metadata": f.has_metadata} for f in project.files]
    words = {"name": project.name, "etag": project.etag, "files": files}
    return {key: value for key, value in words.items() if value is not None}


def _of_lines(text: str) -> Catalogue:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    urls = [line for line in lines if line.startswith(("http://", "https://")) and _is_plain(line)]
    names = [line for line in lines if "://" not in line]
    wrong = next((line for line in names if _NAME.fullmatch(line) is None), None)
    if wrong is not None:
        raise BadNames(f"{wrong[:60]!r} is neither a project's name nor a URL")
    return Catalogue([Project(name) for name in names], urls)


def _of_html(text: str) -> Catalogue:
    names = [name for _, name, _ in _links(text) if _NAME.fullmatch(name)]
    if not names:
        raise BadNames("no link of it is named as a project")
    return Catalogue([Project(name) for name in names])


def _files_of_json(content: str, base: str) -> Iterator[File]:
    try:
        words = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadNames(f"{base}: it is not JSON: {error}") from None
    files = words.get("files")
    for each in files if isinstance(files, list) else ():
        url = each.get("url") if isinstance(each, dict) else None
        if isinstance(url, str) and _is_plain(whole := _whole(base, url)):
            yield File(whole, bool(each.get("core-metadata") or each.get("dist-info-metadata")))


def _files_of_html(content: str, base: str) -> Iterator[File]:
    for url, _, has_metadata in _links(content):
        if _is_plain(whole := _whole(base, url)):
            yield File(whole, has_metadata)


def _whole(base: str, url: str) -> str:
    return urljoin(base, url).partition("#")[0]


def _is_plain(url: str) -> bool:
    return url.isascii() and url.isprintable() and " " not in url


def _links(text: str) -> list[tuple[str, str, bool]]:
    reader = _Links()
    reader.feed(text)
    reader.close()
    return reader.found


class _Links(HTMLParser):
    """Each anchor: where to, its text, and whether it says that there is metadata (PEP 658)."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, bool]] = []
        self._is_open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            has_metadata = any(given.get(name) for name in ("data-core-metadata", "data-dist-info-metadata"))
            self.found.append((given["href"] or "", "", has_metadata))
            self._is_open = True

    def handle_data(self, data: str) -> None:
        if self._is_open:
            url, text, has_metadata = self.found[-1]
            self.found[-1] = url, text + data.strip(), has_metadata

    def handle_endtag(self, tag: str) -> None:
        self._is_open = self._is_open and tag != "a"
