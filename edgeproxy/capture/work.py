"""What a worker hands to the process that writes its capture: messages, as octets on a stream.

    a head: what it is (one octet), a number of its own, and octets of each of three parts (four octets each)
    the parts, one after the other: what it has none of is empty

Both ends run the same code, and are one program: what cannot be read is a fault of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from struct import Struct
from typing import BinaryIO, Final, assert_never

from edgeproxy.capture.columns import Draft
from edgeproxy.capture.content import Piece
from edgeproxy.capture.settings import Settings

_HEAD: Final = Struct("<BIIII")


@dataclass(frozen=True, slots=True)
class Begin:
    """First. `worker`: its process; `about`: words of the note with which each file begins."""

    settings: Settings
    worker: int
    about: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Write:
    """Where something in it is late, it is what was fed by that number, which is then forgotten."""

    draft: Draft


@dataclass(frozen=True, slots=True)
class Feed:
    """More of a large answer. `has_head`: its head comes first."""

    number: int
    has_head: bool
    pieces: Sequence[Piece]


@dataclass(frozen=True, slots=True)
class LetGo:
    """Nobody will ask for what was fed by this number."""

    number: int


@dataclass(frozen=True, slots=True)
class End:
    """`about`: the last note's words."""

    about: Mapping[str, object]


Work = Begin | Write | Feed | LetGo | End


class _What(IntEnum):
    BEGIN = 0
    WRITE = 1
    FEED = 2
    FEED_WITH_HEAD = 3
    LET_GO = 4
    END = 5


def octets_of(work: Work) -> list[Piece]:
    """In pieces, one after the other."""
    match work:
        case Begin(settings=settings, worker=worker, about=about):
            return _message(_What.BEGIN, worker, _json({"settings": asdict(settings), "about": about}))
        case Write(draft=draft):
            return _message(_What.WRITE, draft.records, draft.line, draft.rows, b"\n".join(draft.late))
        case Feed(number=number, has_head=has_head, pieces=pieces):
            what = _What.FEED_WITH_HEAD if has_head else _What.FEED
            return [_HEAD.pack(what, number, sum(map(len, pieces)), 0, 0), *pieces]
        case LetGo(number=number):
            return _message(_What.LET_GO, number)
        case End(about=about):
            return _message(_What.END, 0, _json(about))
        case _:
            assert_never(work)


def read_work(file: BinaryIO) -> Work | None:
    """The next one; None: the stream has ended, be it in the middle of one."""
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    what, number, *sizes = _HEAD.unpack(head)
    parts = [file.read(size) for size in sizes]
    if any(len(part) < size for part, size in zip(parts, sizes, strict=True)):
        return None
    return _read(_What(what), number, *parts)


def _read(what: _What, number: int, first: bytes, second: bytes, third: bytes) -> Work:
    match what:
        case _What.BEGIN:
            words = json.loads(first)
            return Begin(Settings(**words["settings"]), number, words["about"])
        case _What.WRITE:
            return Write(Draft(first, second, number, tuple(third.split(b"\n")) if third else ()))
        case _What.FEED | _What.FEED_WITH_HEAD:
            return Feed(number, what is _What.FEED_WITH_HEAD, (first,))
        case _What.LET_GO:
            return LetGo(number)
        case _What.END:
            return End(json.loads(first))
        case _:
            assert_never(what)


def _message(what: _What, number: int, *parts: bytes) -> list[Piece]:
    sizes = [len(parts[place]) if place < len(parts) else 0 for place in range(3)]
    return [_HEAD.pack(what, number, *sizes), *(part for part in parts if part)]


def _json(words: object) -> bytes:
    return json.dumps(words).encode("ascii")


@dataclass(frozen=True, slots=True)
class Told:
    """What the writer says, a line each time: what it has come to by now. `written`, `lost`: records; `octets`: in
    files; `problem`: why nothing more can be written.
    """

    written: int
    lost: int
    files: int
    octets: int
    problem: str | None

    def line(self) -> bytes:
        return _json(asdict(self)) + b"\n"

    @classmethod
    def read(cls, line: bytes) -> Told:
        return cls(**json.loads(line))
