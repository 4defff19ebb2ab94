"""The XML-RPC methods that tell what changed. `since` is a time, in whole seconds since 1970 in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import chain
from typing import Final

from backends import listing
from backends.changelog import changes_after, changes_since
from backends.legacy.library import Library
from backends.marshalling import Arguments, CallError, Result, Written
from backends.steps import Steps

_MOST: Final = 2**31 - 1  # as XML-RPC and the columns of the old application have it


def changelog_last_serial(library: Library, _arguments: Arguments) -> Result:
    return library.store.last_serial()


def changelog(library: Library, arguments: Arguments) -> Steps[Written]:
    since, with_ids = (*arguments, False)[:2]
    return changes_since(library.store, _moment(since), bool(with_ids))


def changelog_since_serial(library: Library, arguments: Arguments) -> Steps[Written]:
    return changes_after(library.store, _whole(arguments[0]))


def changed_packages(library: Library, arguments: Arguments) -> Steps[Written]:
    names: set[str] = set()
    for page in library.store.names_changed_since(_moment(arguments[0])):
        names.update(page)
        yield
    return (yield from listing.names(sorted(names)))


def updated_releases(library: Library, arguments: Arguments) -> Steps[Written]:
    """The releases that are new since then and not hidden, the newest first."""
    new = chain.from_iterable(library.store.releases_since(_moment(arguments[0])))
    return listing.rows((release.project, release.version) for release in new if not release.hidden)


def _moment(value: object) -> datetime:
    try:
        return datetime.fromtimestamp(_whole(value), UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise CallError("ValueError", "timestamp out of range for platform time_t") from error


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise CallError("AssertionError", "")
    if abs(value) > _MOST:
        raise CallError("DataError", "integer out of range")
    return value
