"""The spelling of normalised paths (edgeproxy.http.target.normalise_path), as languages.

Laws of this module:
- NORMAL_PATHS are exactly the fixed points of normalise_path;
- `SPELLED` is the alphabet of captures: characters that may stand in a path, and upper-case escapes of the octets
  that may not or need not; it does not ask for UTF-8, which a capture may cut through where its neighbours allow it.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from typing import Final

from edgeproxy.ruleset.automata.language import EMPTY_TEXT, concatenation, text, texts
from edgeproxy.ruleset.automata.regex import regex

UNRESERVED: Final = frozenset(string.ascii_letters + string.digits + "-._~")
PLAIN: Final = UNRESERVED | frozenset("!$&'()*+,;=:@")  # what stands in a segment as it is (RFC 3986 §3.3)
# Encoded slashes, backslashes and control characters are refused, unreserved characters are decoded.
ESCAPED_OCTETS: Final = frozenset(range(0x20, 0x100)) - {0x2F, 0x5C, 0x7F} - frozenset(map(ord, UNRESERVED))


def escapes(octets: Iterable[int]) -> str:
    """A regular expression for the escapes of these octets."""
    by_low: dict[str, list[str]] = {}
    for octet in sorted(octets):
        digits = f"{octet:02X}"
        by_low.setdefault(digits[0], []).append(digits[1])
    by_high: dict[str, list[str]] = {}
    for high, lows in by_low.items():
        by_high.setdefault("".join(lows), []).append(high)
    return "%(?:" + "|".join(f"[{''.join(highs)}][{lows}]" for lows, highs in by_high.items()) + ")"


_NEXT: Final = escapes(range(0x80, 0xC0))  # a continuation octet
# RFC 3629 §4: no overlong forms, no surrogates, nothing above U+10FFFF.
BEYOND_ASCII: Final = "|".join(
    (
        escapes(range(0xC2, 0xE0)) + _NEXT,
        escapes([0xE0]) + escapes(range(0xA0, 0xC0)) + _NEXT,
        escapes({*range(0xE1, 0xF0)} - {0xED}) + _NEXT + _NEXT,
        escapes([0xED]) + escapes(range(0x80, 0xA0)) + _NEXT,
        escapes([0xF0]) + escapes(range(0x90, 0xC0)) + _NEXT + _NEXT,
        escapes(range(0xF1, 0xF4)) + _NEXT + _NEXT + _NEXT,
        escapes([0xF4]) + escapes(range(0x80, 0x90)) + _NEXT + _NEXT,
    )
)
_PLAIN_CLASS: Final = f"[{re.escape(''.join(sorted(PLAIN)))}]"
_ASCII_ESCAPES: Final = escapes(octet for octet in ESCAPED_OCTETS if octet < 0x80)
_CHARACTER: Final = f"{_PLAIN_CLASS}|{_ASCII_ESCAPES}|{BEYOND_ASCII}"

ONE_CHARACTER: Final = regex(_CHARACTER)
SPELLED: Final = regex(f"(?:{_PLAIN_CLASS}|/|{escapes(ESCAPED_OCTETS)})*")
_DOT_SEGMENTS: Final = texts((".", ".."))
NORMAL_SEGMENT: Final = (regex(f"(?:{_CHARACTER})+") - _DOT_SEGMENTS).minimised()  # not empty
NORMAL_SEGMENTS: Final = (NORMAL_SEGMENT | EMPTY_TEXT).minimised()  # the empty one among them
# What may follow a slash: any number of segments. No segment is a dot segment.
_DOTTED: Final = regex(r"(?:(?s:.*)/)?\.\.?(?:/(?s:.*))?")
NORMAL_RESTS: Final = (regex(f"(?:/|{_CHARACTER})*") - _DOTTED).minimised()
NORMAL_PATHS: Final = concatenation(text("/"), NORMAL_RESTS)
