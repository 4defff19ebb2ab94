"""What earlier versions wrote, in the words of this one: one function from each to the next.

Version 1 is newline JSON, one request a line, as `edgeproxy diff --capture` has read it from the beginning: `method`
and `url`, and maybe `headers` (values may be lists), `client`, `time` (a number, or as in 2024-09-05T12:00Z), `xmlrpc`
and `count`. People write it, so it is scrubbed as it is read. Version 2 was the first that the edge wrote: its records
have the words of this one, and blocks another form (`version_2`). So have blocks of version 3, whose rows were longer
(`version_3`). Version 4 is what it writes now.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from edgeproxy.capture.blocks import VERSION, Block
from edgeproxy.capture.reading_columns import read_rows
from edgeproxy.capture.record import BadRecord, Captured, read_words
from edgeproxy.capture.requests import joined, request_words
from edgeproxy.capture.version_2 import read_lists
from edgeproxy.capture.version_3 import read_nanoseconds
from edgeproxy.ruleset.problems import Refusal
from edgeproxy.ruleset.read_during import read_moment

Words = Mapping[str, Any]
PLAIN: Final = 1  # newline JSON without blocks
LISTS: Final = 2
NANOSECONDS: Final = 3
NOTE: Final = "note"  # the key by which a block is about the capture itself
LONGEST_LINE: Final = 1 << 18  # octets of newline JSON


@dataclass(frozen=True, slots=True)
class Note:
    words: Words


def read_block(block: Block) -> Iterator[Captured | BadRecord | Note]:
    """What a block holds: records, or a note of the edge about the capture. Raises BadRecord for what is neither."""
    line, _, rows = block.content.partition(b"\n")
    words = _object(line)
    if NOTE in words:
        return iter((Note(words),))
    if block.version == LISTS:
        return read_lists(words, block.records)
    read = read_nanoseconds if block.version == NANOSECONDS else read_rows
    return read(words, rows, block.records)


def read_plain(line: bytes | str) -> Captured:
    """A line of newline JSON. Raises BadRecord."""
    if len(line) > LONGEST_LINE:
        raise BadRecord(f"it is longer than {LONGEST_LINE} octets")
    return read_words(upgraded(_object(line), PLAIN))


def upgraded(words: Words, version: int) -> Words:
    """One record's words, from what an earlier version has called them."""
    for each in range(version, VERSION):
        words = UPGRADES[each](words)
    return words


def _object(text: bytes | str) -> Words:
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        raise BadRecord("it is not JSON") from None
    if not isinstance(words, dict):
        raise BadRecord("it is no object")
    return words


def _from_plain(words: Words) -> Words:
    method, url, time = words.get("method"), words.get("url"), words.get("time", 0.0)
    if not isinstance(method, str) or not isinstance(url, str):
        raise BadRecord("`method` and `url` are not both there, as texts")
    if isinstance(time, str):
        try:
            time = read_moment(time)
        except Refusal as refusal:
            raise BadRecord(refusal.message) from None
    kept = {key: words[key] for key in ("xmlrpc", "count") if words.get(key) is not None}
    return {**request_words(method, url, _headers(words), words.get("client")), **kept, "time": time}


def _headers(words: Words) -> dict[str, str]:
    given = words.get("headers") or {}
    if not isinstance(given, dict):
        raise BadRecord("`headers` is no object")
    try:
        return joined(
            (name, each) for name, value in given.items() for each in (value if isinstance(value, list) else [value])
        )
    except TypeError:
        raise BadRecord("a header is no text") from None


def _as_it_is(words: Words) -> Words:
    return words


UPGRADES: Final[Mapping[int, Callable[[Words], Words]]] = {PLAIN: _from_plain, LISTS: _as_it_is, NANOSECONDS: _as_it_is}
assert sorted(UPGRADES) == list(range(PLAIN, VERSION)), "each version before this one has its function"
