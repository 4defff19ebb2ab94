"""Which octets a Range field asks for (RFC 9110 §14.1, §14.2).

Laws: no octet is given twice and there are at most MOST_RANGES pieces, so that an answer is never much
longer than its representation (§17.15). A field that is malformed or asks for too much is ignored: the whole
is a right answer, too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MOST_RANGES: Final = 16  # in an answer, after coalescing
_MOST_SPECS: Final = 128  # in a field: reading is work, too
_LARGEST: Final = 10**18  # stands for any longer number; no file is that large


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a representation; `length` is at least 1."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Whole:
    """The field is ignored: answer as if it were not there."""


@dataclass(frozen=True, slots=True)
class Satisfiable:
    """The pieces to send, disjoint, in the order they were asked for."""

    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """None of the ranges is in the representation: 416."""


Ranges = Whole | Satisfiable | Unsatisfiable

WHOLE: Final = Whole()
UNSATISFIABLE: Final = Unsatisfiable()

_SPEC: Final = re.compile(r"([0-9]+)-([0-9]*)|-([0-9]+)")


def parse_range(field: str, size: int) -> Ranges:
    """Read a Range field against a representation of `size` octets."""
    unit, _, specs = field.partition("=")
    if unit.lower() != "bytes" or specs.count(",") >= _MOST_SPECS:
        return WHOLE
    spans: list[Span] = []
    asked = False
    for spec in filter(None, (text.strip(" \t") for text in specs.split(","))):
        match = _SPEC.fullmatch(spec)
        if match is None or _is_backwards(match):
            return WHOLE
        asked = True
        span = _span(match, size)
        if span is not None:
            spans.append(span)
        elif size == 0 and match[3] is not None and _number(match[3]):
            return WHOLE  # §14.1.2 calls it satisfiable, yet no Content-Range can say "nothing"
    if not spans:
        return UNSATISFIABLE if asked else WHOLE
    coalesced = _coalesce(spans)
    return Satisfiable(coalesced) if len(coalesced) <= MOST_RANGES else WHOLE


def _is_backwards(match: re.Match[str]) -> bool:
    return bool(match[2]) and _number(match[2]) < _number(match[1])


def _span(match: re.Match[str], size: int) -> Span | None:
    """The satisfiable part of an int-range or a suffix-range."""
    if match[3] is not None:
        length = min(_number(match[3]), size)
        first = size - length
    else:
        first = _number(match[1])
        last = min(_number(match[2]), size - 1) if match[2] else size - 1
        length = last - first + 1
    return Span(first, length) if length > 0 else None


def _number(digits: str) -> int:
    """Python refuses to read numbers of thousands of digits; here they are only very large."""
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) <= 18 else _LARGEST


def _coalesce(spans: list[Span]) -> tuple[Span, ...]:
    """Join what overlaps or touches (§15.3.7.2); a piece stands where the first of its ranges stood."""
    if len(spans) == 1:
        return (spans[0],)
    pieces: list[tuple[int, int, int]] = []  # (place in the field, first octet, octet behind the last)
    for place, span in sorted(enumerate(spans), key=lambda item: item[1].offset):
        end = span.offset + span.length
        if pieces and span.offset <= pieces[-1][2]:
            before = pieces[-1]
            pieces[-1] = (min(before[0], place), before[1], max(before[2], end))
        else:
            pieces.append((place, span.offset, end))
    return tuple(Span(first, end - first) for _, first, end in sorted(pieces))
