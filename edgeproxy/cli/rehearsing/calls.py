"""The bodies of requests that are rehearsed: of XML-RPC calls, and of what else a rule declares safe.

Laws of this module:
- a captured body is sent as it is or not at all: not what holds a secret, or might hold one that cannot be seen;
- names that speak of a secret count wherever names stand: of elements, members, JSON and forms, and in the method that
  a call names; what looks like a secret counts anywhere: as it is, and when escapes are read, again and again;
- what a call names is read from its body, as the edge reads it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote_plus
from xmlrpc.client import dumps

from edgeproxy.capture.scanning import secrets_of
from edgeproxy.http.xmlrpc_call import CallReader, is_call, is_encoded
from edgeproxy.migration.comparing import scrubbing
from edgeproxy.migration.comparing.scrubbing import HIDDEN, SECRETS_FOLLOW, is_secret

CALL_TYPE: Final = "text/xml"
LONGEST: Final = 16_384  # characters
_DEEPEST: Final = 6  # escapes within escapes
_OPAQUE: Final = re.compile(
    r"(?i)<!|<(?:[\w.-]{1,40}:)?base64|content-transfer-encoding|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
)
_HEX: Final = re.compile(r"(?<![A-Za-z0-9])[0-9A-Fa-f]{32,}+(?![A-Za-z0-9])")  # a key, or a hash that one may be
_NAMES: Final = (
    re.compile(r"</?(?:[\w.-]{1,60}:)?([\w.-]{1,100})"),  # of elements
    re.compile(r"<(?:[\w.-]{1,60}:)?name\b[^<>]{0,200}>([^<]{1,200})<"),  # of members
    re.compile(r"""["']([^"'\\]{1,200})["']\s{0,8}:"""),  # of JSON
    re.compile(r"""([^\s&;?"'<>=,{}\[\]()]{1,100})\s{0,8}="""),  # of forms and attributes
    re.compile(r"""(?i)\bname\s{0,8}=\s{0,8}["']?([^"';\r\n]{1,200})"""),  # of a form's parts
)
_CALLED: Final = re.compile(r"<(?:[\w.-]{1,60}:)?methodName\b[^<>]{0,200}>([^<]{1,200})<")
_WORDS: Final = re.compile(r"[\s._:/-]+")
_OF_SECRETS: Final = re.compile(SECRETS_FOLLOW)
_ESCAPED: Final = re.compile(r"\\u([0-9A-Fa-f]{4})|\\(.)")  # JSON's


def document_of(call: str, params: Sequence[Any]) -> str:
    return dumps(tuple(params), call)


def call_of(headers: Mapping[str, str], body: str) -> str | None:
    """What the body of a captured POST calls; None: it is no call, or none that the edge can read."""
    if not is_call(b"POST", headers) or is_encoded(headers):
        return None
    reader = CallReader()
    reader.feed(body.encode("utf-8", "replace"))
    reader.end()
    return None if reader.is_named_twice else reader.name or None


@lru_cache(1_024)
def holds_secret(body: str) -> bool:
    """Whether there is one, or might be."""
    if len(body) > LONGEST or HIDDEN in body or _OPAQUE.search(body) is not None:
        return True
    spellings = list(_spellings(body))
    return len(spellings) > _DEEPEST or any(map(_is_seen_in, spellings))


def _spellings(text: str) -> Iterator[str]:
    """As it is, and with its escapes read; one more than `_DEEPEST` where they do not come to an end."""
    for _ in range(_DEEPEST + 1):
        yield text
        read = _ESCAPED.sub(_character, unquote_plus(html.unescape(text)))
        if read == text:
            return
        text = read


def _character(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else found[2]


def _is_seen_in(text: str) -> bool:
    if scrubbing.holds_secret(text) or _HEX.search(text) is not None or any(secrets_of({"body": text})):
        return True
    if any(is_secret(name.strip()) for names in _NAMES for name in names.findall(text)):
        return True
    words = (word for called in _CALLED.findall(text) for word in _WORDS.split(called))
    return any(_OF_SECRETS.fullmatch(word) is not None or is_secret(word) for word in words)
