"""How else a text may be read than as it stands: by people, and by programs that undo escapes.

A secret that is told in words is as easy to read where blanks are no-break spaces, where what stands within its name
cannot be seen, or where letters are full width. Laws of this module:
- whatever looks like a blank is one, and what does not show is read as nothing and as a blank;
- letters and signs are what they are by compatibility (Unicode's NFKC); dashes, colons and arrows are what they look
  like. Letters with accents, or of other scripts, are none of ASCII's;
- ends of lines stay: what stands in the next line is told there;
- UTF-8 that was read as Latin-1, as HTTP's fields are, is read as UTF-8;
- it takes time in proportion to the text.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Final
from unicodedata import normalize

HIDDEN: Final = "[hidden]"  # what stands in the place of a secret
# PERF: most texts have none of these.
_MAYBE_OTHER: Final = re.compile(r"[^\n\r -~]|[\\%]u|\\x|&[#A-Za-z]")
_ODD: Final = re.compile(r"[^\n\r -~]")
_MAYBE_ESCAPED: Final = re.compile(r"[\x80-\xff]{2}|[\\%]u|\\x|&[#A-Za-z]")
_OF_UTF_8: Final = re.compile(r"[\xc2-\xf4][\x80-\xbf]{1,3}")
_LONGEST_MEANT: Final = 3  # characters
_ENTITY: Final = re.compile("&#?[A-Za-z0-9]{1,12};")
_ESCAPED: Final = re.compile(r"[\\%]u\{?([0-9A-Fa-f]{4})\}?|\\x([0-9A-Fa-f]{2})")  # of JSON and scripts
# Those of Zs, Zl and Zp but the space, what controls but ends a line, Braille's blank, and what could not be decoded.
_BLANKS: Final = re.compile(
    r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u2800\u3000\ufffd]"
)
# Default_Ignorable_Code_Point (Unicode 15, DerivedCoreProperties).
_UNSEEN: Final = re.compile(
    r"[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    r"\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_BESIDE_BLANKS: Final = re.compile(
    rf"(\A|[ \n\r]){_UNSEEN.pattern}++|(?<!{_UNSEEN.pattern}){_UNSEEN.pattern}++(?=[ \n\r]|\Z)"
)
# What stands between a name and its value, and looks like something else in ASCII.
_SIGNS: Final = str.maketrans(
    dict.fromkeys("\u2010\u2011\u2012\u2212", "-")
    | dict.fromkeys("\u2013\u2014\u2015", " - ")
    | dict.fromkeys("\u02d0\u02f8\u2236\ua789", ":")
    | dict.fromkeys("\u2190\u2192\u21a6\u21d2\u27a1\u27f6\u27f9\u279c", "->")
    | dict.fromkeys("\u2018\u2019\u201c\u201d\u201e", '"')
)


def is_plain(text: str) -> bool:
    """Whether it has nothing but what it shows; it may have escapes all the same."""
    return _ODD.search(text) is None


def with_blanks(text: str) -> str:
    """Each that looks like a blank is one."""
    return _BLANKS.sub(" ", text)


def _as_seen(text: str) -> str:
    """Where values begin and end: by blanks, signs and quotation marks, however these are written."""
    if "&" in text:
        text = _ENTITY.sub(_seen_entity, text)
    if is_plain(text):
        return text
    return _BESIDE_BLANKS.sub(r"\1", with_blanks(_OF_UTF_8.sub(_decoded, text)).translate(_SIGNS))


def _seen_entity(found: re.Match[str]) -> str:
    meant = html.unescape(found[0])
    return meant if meant in ("'", '"') or with_blanks(meant).isspace() else found[0]


def _decoded(found: re.Match[str]) -> str:
    return found[0].encode("latin-1").decode("utf-8", "replace")


def unescaped(text: str) -> str:
    """Once: what is written as HTML, JSON and scripts do it, and UTF-8 that was read as Latin-1."""
    if _MAYBE_ESCAPED.search(text) is None:
        return text
    read = _OF_UTF_8.sub(_decoded, text)
    read = _ESCAPED.sub(lambda found: chr(int(found[1] or found[2], 16)), read)
    return html.unescape(read) if "&" in read else read


def rereadings(text: str) -> tuple[str, ...]:
    """What it may be read as besides, its escapes undone. None: it is plain."""
    if _MAYBE_OTHER.search(text) is None:
        return ()
    read = unescaped(text)
    ways = (_compatible(_UNSEEN.sub("", read)), _compatible(_UNSEEN.sub(" ", read)))
    return tuple(each for each in dict.fromkeys(ways) if each != text)


def _compatible(text: str) -> str:
    """PERF: NFKC of the whole puts marks that combine in order, in quadratic time (CPython 3.11): 130 ms for 8,000 of
    them. What a single character becomes is enough, and for ligatures of whole words too much.
    """
    if is_plain(text):
        return text
    known = {ord(each): normalize("NFKC", each) for each in set(text) if not each.isascii()}
    text = text.translate({each: meant for each, meant in known.items() if len(meant) <= _LONGEST_MEANT})
    return with_blanks(text).translate(_SIGNS)


def read_thoroughly(text: str, scrub: Callable[[str], str]) -> str:
    """What `scrub` leaves of it, by each reading: where anything goes, blanks, signs and quotation marks are as they
    look then; where it is another reading that has a secret, all of it goes.
    """
    if _MAYBE_OTHER.search(text) is None:
        return scrub(text)
    seen = _as_seen(text)
    if _UNSEEN.search(seen) is not None and any(scrub(each) != each for each in rereadings(seen)):
        return HIDDEN  # by one reading something is a value that by another one is half a name
    kept = scrub(seen)
    if seen != text and kept == seen:
        kept = text
    return HIDDEN if any(scrub(each) != each for each in rereadings(kept)) else kept
