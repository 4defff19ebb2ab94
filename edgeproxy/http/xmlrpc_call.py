"""The method that an XML-RPC call names, read from the beginning of its document.

Laws of this module:
- a name counts only where every reader of XML finds the same: of what XML allows before it, white space, comments,
  processing instructions and an XML declaration are known, and the two tags, without attributes. With a DTD, an
  entity, a reference, CDATA or another prefix of names the call has no name;
- a name is of the characters that XML-RPC gives it, all ASCII; white space around it does not count. Of the encodings
  that a declaration may name only those are known in which ASCII octets never mean anything else;
- a document in which another `methodName` begins is told of, however late that comes: Python's servers take the last
  one, whatever its prefix and wherever it stands;
- a `system.multicall` is a call of that name, whatever it calls.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

UNREADABLE: Final = ""  # what a call without a name that can be read is called
_MEDIA_TYPE: Final = "text/xml"
_BOM: Final = b"\xef\xbb\xbf"
_SPACE: Final = re.compile(rb"[ \t\r\n]*")
_NAME: Final = re.compile(rb"[ \t\r\n]*([A-Za-z0-9_.:/]+)[ \t\r\n]*")
_CALL_TAG: Final = re.compile(rb"<methodCall[ \t\r\n]*>")
_NAME_TAG: Final = re.compile(rb"<methodName[ \t\r\n]*>")
_END_TAG: Final = b"</methodName"
# What may stand between tags, by how it begins: its end. `<!--` stands before `<!`, which begins a DTD or CDATA.
_BETWEEN: Final = ((b"<!--", b"-->"), (b"<?", b"?>"))
_DECLARATION: Final = re.compile(rb"<\?xml[ \t\r\n]")
_ENCODING: Final = re.compile(rb"[ \t\r\n]encoding[ \t\r\n]*=[ \t\r\n]*[\"']([^\"']*)[\"']")
_ENCODINGS: Final = frozenset((b"utf-8", b"utf8", b"us-ascii", b"ascii", b"iso-8859-1", b"latin-1", b"windows-1252"))
_CHARSET: Final = re.compile(r"""(?i)[;,][ \t]*charset[ \t]*=[ \t]*["']?([^"';, \t]*)""")
_SECOND: Final = re.compile(rb"[<:]methodName[ \t\r\n/>]")
_LOOK_BACK: Final = len(b"<methodName")  # octets in which one may have begun


def is_call(method: bytes, values: Mapping[str, str]) -> bool:
    """Whether a request is an XML-RPC call; `values` are its fields, by names in lower case."""
    if method != b"POST":
        return False
    content_types = values.get("content-type", "").split(",")  # several fields are one; who knows which one counts
    return any(each.partition(";")[0].strip(" \t").lower() == _MEDIA_TYPE for each in content_types)


def is_encoded(values: Mapping[str, str]) -> bool:
    """Whether the body is compressed, or in another charset, or the like: its call cannot be read."""
    if values.get("content-encoding", "identity").strip(" \t").lower() != "identity":
        return True
    charsets = _CHARSET.findall(values.get("content-type", ""))
    return any(each.lower().encode("latin-1", "replace") not in _ENCODINGS for each in charsets)


class CallReader:
    """Reads a call as it comes. `name` is None until it is known; `is_named_twice`: and another one came after it."""

    __slots__ = ("_at", "_searched", "_tags", "is_named_twice", "name", "octets")

    def __init__(self) -> None:
        self.name: str | None = None
        self.is_named_twice = False
        self.octets = bytearray()
        self._at = 0  # what stands before was read
        self._searched = 0  # no end of what begins at _at was found before
        self._tags = [_NAME_TAG, _CALL_TAG]  # still to come, the last one first

    def feed(self, data: bytes) -> None:
        """`data` comes next in the document, which is kept until it is taken."""
        new = len(self.octets)
        self.octets += data
        while self.name is None and self._step():
            pass
        if self.name and not self.is_named_twice:
            start = max(self._at, new - _LOOK_BACK)
            self.is_named_twice = _SECOND.search(self.octets, start) is not None

    def take(self) -> bytes:
        """All that was fed. A name that is known is still looked for another one in what comes."""
        taken = bytes(self.octets)
        del self.octets[:-_LOOK_BACK]
        self._at = 0
        return taken

    def end(self) -> None:
        """No more comes, or no more is waited for."""
        if self.name is None:
            self.name = UNREADABLE

    def _step(self) -> bool:
        """Read one thing, if it is there as a whole."""
        if self._at < len(_BOM) and not self._pass_bom():
            return False
        if not self._tags:
            return self._read_name()
        space = _SPACE.match(self.octets, self._at)
        self._at = self._at if space is None else space.end()
        start = bytes(self.octets[self._at : self._at + 4])
        for opening, closing in _BETWEEN:
            if start.startswith(opening):
                return self._pass(opening, closing)
            if opening.startswith(start):
                return False  # it may become one
        return self._read_tag()

    def _pass_bom(self) -> bool:
        """Whether it is known that there is none, or it is passed."""
        if self.octets.startswith(_BOM):
            self._at = len(_BOM)
            return True
        return not _BOM.startswith(self.octets) or not self.octets

    def _pass(self, opening: bytes, closing: bytes) -> bool:
        found = self.octets.find(closing, max(self._at + len(opening), self._searched))
        if found < 0:
            self._searched = max(len(self.octets) - len(closing) + 1, 0)
            return False
        text = bytes(self.octets[self._at : found])
        self._at = found + len(closing)
        if _DECLARATION.match(text) and any(name.lower() not in _ENCODINGS for name in _ENCODING.findall(text)):
            self.name = UNREADABLE
        return True

    def _read_tag(self) -> bool:
        end = self.octets.find(b">", self._at)
        wanted = self._tags[-1]
        if end < 0:
            return self._wait(wanted.pattern.partition(b"[")[0])
        found = wanted.fullmatch(self.octets, self._at, end + 1)
        if found is None:
            self.name = UNREADABLE
            return False
        self._at = end + 1
        self._tags.pop()
        return True

    def _wait(self, begin: bytes) -> bool:
        """Wait for the rest of a tag, as long as it can become the one that is wanted."""
        start = bytes(self.octets[self._at :])
        if start.rstrip(b" \t\r\n") != begin and not begin.startswith(start):
            self.name = UNREADABLE
        return False

    def _read_name(self) -> bool:
        end = self.octets.find(b">", max(self._at, self._searched))
        if end < 0:
            self._searched = len(self.octets)
            return False
        text, tag, rest = bytes(self.octets[self._at : end]).partition(_END_TAG)
        found = _NAME.fullmatch(text)
        self.name = found[1].decode("ascii") if found and tag and not rest.strip(b" \t\r\n") else UNREADABLE
        self._at = end + 1
        return False
