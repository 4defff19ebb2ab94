"""The XML-RPC methods: one table, and the functions it names.

Laws of this module:
- a method finds a project by its exact name and a release by its exact version, unlike every other page;
- what a call gives is checked before the store is asked, and a wrong argument is a `CallError`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from backends.legacy.library import Library
from backends.legacy.marshalling import (
    LARGEST_CALL,
    Arguments,
    CallError,
    Result,
    read_call,
    write_fault,
    write_result,
)
from backends.legacy.rows import Row, file_row, ordering_of, release_row, search_row
from backends.store import Release
from backends.store.searching import SEARCHABLE


@dataclass(frozen=True, slots=True)
class Method:
    answer: Callable[[Library, Arguments], Result]
    least: int  # arguments
    most: int
    read_only: bool = True


def reply(body: bytes | None, library: Library) -> bytes:
    """Every call is answered, with a fault if need be: the caller never sees another status than 200."""
    if body is None:
        return write_fault(f"AssertionError('a call of {LARGEST_CALL} bytes or more is not read',)")
    try:
        name, arguments = read_call(body)
        return write_result(_call(name, arguments, library))
    except CallError as error:
        return write_fault(str(error))


def _call(name: str, arguments: Arguments, library: Library) -> Result:
    method = METHODS.get(name)
    if method is None:
        raise CallError("Exception", f'method "{name}" is not supported')
    if not method.least <= len(arguments) <= method.most:
        expected = " to ".join(map(str, sorted({method.least, method.most})))
        raise CallError("TypeError", f"{name}() takes {expected} arguments ({len(arguments)} given)")
    return method.answer(library, arguments)


def _list_packages(library: Library, _arguments: Arguments) -> Result:
    return [project.name for project in library.store.projects()]


def _list_packages_with_serial(library: Library, _arguments: Arguments) -> Result:
    return {project.name: project.serial for project in library.store.projects()}


def _package_releases(library: Library, arguments: Arguments) -> Result:
    # The second argument asked for hidden releases too, and none is hidden.
    return [release.version for release in reversed(library.releases_of(_text(arguments[0])))]


def _release_urls(library: Library, arguments: Arguments) -> Result:
    files = library.files_of(_text(arguments[0]), _text(arguments[1]))
    return [file_row(file, library.site) for file in files]


def _release_data(library: Library, arguments: Arguments) -> Result:
    name, version = _text(arguments[0]), _text(arguments[1])
    releases = library.releases_of(name)
    ordering = ordering_of(releases)
    if version not in ordering:
        return {}
    return release_row(releases[ordering[version]], ordering[version], library.site)


def _search(library: Library, arguments: Arguments) -> Result:
    spec, operator = (*arguments, "and")[:2]
    if not isinstance(spec, dict):
        raise CallError("TypeError", "what to search for is given as a struct")
    wanted = {key: _texts(value) for key, value in spec.items() if key in SEARCHABLE}
    return _search_rows(library, library.store.search(wanted, "or" if operator == "or" else "and"))


def _search_rows(library: Library, releases: Sequence[Release]) -> list[Row]:
    names = {release.project for release in releases}
    orderings = {name: ordering_of(library.releases_of(name)) for name in names}
    return [search_row(release, orderings[release.project][release.version]) for release in releases]


def _changelog_last_serial(library: Library, _arguments: Arguments) -> Result:
    return library.store.last_serial()


def _list_methods(_library: Library, _arguments: Arguments) -> Result:
    return sorted(METHODS)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise CallError("TypeError", f"a string is expected, not {type(value).__name__}")
    return value


def _texts(value: object) -> list[str]:
    return [_text(member) for member in (value if isinstance(value, list) else [value])]


METHODS: Mapping[str, Method] = {
    "changelog_last_serial": Method(_changelog_last_serial, 0, 0),
    "list_packages": Method(_list_packages, 0, 0),
    "list_packages_with_serial": Method(_list_packages_with_serial, 0, 0),
    "package_data": Method(_release_data, 2, 2),
    "package_releases": Method(_package_releases, 1, 2),
    "package_urls": Method(_release_urls, 2, 2),
    "release_data": Method(_release_data, 2, 2),
    "release_urls": Method(_release_urls, 2, 2),
    "search": Method(_search, 1, 2),
    "system.listMethods": Method(_list_methods, 0, 0),
}
