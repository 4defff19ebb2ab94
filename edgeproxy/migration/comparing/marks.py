"""Marks: a kind of difference under one pattern, which is what noise is known by and findings are counted by.

Law: what is grave can be told by its mark alone, whatever the rule: that the new side fails or has another status, that
files come or go or lie elsewhere, that a hash is another. A report never has to fold it into others, and little noise
does not hide it.
"""

from __future__ import annotations

from typing import Final, assert_never

from edgeproxy.migration.comparing.differences import Difference, Kind, kind_of

Mark = tuple[Kind, str]  # a kind of difference, and where

_FILES: Final = frozenset(
    ("index:/files/*", "index:/projects/*", "json:/urls/*", "json:/releases/*", "json:/releases/*/*")
)
_CONTENT: Final = frozenset(("content:size", "content:sha256"))
_HASHES: Final = frozenset(("hashes", "digest", "digests", "md5_digest", "sha256_digest", "core-metadata"))
_END: Final = "final:"  # where a redirect leads
_PLACES: Final = frozenset(("index:/hosts", "index:/files/*/url/path"))  # where links to files lead
_MOVED: Final = "file:/host/"  # to which host a file has moved
_SERVER_ERROR: Final = "500"


def mark_of(difference: Difference) -> Mark:
    return kind_of(difference), difference.pattern


def is_failure(mark: Mark) -> bool:
    """Whether it says that a side failed."""
    kind, pattern = mark
    match kind:
        case Kind.NO_ANSWER | Kind.UNREADABLE:
            return True
        case Kind.STATUS_CHANGED:
            return pattern.rpartition("/")[2] >= _SERVER_ERROR
        case Kind.MISSING | Kind.ADDED | Kind.CHANGED | Kind.TYPE_CHANGED | Kind.REORDERED:
            return False
        case Kind.UNLISTED | Kind.MORE:
            return False
        case _:
            assert_never(kind)


def is_loss(mark: Mark) -> bool:
    """Whether the new side lacks what clients got, has it elsewhere, or has other files: a page, a file, its octets."""
    kind, pattern = mark
    if kind is Kind.STATUS_CHANGED:
        _, _, statuses = pattern.partition("/")
        old, _, new = statuses.partition("/")
        return old.startswith("2") and new.startswith(("4", "5"))
    if pattern.startswith((_END, _MOVED)) or pattern in _PLACES:
        return True
    is_there = kind in (Kind.MISSING, Kind.ADDED, Kind.MORE)
    return (is_there and pattern in _FILES) or pattern in _CONTENT or not _HASHES.isdisjoint(pattern.split("/"))


def is_grave(mark: Mark) -> bool:
    return mark[0] is Kind.STATUS_CHANGED or is_failure(mark) or is_loss(mark)
