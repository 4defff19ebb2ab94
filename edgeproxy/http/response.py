"""A backend's answer: its head read as strictly as a request's, and what of it goes on to the client.

Laws of this module:
- an answer that could be read in two ways is never passed on; the edge says 502 instead;
- what the grammar has accepted once is not read again: a backend repeats most of its field lines, octet for octet, from
  answer to answer. The memory is bounded and holds nothing refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from edgeproxy.http.fields import HOP_BY_HOP
from edgeproxy.http.framing import CHUNKED, NO_BODY, TUNNEL, UNTIL_CLOSE, Framing, Length
from edgeproxy.http.redirection import REDIRECTS

# A missing space behind the status (RFC 9112 §4 wants one even without a reason) has one reading and is common: it is
# let pass.
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?")
_FIELD_LINE: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*")
_PLAIN_LINE: Final = re.compile(  # as it is passed on: one space, and none at the end
    rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ((?:[!-~\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[!-~\x80-\xff])?)?)"
)
_WIDE_SPACE: Final = re.compile(rb"(?m)^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\r\n]*?)[ \t]*(?=\r?$)")
_VALUE_OCTETS: Final = bytes([*b"\t", *range(0x20, 0x7F), *range(0x80, 0x100)])
_LONGEST_NAME: Final = 64
_BODILESS: Final = frozenset((204, 304))
_SWITCHING: Final = 101
_COMMON_OPTIONS: Final = frozenset((b"", b"close", b"keep-alive"))
_MOST_HEADS: Final = 512  # remembered whole, for each thing that is asked
_LONGEST_HEAD: Final = 1_024
_LONGEST_LENGTH: Final = 18  # digits: what is below 2**63


class BadResponse(ValueError):
    """An answer of a backend that the edge does not pass on; the message says why."""


class _WideSpace(Exception):
    """A line is not `name: value`. White space around a value is no part of it (RFC 9112 §5.1): all lines that mean
    the same are passed on as one.
    """


class Kind(Enum):
    """What a field line of an answer means to the edge."""

    PLAIN = "plain"  # nothing: it goes on
    DATE = "date"
    LENGTH = "length"
    COOKIE = "cookie"
    CONNECTION = "connection"
    CODING = "coding"
    UPGRADE = "upgrade"
    TRAILER = "trailer"
    HOP = "hop"  # it ends here (RFC 9110 §7.6.1)


_KINDS: Final = dict.fromkeys(HOP_BY_HOP, Kind.HOP) | {
    b"date": Kind.DATE,
    b"content-length": Kind.LENGTH,
    b"set-cookie": Kind.COOKIE,
    b"set-cookie2": Kind.COOKIE,
    b"connection": Kind.CONNECTION,
    b"transfer-encoding": Kind.CODING,
    b"upgrade": Kind.UPGRADE,
    b"trailer": Kind.TRAILER,
}


@dataclass(frozen=True, slots=True, eq=False)  # PERF: by identity they are compared and hashed in C
class _Mark:
    """What a field line means. `value` is in lower case, without white space around it; b"" where nobody asks."""

    kind: Kind
    value: bytes = b""


_ENDING: Final = frozenset((Kind.CONNECTION, Kind.CODING, Kind.UPGRADE, Kind.TRAILER, Kind.HOP))
_PLAIN: Final = _Mark(Kind.PLAIN)
_LENGTH: Final = _Mark(Kind.LENGTH)
_COMMON: Final = {kind: _Mark(kind) for kind in (Kind.DATE, Kind.COOKIE, Kind.TRAILER, Kind.HOP)} | {
    Kind.LENGTH: _LENGTH
}


@dataclass(frozen=True, slots=True, eq=False)
class StatusLine:
    """`octets` is the line as the edge passes it on, with CRLF: in its own version (RFC 9110 §2.5)."""

    minor: int
    status: int
    octets: bytes
    is_final: bool


@dataclass(slots=True)  # PERF: frozen costs 0.4 µs an answer; nobody changes one
class ResponseHead:
    """A final or interim answer's head. `octets` are what goes on of it: the status line in the edge's own version (RFC
    9110 §2.5) and the end-to-end field lines, each with its CRLF; `minor` is the version that came.
    """

    minor: int
    status: int
    octets: bytes
    framing: Framing
    keeps_alive: bool
    has_date: bool
    trailer: tuple[bytes, ...]  # Trailer lines: they go on only when trailers do
    is_common: bool  # it has a Date, and redirects nobody: it may go on as it is
    is_final: bool  # no further head follows, as one does an interim answer other than a switch of protocols


@dataclass(frozen=True, slots=True)
class Asked:
    """What the request makes of its answer. `to_head`: it was a HEAD; `drop_cookies`: none go on; `upgrade`: the
    protocol, in lower case, that it asked to switch to.
    """

    to_head: bool = False
    drop_cookies: bool = False
    upgrade: bytes = b""


ORDINARY: Final = Asked()


@dataclass(frozen=True, slots=True)
class _Shape:
    """What the marks of all lines come to. `dropped` are the places, from the last, of the lines that do not go on;
    `length_at` is that of a Content-Length. The framing None is: as the Content-Length says.
    """

    framing: Framing | None
    keeps_alive: bool
    has_date: bool
    is_common: bool
    dropped: tuple[int, ...]
    trailer_at: tuple[int, ...]
    length_at: int
    is_lasting: bool  # the marks alone decide, and neither a name nor a number


class ResponseReader:
    """Reads the heads of answers. `most_fields` bounds a head, `memo` how many lines are remembered, each of at most
    `memo_octets`.
    """

    __slots__ = (
        "_lengths",
        "_marks",
        "_memo",
        "_memo_octets",
        "_most_fields",
        "_names",
        "_other",
        "_plain",
        "_shapes",
        "_status_lines",
    )

    def __init__(self, most_fields: int, memo: int = 4_096, memo_octets: int = 512) -> None:
        self._most_fields = most_fields
        self._plain: dict[bytes, ResponseHead] = {}  # whole heads, as they were read for what is asked mostly
        self._other: dict[Asked, dict[bytes, ResponseHead]] = {}  # and for the rest
        self._memo = memo
        self._memo_octets = memo_octets
        self._marks: dict[bytes, _Mark] = {}
        self._lengths: dict[bytes, Length] = {}
        self._names: dict[bytes, _Mark] = {}  # as they are written; those whose lines mean the same whatever the value
        self._status_lines: dict[bytes, StatusLine] = {}
        self._shapes: dict[tuple[StatusLine, bool, bool, bytes, tuple[_Mark | None, ...]], _Shape] = {}

    def read(self, head: bytes, asked: Asked) -> ResponseHead:
        """Read a head, without the CRLF CRLF at its end. Raises BadResponse.

        PERF: the more a backend is asked, the more of its heads repeat, octet for octet, within a second: then one
        look-up does (0.2 µs). What is asked for most is an attribute: a tuple as the key would cost as much again.
        """
        known = self._plain if asked is ORDINARY else self._other.setdefault(asked, {})
        found = known.get(head)
        if found is None:
            found = self._read(head, asked)
            if len(head) <= _LONGEST_HEAD:
                if len(known) >= _MOST_HEADS:
                    known.clear()
                known[head] = found
        return found

    def _read(self, head: bytes, asked: Asked) -> ResponseHead:
        """PERF: every line is looked up, in C; what all of them come to is looked up, too: answers have few shapes."""
        lines = head.split(b"\r\n")
        line = self._status_lines.get(lines[0]) or self._learn_status_line(lines[0])
        del lines[0]
        marks = tuple(map(self._marks.get, lines))
        key = (line, asked.to_head, asked.drop_cookies, asked.upgrade, marks)
        shape = self._shapes.get(key)
        if shape is None:
            try:
                shape = self._learn(line, lines, marks, asked)
            except _WideSpace:
                return self._read(_WIDE_SPACE.sub(rb"\1: \2", head), asked)
        framing = shape.framing
        if framing is None:
            octets = lines[shape.length_at]
            framing = self._lengths.get(octets) or _read_length(octets)
        trailer = tuple([lines[at] for at in shape.trailer_at])
        for at in shape.dropped:
            del lines[at]
        octets = b"%b%b\r\n" % (line.octets, b"\r\n".join(lines)) if lines else line.octets
        return ResponseHead(
            line.minor,
            line.status,
            octets,
            framing,
            shape.keeps_alive,
            shape.has_date,
            trailer,
            shape.is_common,
            line.is_final,
        )

    def _learn(self, line: StatusLine, lines: list[bytes], found: tuple[_Mark | None, ...], asked: Asked) -> _Shape:
        """Read lines of which some are not known, or come to a shape that is not."""
        if len(lines) > self._most_fields:
            raise BadResponse(f"its head has more than {self._most_fields} fields")
        marks = tuple([mark or self._learn_line(octets) for mark, octets in zip(found, lines, strict=True)])
        key = (line, asked.to_head, asked.drop_cookies, asked.upgrade, marks)
        shape = self._shapes.get(key)
        if shape is None:
            length_at = next((at for at, mark in enumerate(marks) if mark.kind is Kind.LENGTH), None)
            length = None if length_at is None else _read_length(lines[length_at])
            shape = _shape_of(line, [octets[: octets.index(b":")].lower() for octets in lines], marks, length, asked)
            if shape.is_lasting:
                if len(self._shapes) >= self._memo:
                    self._shapes.clear()
                self._shapes[key] = shape
        return shape

    def _learn_line(self, octets: bytes) -> _Mark:
        """PERF: of a known name only the value is looked at, in C. A page's entity-tag, length and serial are new each
        time, their names are not.
        """
        name, colon, value = octets.partition(b": ")
        mark = self._names.get(name)
        if mark is None or not colon or value.translate(None, _VALUE_OCTETS) or value.strip(b" \t") != value:
            mark = self._learn_name(octets)
        length = _read_length(octets) if mark is _LENGTH else None
        if len(octets) <= self._memo_octets:
            if len(self._marks) >= self._memo:  # start over: what repeats is soon known again
                self._marks.clear()
                self._lengths.clear()
            self._marks[octets] = mark
            if length is not None:
                self._lengths[octets] = length
        return mark

    def _learn_name(self, octets: bytes) -> _Mark:
        found = _PLAIN_LINE.fullmatch(octets)
        if found is None:
            if _FIELD_LINE.fullmatch(octets):
                raise _WideSpace
            raise BadResponse("its head holds a line that is not a field")
        kind = _KINDS.get(found[1].lower())
        mark = _PLAIN if kind is None else _COMMON.get(kind)
        if mark is None:
            return _Mark(kind or Kind.PLAIN, found[2].lower())  # what it means is in its value
        if len(found[1]) <= _LONGEST_NAME:
            if len(self._names) >= self._memo:
                self._names.clear()
            self._names[found[1]] = mark
        return mark

    def _learn_status_line(self, octets: bytes) -> StatusLine:
        match = _STATUS_LINE.fullmatch(octets)
        if match is None:
            raise BadResponse("it does not begin with a status line of HTTP/1.0 or HTTP/1.1")
        status = int(match[2])
        on = b"HTTP/1.1 %b %b\r\n" % (match[2], match[3] or b"")
        line = StatusLine(int(match[1]), status, on, is_final=status >= 200 or status == _SWITCHING)
        if len(octets) <= self._memo_octets:
            if len(self._status_lines) >= self._memo:
                self._status_lines.clear()
            self._status_lines[octets] = line
        return line


def _read_length(line: bytes) -> Length:
    digits = line[line.index(b":") + 1 :].strip(b" \t")
    if not digits.isdigit() or len(digits) > _LONGEST_LENGTH:
        raise BadResponse("its Content-Length is not one decimal number")
    return Length(int(digits))


def _shape_of(
    line: StatusLine, names: Sequence[bytes], marks: Sequence[_Mark], length: Length | None, asked: Asked
) -> _Shape:
    """RFC 9112 §6.3 and §9.3 for answers. `names` are those of the lines, in lower case. Raises BadResponse."""
    kinds = [mark.kind for mark in marks]
    if kinds.count(Kind.LENGTH) > 1:
        raise BadResponse("it has two Content-Lengths")
    options = {option.strip(b" \t") for option in _joined(marks, Kind.CONNECTION).split(b",")}
    coding = _joined(marks, Kind.CODING) if Kind.CODING in kinds else None
    framing: Framing | None
    if line.status == _SWITCHING:
        _check_switch(_joined(marks, Kind.UPGRADE), asked.upgrade, has_body=length is not None or coding is not None)
        framing, keeps_alive = TUNNEL, False
    else:
        framing = _framing(line, length, coding, asked.to_head)
        keeps_alive = b"close" not in options and (line.minor == 1 or b"keep-alive" in options)
        if framing is UNTIL_CLOSE or (line.status == 204 and (coding is not None or length not in (None, Length(0)))):
            keeps_alive = False  # of the latter: the body that it cannot have may come all the same
    # Content-Length stays even when named by Connection: the body that follows it is already on its way. RFC 9110 §8.6:
    # an interim answer and a 204 have none.
    gone = options - {b"content-length"} | ({b"content-length"} if line.status == 204 or line.status < 200 else set())
    ends = _ENDING | {Kind.COOKIE} if asked.drop_cookies else _ENDING
    dropped = [at for at, (name, kind) in enumerate(zip(names, kinds, strict=True)) if name in gone or kind in ends]
    has_date = Kind.DATE in kinds and b"date" not in gone
    return _Shape(
        framing=None if framing is length else framing,
        keeps_alive=keeps_alive,
        has_date=has_date,
        is_common=has_date and line.status not in REDIRECTS,
        dropped=tuple(reversed(dropped)),
        trailer_at=tuple(at for at, kind in enumerate(kinds) if kind is Kind.TRAILER),
        length_at=kinds.index(Kind.LENGTH) if length is not None else -1,
        is_lasting=options <= _COMMON_OPTIONS and not (line.status == 204 and length is not None),
    )


def _joined(marks: Sequence[_Mark], kind: Kind) -> bytes:
    return b",".join([mark.value for mark in marks if mark.kind is kind])


def _check_switch(protocols: bytes, asked: bytes, *, has_body: bool) -> None:
    """RFC 9110 §7.8: only to what was asked for."""
    if not asked:
        raise BadResponse("it switches protocols, which nobody asked for")
    if protocols != asked:
        raise BadResponse("it switches to another protocol than the one asked for")
    if has_body:
        raise BadResponse("it switches protocols and has a body, too")


def _framing(line: StatusLine, length: Length | None, coding: bytes | None, to_head: bool) -> Framing:
    """RFC 9112 §6.3 for answers."""
    if coding is not None and (line.minor == 0 or length is not None or coding != b"chunked"):
        raise BadResponse("its end can be read in two ways, or its coding is not 'chunked' alone")
    if to_head or line.status < 200 or line.status in _BODILESS:
        return NO_BODY
    if coding is not None:
        return CHUNKED
    return UNTIL_CLOSE if length is None else length
