"""The tokens of an HTML document: what a browser's tokenizer makes of it (WHATWG HTML §13.2.5), in one pass.

Laws of this module:
- it takes time in proportion to the document, whatever is in it. Every expression is possessive, and a tag that has no
  end takes the rest of the document with it, as the standard says: nothing is looked at twice;
- comments and document types are passed over; names of tags and attributes are in lower case, references are resolved.

Why not html.parser: it takes three times as long, and what it makes of broken documents changed in patch releases of
Python. A C library would be faster still, on content that nobody vouches for.
"""

from __future__ import annotations

import html
import re
import string
from collections.abc import Iterator
from html.entities import html5
from typing import Final, NamedTuple

from edgeproxy.migration.comparing.bounds import Bounds, BrokenContent, Flaw


class Start(NamedTuple):
    """`written` is what stands between the tag's name and its end: it is only read where somebody asks."""

    tag: str
    written: str

    @property
    def attributes(self) -> dict[str, str]:
        return attributes_of(self.written)


class End(NamedTuple):
    tag: str


Token = Start | End | str  # a str is text

_W: Final = r" \t\n\f\r"
# PERF: a text and the tag behind it in one step. A value whose quotes are not closed is none: then there is no tag.
_STEP: Final = re.compile(
    rf"""([^<]*+)(?:<(/?)([A-Za-z][^{_W}/>]*+)
    ((?:[{_W}/]++
      | [^{_W}/>][^{_W}/>=]*+
        (?:[{_W}]*+ = [{_W}]*+ (?:"[^"]*+" | '[^']*+' | (?!["'])[^{_W}>]*+) | (?![{_W}]*+=))
    )*+)>)?+""",
    re.VERBOSE,
)
_ATTRIBUTE: Final = re.compile(
    rf"""([^{_W}/>][^{_W}/>=]*+) (?:[{_W}]*+ = [{_W}]*+ (?:"([^"]*+)" | '([^']*+)' | ([^{_W}>]*+)))?+""", re.VERBOSE
)
_LETTERS: Final = frozenset(string.ascii_letters)
_COMMENT_END: Final = re.compile("--!?>")
_RAW: Final = frozenset(("script", "style", "xmp", "iframe", "noembed", "noframes", "plaintext"))
_RCDATA: Final = frozenset(("title", "textarea"))  # as raw, but references count
_RAW_ENDS: Final = {tag: re.compile(rf"(?i)</{tag}(?=[{_W}/>])") for tag in (*_RAW, *_RCDATA)}
_REFERENCE: Final = re.compile("&(?:#(?:[0-9]++|[xX][0-9A-Fa-f]++);?+|[A-Za-z][A-Za-z0-9]{0,31}+;?+)")
_LONGEST_NUMBER: Final = 12  # characters of a numeric reference, the highest being &#1114111;


def tokens(text: str, bounds: Bounds, wanted: frozenset[str] | None = None) -> Iterator[Token]:
    """`wanted`: other tags are passed over, and so are texts of nothing but white space."""
    at, count, most = 0, 0, bounds.tags
    while found := _STEP.match(text, at):
        before, slash, name, attributes = found.groups()
        at = found.end()
        if before and (wanted is None or not before.isspace()):
            yield unescape(before)
        if at == len(text) and name is None:
            return
        count += 1
        if count > most:
            raise BrokenContent(Flaw.TOO_MANY, f"more than {most} tags")
        if name is None:
            sign, at = at, _no_tag_end(text, at)
            if at == sign + 1:
                yield "<"
            continue
        tag = name.lower()
        if wanted is None or tag in wanted:
            yield End(tag) if slash else Start(tag, attributes)
        if tag in _RAW_ENDS and not slash:
            end = _RAW_ENDS[tag].search(text, at)
            raw = text[at:] if end is None else text[at : end.start()]
            if wanted is None:
                yield unescape(raw) if tag in _RCDATA else raw
            at += len(raw)


def _no_tag_end(text: str, sign: int) -> int:
    """Where what begins with `<` and is no whole tag ends: a comment, a document type, a tag without an end; or only
    the sign itself, which then is text.
    """
    first, second = text[sign + 1 : sign + 2], text[sign + 2 : sign + 3]
    if first in _LETTERS or (first == "/" and second in _LETTERS):
        return len(text)
    if text.startswith(("<!-->", "<!--->"), sign):
        return text.index(">", sign) + 1
    if text.startswith("<!--", sign):
        end = _COMMENT_END.search(text, sign + 4)
        return len(text) if end is None else end.end()
    if first in ("!", "?") or (first == "/" and second):
        return text.find(">", sign) + 1 or len(text)
    return sign + 1


def attributes_of(text: str) -> dict[str, str]:
    """Of two with one name the first counts: so it is put in last."""
    found = {
        name.lower(): double or single or bare for name, double, single, bare in reversed(_ATTRIBUTE.findall(text))
    }
    if "&" in text:
        for name, value in found.items():
            if "&" in value:
                found[name] = unescape(value, in_attribute=True)
    return found


def unescape(text: str, *, in_attribute: bool = False) -> str:
    """The text with its character references resolved."""
    if "&" not in text:
        return text
    # PERF: the references that nearly all pages keep to, 0.4 us instead of 1.5 us; `&amp;` may begin what is none
    plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&#39;", "'")
    if "&" not in plain:
        return plain
    return _REFERENCE.sub(_in_attribute if in_attribute else _in_text, text)


def _in_text(found: re.Match[str]) -> str:
    reference = found[0]
    if reference[1] == "#" and len(reference) > _LONGEST_NUMBER:
        return "\ufffd"  # no character has such a number, and int() refuses longer ones
    return html.unescape(reference)


def _in_attribute(found: re.Match[str]) -> str:
    """A name without its semicolon is one only where it could not be the name of a parameter (`?a=1&copy=2`)."""
    reference = found[0]
    if reference[1] == "#":
        return _in_text(found)
    if not reference.endswith(";") and found.string.startswith("=", found.end()):
        return reference
    return _NAMED.get(reference, reference)


_NAMED: Final = {f"&{name}": value for name, value in html5.items()}
