"""From what is asked to what is answered, out of one state of the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeAlias, assert_never

from backends.legacy.answers import (
    HTML,
    Answer,
    FileAnswer,
    found,
    gone,
    malformed,
    missing,
    moved,
)
from backends.legacy.dispatch import (
    Asked,
    Call,
    Daytime,
    Document,
    Facts,
    FileAt,
    Home,
    Malformed,
    Missing,
    Moved,
    ProjectPage,
    Retired,
    Serial,
    SimpleIndex,
    SimpleProject,
)
from backends.legacy.documents import document, padded
from backends.legacy.files import file_answer, is_at, no_file
from backends.legacy.library import Library
from backends.legacy.methods import reply
from backends.legacy.names import normalized_name, simple_name
from backends.legacy.pages import home_page, release_page, releases_page
from backends.legacy.simple import index_page, project_page
from backends.legacy.site import page_path
from backends.store import Release

Reply: TypeAlias = Answer | FileAnswer

UPLOADS = "https://upload.pypi.test/legacy/"

# The second is a slip of the old application's: the charset was meant to be a part of the first.
_CALL_HEADERS = (("Content-Type", "text/xml"), ("charset", "UTF-8"))

_JSON_HEADERS = (
    ("Content-Disposition", "inline"),
    ("Surrogate-Control", "max-age=86400"),
    ("Cache-Control", "max-age=600, public"),
    ("Access-Control-Allow-Origin", "*"),
)


def answer(asked: Asked, facts: Facts, library: Library, now: datetime) -> Reply:
    match asked:
        case Moved(location, status):
            return moved(location, status)
        case SimpleIndex():
            return _simple_index(library)
        case SimpleProject(name):
            return _simple_project(name, library)
        case FileAt(parts):
            return _file(parts, facts, library)
        case Serial():
            return found(str(library.store.last_serial()), "text/plain")
        case Daytime():
            return found(f"{now.astimezone(UTC):%Y%m%dT%H:%M:%S}\n", "text/plain")
        case Call(body):
            return Answer(200, "OK", _CALL_HEADERS, reply(body, library))
        case Home():
            return found(home_page(library.store.projects()), HTML)
        case ProjectPage(name, version):
            return _project_page(name, version, library)
        case Document():
            return _document(asked, library)
        case Retired(action):
            return gone(f"{action} has left this host: upload to {UPLOADS} instead")
        case Missing(why):
            return missing(why)
        case Malformed(why):
            return malformed(why)
        case _:
            assert_never(asked)


def _simple_index(library: Library) -> Answer:
    headers = (("Surrogate-Key", "simple simple-index"), _serial(library.store.last_serial()))
    return found(index_page(library.store.projects()), HTML, headers)


def _simple_project(name: str, library: Library) -> Answer:
    project = library.project_like(name)
    safe = simple_name(name)
    if name != safe:
        # To the address without its slash, which moves on in a step of its own.
        return moved(f"/simple/{safe}") if project else missing(f"{name} does not have any releases")
    if project is None:
        return missing(f"{name} does not exist")
    page = project_page(name, library.store.files(project.normalized))
    headers = (_key("simple", project.name), _serial(project.serial))
    return found(page, HTML, headers)


def _file(parts: tuple[str, ...], facts: Facts, library: Library) -> Reply:
    file = library.store.file_named(parts[-1])
    if file is None or not is_at(file, parts):
        return no_file(parts)
    project = library.store.project(normalized_name(file.project))
    path = library.store.files_directory / file.path
    if project is None or not path.is_file():
        return no_file(parts)
    return file_answer(file, path, project.serial, facts)


def _project_page(name: str, version: str | None, library: Library) -> Answer:
    releases = library.releases_of(name)
    if version is None and len(releases) > 1:
        return found(releases_page(releases[::-1]), HTML)
    chosen = _choose(releases, version)
    if chosen is not None:
        return found(release_page(chosen, library.files_of(name, chosen.version), library.site), HTML)
    project = library.project_like(name)
    if project is None or project.name == name:
        return missing("")
    return moved(library.site.page(project.name, version))


def _document(asked: Document, library: Library) -> Answer:
    project = library.project_like(asked.name)
    if project is not None and project.name != asked.name:
        # Towards the verbatim name: the other way round than the new site has it.
        return moved(f"{page_path(project.name, asked.version)}/json")
    releases = library.releases_of(asked.name)
    chosen = _choose(releases, asked.version)
    if project is None or chosen is None:
        return missing("no releases" if asked.version is None else "invalid name/version")
    text = document(chosen, releases, library.store.files(project.normalized), library.site)
    headers = (*_JSON_HEADERS, _key("json", project.name), _serial(library.store.last_serial()))
    return found(padded(text, asked.callback), 'application/json; charset="UTF-8"', headers)


def _choose(releases: Sequence[Release], version: str | None) -> Release | None:
    """The release of exactly this version, or the newest of those that are given oldest first."""
    if version is None:
        return releases[-1] if releases else None
    return next((release for release in releases if release.version == version), None)


def _key(kind: str, name: str) -> tuple[str, str]:
    return "Surrogate-Key", f"{kind} pkg~{simple_name(name)}"


def _serial(serial: int) -> tuple[str, str]:
    return "X-PYPI-LAST-SERIAL", str(serial)
