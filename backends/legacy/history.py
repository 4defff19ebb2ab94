"""The XML-RPC methods that tell what changed. `since` is a time, in whole seconds since 1970 in UTC."""

from __future__ import annotations

from datetime import UTC, datetime

from backends.legacy.library import Library
from backends.marshalling import Arguments, CallError, Result
from backends.store import Change


def changelog_last_serial(library: Library, _arguments: Arguments) -> Result:
    return library.store.last_serial()


def changelog(library: Library, arguments: Arguments) -> Result:
    since, with_ids = (*arguments, False)[:2]
    changes = library.store.changes_since(_moment(since))
    return [_row(change) if with_ids else _row(change)[:-1] for change in changes]


def changelog_since_serial(library: Library, arguments: Arguments) -> Result:
    return [_row(change) for change in library.store.changes_after(_whole(arguments[0]))]


def changed_packages(library: Library, arguments: Arguments) -> Result:
    return library.store.names_changed_since(_moment(arguments[0]))


def updated_releases(library: Library, arguments: Arguments) -> Result:
    """The releases that are new since then and not hidden, the newest first."""
    since = _moment(arguments[0])
    new = library.store.releases_since(since)
    return [[release.project, release.version] for release in new if not release.hidden]


def _row(change: Change) -> list[str | int | None]:
    return [change.project, change.version, int(change.moment.timestamp()), change.action, change.serial]


def _moment(value: object) -> datetime:
    try:
        return datetime.fromtimestamp(_whole(value), UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise CallError("ValueError", "timestamp out of range for platform time_t") from error


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise CallError("AssertionError", "")
    return value
