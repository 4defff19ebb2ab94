"""The XML-RPC methods that tell of projects, releases, files and people."""

from __future__ import annotations

import sys
from itertools import islice

from backends import listing
from backends.legacy import lists
from backends.legacy.library import Library
from backends.legacy.names import normalized_name
from backends.legacy.rows import file_row, ordering_of, release_row, search_rows
from backends.marshalling import Arguments, CallError, Result, Written
from backends.steps import Steps
from backends.store.substrings import MOST_SOUGHT, SEARCHABLE


def list_packages(library: Library, _arguments: Arguments) -> Steps[Written]:
    return listing.names(project.name for project in library.every_project())


def list_packages_with_serial(library: Library, _arguments: Arguments) -> Steps[Written]:
    return listing.serials(library.every_project())


def package_releases(library: Library, arguments: Arguments) -> Result:
    name, show_hidden = (*arguments, False)[:2]
    releases = reversed(library.releases_of(text(name)))
    return [release.version for release in releases if show_hidden or not release.hidden]


def release_urls(library: Library, arguments: Arguments) -> Result:
    files = library.files_of(text(arguments[0]), text(arguments[1]))
    return [file_row(file, library.site) for file in files]


def release_data(library: Library, arguments: Arguments) -> Result:
    name, version = text(arguments[0]), text(arguments[1])
    releases = library.releases_of(name)
    ordering = ordering_of(releases)
    if version not in ordering:
        return {}
    return release_row(library.whole(releases[ordering[version]]), ordering[version], library.site)


def release_downloads(library: Library, arguments: Arguments) -> Result:
    files = library.files_of(text(arguments[0]), text(arguments[1]))
    return [[file.filename, 0] for file in files]  # nobody has counted since May 2016


def top_packages(library: Library, arguments: Arguments) -> Steps[Written]:
    most = arguments[0] if arguments else None
    if most is not None and (not isinstance(most, int) or most < 0):
        raise CallError("DataError", "LIMIT must be a number that is not negative")
    told = library.every_project() if most is None else islice(library.every_project(), min(most, sys.maxsize))
    return listing.rows((project.name, 0) for project in told)


def package_roles(library: Library, arguments: Arguments) -> Result:
    name = text(arguments[0])
    project = library.project_like(name)
    roles = library.store.roles(project.normalized) if project is not None and project.name == name else []
    return [list(role) for role in roles]


def user_packages(library: Library, arguments: Arguments) -> Result:
    return [list(role) for role in library.store.projects_of(text(arguments[0]))]


def package_hosting_mode(library: Library, arguments: Arguments) -> Result:
    name = text(arguments[0])
    project = library.project_like(name)
    if project is None or project.name != name:
        raise CallError("IndexError", "list index out of range")
    return library.store.hosting_mode(normalized_name(name))


def search(library: Library, arguments: Arguments) -> Steps[Written]:
    spec, operator = (*arguments, "and")[:2]
    if not isinstance(spec, dict):
        raise CallError("TypeError", "what to search for is given as a struct")
    wanted = {key: _texts(value) for key, value in spec.items() if key in SEARCHABLE}
    if sum(map(len, wanted.values())) > MOST_SOUGHT:
        raise CallError("ValueError", f"more than {MOST_SOUGHT} values to search for")
    found = yield from library.searching(wanted, "or" if operator == "or" else "and")
    return (yield from search_rows(found))


def browse(library: Library, arguments: Arguments) -> Steps[Written]:
    if not isinstance(arguments[0], list):
        raise CallError("TypeError", "Parameter categories must be a list")
    wanted = _texts(arguments[0])
    known = frozenset(library.store.classifiers().values())
    for name in wanted:
        if name not in known:
            raise CallError("ValueError", f'Unknown category "{name}"')
    found = yield from lists.browse(wanted, library)
    return (yield from listing.rows((release.project, release.version) for release in found.values()))


def text(value: object) -> str:
    if not isinstance(value, str):
        raise CallError("TypeError", f"a string is expected, not {type(value).__name__}")
    return value


def _texts(value: object) -> list[str]:
    return [text(member) for member in (value if isinstance(value, list) else [value])]
