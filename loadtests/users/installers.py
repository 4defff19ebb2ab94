"""Installers: a page of a project, what its newest file needs, the pages of those, then the files of all. So pip and uv
do it.

Laws of this module:
- a client asks for what an answer has named, and for nothing else but pages of projects;
- what it has kept it does not ask for again, but for pages, which it asks for by their ETags.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from typing import Final

from loadtests.users import headers as say
from loadtests.users.headers import Headers, conditional, filled
from loadtests.users.pages import File, files_of, metadata_in, needs_of, newest
from loadtests.users.steps import OK, OK_OR_SAME, Ask, Heard, Step, Walk, World

_MOST: Final = 12  # projects of one installation


@dataclass(frozen=True, slots=True)
class Installer:
    name: str
    page: Headers
    metadata: Headers
    file: Headers
    again: Headers  # said with a page's ETag
    is_old: bool = False  # of 2018: at the old host, and with no metadata but that in the wheel


PIP: Final = Installer("pip", say.PIP_PAGE, say.PIP_FILE, say.PIP_FILE, say.PIP_AGAIN)
OLD_PIP: Final = Installer("pip 9", say.OLD_PIP_PAGE, say.OLD_PIP_FILE, say.OLD_PIP_FILE, (), is_old=True)
UV: Final = Installer("uv", say.UV_PAGE, say.UV_METADATA, say.UV_FILE, say.UV_AGAIN)


def pip(world: World) -> Walk:
    return _install(world, PIP)


def old_pip(world: World) -> Walk:
    return _install(world, OLD_PIP)


def uv(world: World) -> Walk:
    return _install(world, UV)


def _install(world: World, by: Installer) -> Walk:
    wanted = deque([world.project()])
    there = set(world.names)
    seen: set[str] = set()
    files: list[File] = []
    while wanted and len(seen) < _MOST:
        project = wanted.popleft()
        if project in seen:
            continue
        seen.add(project)
        file = newest(files_of((yield from _page(world, by, project))))
        if file is None:
            continue
        needs = yield from _needs(world, by, file)
        wanted.extend(name for name in needs if name in there)
        files.append(file)
    for file in files:
        if not by.is_old:
            yield from _fetch(world, by, file)


def _page(world: World, by: Installer, project: str) -> Generator[Step, Heard | None, Heard]:
    url = f"{world.old_index if by.is_old else world.index}/simple/{project}/"
    kept = world.known.get(url)
    headers = filled(by.page, url)
    if kept is not None:
        headers = conditional(headers, kept.headers.get("etag"), by.again)
    heard = yield Ask(f"{by.name}: page", url, headers, expects=OK_OR_SAME if kept else OK)
    assert heard is not None, "every question has an answer"
    if kept is not None and heard.status == 304:
        return kept
    world.keep(url, heard)
    return heard


def _needs(world: World, by: Installer, file: File) -> Generator[Step, Heard | None, list[str]]:
    if by.is_old:
        return needs_of((yield from _fetch(world, by, file)))
    if not file.has_metadata:
        return []
    url = f"{file.url}.metadata"
    heard = world.known.get(url)
    if heard is None:
        heard = yield Ask(f"{by.name}: metadata", url, filled(by.metadata, url))
        assert heard is not None, "every question has an answer"
        world.keep(url, heard)
    return needs_of(heard.content)


def _fetch(world: World, by: Installer, file: File) -> Generator[Step, Heard | None, bytes]:
    """What the file needs, where that is to be found in it; nothing else of it is kept."""
    kept = world.known.get(file.url)
    if kept is not None:
        return kept.content
    heard = yield Ask(f"{by.name}: file", file.url, filled(by.file, file.url), digest=file.digest)
    assert heard is not None, "every question has an answer"
    metadata = metadata_in(heard.content) if by.is_old and file.is_wheel else b""
    world.keep(file.url, Heard(heard.status, {}, metadata, heard.url))
    return metadata
