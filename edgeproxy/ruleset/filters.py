"""What a target template may do with a capture before it goes out.

Laws of this module:
- a filter works on the percent-decoded value and its result is percent-encoded again, so that no value can begin a
  segment, a query, a parameter or a fragment of its own;
- `lower` and `pep503` know the letters A to Z alone: every other character stays as it is. So they are finite
  transducers of a few states, and what they make of a set of values can be told (`automata.filters`).
"""

from __future__ import annotations

import re
import string
from enum import StrEnum
from typing import Final, assert_never
from urllib.parse import quote, unquote

# RFC 3986 §3.3: what may stand in a segment beside the unreserved characters, which quote() never encodes.
SEGMENT_SAFE: Final = "!$&'()*+,;=:@"
_TO_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_SEPARATORS: Final = re.compile(r"[-_.]+")  # PEP 503
_UNSAFE: Final = re.compile("[^A-Za-z0-9./]+")  # as safe_name of setuptools has it; slashes stay


class Filter(StrEnum):
    LOWER = "lower"
    PEP503 = "pep503"  # a project's normalised name
    SAFE_LOWER = "safe_lower"  # a project's name as the old index had it in /simple/: dots stay
    FIRST = "first"  # one character; see apply
    URLQUOTE = "urlquote"  # everything but unreserved characters is encoded: fit for a query


def apply(chosen: Filter, value: str) -> str:
    match chosen:
        case Filter.LOWER:
            return value.translate(_TO_LOWER)
        case Filter.PEP503:
            return _SEPARATORS.sub("-", value).translate(_TO_LOWER)
        case Filter.SAFE_LOWER:
            return _UNSAFE.sub("-", value).translate(_TO_LOWER)
        case Filter.FIRST:
            # A segment `.` would vanish from the path and an empty one or a slash would add another.
            return value[0] if value and value[0] not in "./" else "_"
        case Filter.URLQUOTE:
            return value  # it says how the result is encoded
        case _:
            assert_never(chosen)


def filtered(captured: str, filters: tuple[Filter, ...], *, slashes: bool) -> str:
    """A percent-encoded capture through the filters, percent-encoded again. `slashes`: those it holds stay."""
    # Neighbours with expressions can part the octets of one character: surrogateescape carries them through.
    value = unquote(captured, errors="surrogateescape")
    for each in filters:
        value = apply(each, value)
    safe = "" if Filter.URLQUOTE in filters else SEGMENT_SAFE
    return quote(value, safe=f"{safe}/" if slashes else safe, errors="surrogateescape")
