"""Differences in words: what a kind and a pattern say to somebody who has been woken up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, assert_never

from edgeproxy.migration.comparing.differences import Kind
from edgeproxy.migration.comparing.findings import Unjudged
from edgeproxy.migration.comparing.grouping import OTHER
from edgeproxy.migration.specimen import Astray, Silence

_SILENCES: Final[Mapping[str, str]] = {
    Silence.CONNECT: "no connection",
    Silence.TIMEOUT: "not in time",
    Silence.BROKEN: "it breaks off",
}
_ENDS: Final[Mapping[str, str]] = {
    Silence.CONNECT: "no connection",
    Silence.TIMEOUT: "no answer in time",
    Silence.BROKEN: "an answer that breaks off",
    Astray.LOOP: "a loop",
    Astray.TOO_MANY.replace(" ", "-"): "too many hops",
    Astray.ELSEWHERE: "another site",
    Astray.FILES: "a file of the edge's own",
    "unknown": "what was not followed",
}
_THINGS: Final[Mapping[str, str]] = {
    "content": "the content",
    "content:size": "the size",
    "content:sha256": "the content",
    "final:url": "where the redirect leads",
    "final:content": "the content where the redirect ends",
    "index:/files/*": "a file",
    "index:/hash-algorithms": "the algorithm of the files' hashes",
    "index:/hosts": "the host of the files' links",
    "index:/projects/*": "a project",
    OTHER: "something else",
}
_END: Final = "final:status/"
_OF_EACH: Final = (("index:/files/*/", "a file's"), ("index:/projects/*/", "a project's"))
_SHOWN: Final = 120  # characters of a value


def worded(kind: Kind, pattern: str) -> str:
    match kind:
        case Kind.STATUS_CHANGED:
            return _status(pattern)
        case Kind.NO_ANSWER:
            side, _, why = pattern.removeprefix("answer:").partition("/")
            return f"the {side} side gives no answer: {_SILENCES.get(why, why)}"
        case Kind.UNREADABLE:
            side, _, why = pattern.removeprefix("unreadable:").partition("/")
            return f"the {side} side's content cannot be read: {why}"
        case Kind.UNLISTED:
            return "more differences than are listed"
        case Kind.MORE:
            return f"{_thing(pattern)}: more of it differs than the old side has with itself"
        case Kind.MISSING:
            return f"{_thing(pattern)} is missing"
        case Kind.ADDED:
            return f"{_thing(pattern)} is there, and was not"
        case Kind.CHANGED if pattern.startswith(_END):
            old, _, new = pattern.removeprefix(_END).partition("/")
            return f"the redirect ends with {_worded_end(new)} instead of {_worded_end(old)}"
        case Kind.CHANGED:
            return f"{_thing(pattern)} is another"
        case Kind.TYPE_CHANGED:
            return f"{_thing(pattern)} is of another type"
        case Kind.REORDERED:
            return f"{_thing(pattern)} is in another order"
        case _:
            assert_never(kind)


def values(difference: Mapping[str, Any]) -> str:
    """One difference of an example, as JSON has it: where, and from what to what."""
    kind = Kind(difference["kind"])
    if kind is Kind.STATUS_CHANGED:
        return f"status: {difference['old']} -> {difference['new']}"
    if kind is Kind.NO_ANSWER:
        return f"no answer: {_SILENCES.get(difference['why'], difference['why'])}"
    if kind is Kind.UNREADABLE:
        return f"{difference['side']} side: {difference['flaw']}: {_short(difference['why'])}"
    if kind is Kind.UNLISTED:
        return f"{difference['count']:,} more"
    path = _short(difference["path"])
    if kind is Kind.MORE:
        return f"{path}: {difference['count']:,} times in one answer, some of them noise:"
    if kind is Kind.REORDERED:
        return path
    old, new = (_short(difference[side]) if side in difference else "nothing" for side in ("old", "new"))
    return f"{path}: {old} -> {new}"


def why_unjudged(why: str) -> str:
    match Unjudged(why):
        case Unjudged.LEARNING:
            return "while the old side's noise was learned: what differed is shown, and counts for no gate"
        case Unjudged.OVERRIDDEN:
            return "of clients that a pin or Edge-Arm put on their arm: what differed is shown, and counts for no gate"
        case Unjudged.OLD_FAILED:
            return "since the old side failed"
        case Unjudged.OLD_CUT:
            return "since the old answer was too long to be held"
        case Unjudged.OTHER_RULES:
            return "under rules that are not in use any more"
        case Unjudged.TOO_COSTLY:
            return "since comparing took too much time or memory"
        case _ as never:
            assert_never(never)


def why_dropped(why: str) -> str:
    return f"dropped: {why.replace('_', ' ')}"


def _status(pattern: str) -> str:
    parts = pattern.split("/")
    return f"status {parts[2]} instead of {parts[1]}" if len(parts) == 3 else "another status"


def _worded_end(word: str) -> str:
    return f"status {word}" if word.isdigit() else _ENDS.get(word, word)


def _thing(pattern: str) -> str:
    if pattern in _THINGS:
        return _THINGS[pattern]
    if pattern.startswith("file:/host/"):
        return "the host of the file"
    if pattern.startswith("header:"):
        return f"the header {pattern.removeprefix('header:').title()}"
    for start, owner in _OF_EACH:
        if pattern.startswith(start):
            return f"{owner} {pattern.removeprefix(start)}"
    return pattern.partition(":")[2].removeprefix("/") or "the whole document"


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
