"""What clients say that is nobody's own: values of headers by their grammar, words of user agents and of queries.

A client is told apart by its network here, and one client may have many. So of what clients say as they like nothing
goes by that it is often: it has to be known.

Laws of this module:
- of a header's value each part is one that its specification, or the programs that send it, have; a header that is not
  here has no value that is known;
- of a text of user agents each word of four letters and more is known, and nothing is longer than a version is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from replay.model import words

_Q: Final = r"(?:[ \t]*;[ \t]*q=[01](?:\.[0-9]{0,3})?)?"
_TYPES: Final = (
    r"\*/\*|(?:application|audio|font|image|text|video)/(?:\*|html|xhtml\+xml|xml|json|plain|css|csv|javascript|"
    r"x-javascript|ecmascript|octet-stream|x-www-form-urlencoded|vnd\.pypi\.simple\.(?:v1|latest)\+(?:json|html)|"
    r"vnd\.pypi\.integrity\.v1\+json|ld\+json|problem\+json|manifest\+json|signed-exchange|webp|avif|apng|png|gif|"
    r"jpeg|jpg|svg\+xml|x-icon|bmp|tiff|pdf|zip|gzip|x-gzip|x-tar|x-bzip2|wasm|woff2?|mpeg|mp4|webm|ogg|rss\+xml|"
    r"atom\+xml|rdf\+xml|xmlrpc\+xml|markdown|x-rst)|multipart/form-data"
)
_PARAMETER: Final = (
    r"(?:[ \t]*;[ \t]*(?:q=[01](?:\.[0-9]{0,3})?|v=b[0-9]|level=[0-9]|version=[0-9.]{1,5}|"
    r"charset=\"?(?:utf-8|us-ascii|iso-8859-1|iso-8859-15|windows-1252)\"?))*"
)
_CODINGS: Final = "gzip|deflate|br|zstd|identity|compress|x-gzip|x-compress|bzip2|x-bzip2|sdch|dcb|dcz"
# RFC 5646, without what whoever likes may say: variants, extensions, private use. ISO 639-1, and what browsers have
# beside it; scripts of ISO 15924, and regions by form.
_LANGUAGE: Final = (
    rf"(?:\*|(?:{'|'.join(words.LANGUAGES.split())})(?:-(?:hans|hant|latn|cyrl|arab|deva|guru|beng|tfng))?"
    r"(?:-(?:[a-z]{2}|[0-9]{3}))?)"
)
_BRANDS: Final = (
    "Chromium|Google Chrome|Microsoft Edge|Microsoft Edge WebView2|Opera|Opera GX|Brave|YaBrowser|Yowser|Vivaldi|"
    r"HeadlessChrome|Android WebView|Samsung Internet|[ ();/:?=.]{0,2}Not[ ();/:?=._-]A[ ();/:?=._-]Brand"
)


def _list(of: str) -> str:
    return rf"(?:{of})(?:[ \t]*,[ \t]*(?:{of})){{0,30}}"


_GRAMMARS: Final[Mapping[str, re.Pattern[str]]] = {
    name: re.compile(f"(?i:{pattern})")
    for name, pattern in {
        "accept": _list(rf"(?:{_TYPES}|\*){_PARAMETER}"),
        "accept-charset": _list(rf"(?:\*|utf-8|us-ascii|iso-8859-1|iso-8859-15|utf-16|windows-125[0-8]){_Q}"),
        "accept-encoding": _list(rf"(?:\*|{_CODINGS}){_Q}"),
        "accept-language": _list(f"{_LANGUAGE}{_Q}"),
        "cache-control": _list(
            "no-cache|no-store|no-transform|only-if-cached|max-stale|(?:max-age|max-stale|min-fresh|stale-if-error)=[0-9]{1,8}"
        ),
        "content-encoding": _list(_CODINGS),
        "content-type": f"(?:{_TYPES}){_PARAMETER}",
        "dnt": "[01]",
        "expect": "100-continue",
        "pragma": "no-cache",
        "prefer": _list(
            "respond-async|return=(?:minimal|representation)|handling=(?:strict|lenient)|wait=[0-9]{1,4}|safe"
        ),
        "priority": "u=[0-7](?:, ?i)?|i",
        "range": r"bytes=(?:[0-9]{1,16}-[0-9]{0,16}|-[0-9]{1,16})(?:, ?(?:[0-9]{1,16}-[0-9]{0,16}|-[0-9]{1,16})){0,8}",
        "save-data": "on",
        "sec-ch-ua": _list(rf'"(?:{_BRANDS})";v="[0-9.]{{1,14}}"'),
        "sec-ch-ua-mobile": r"\?[01]",
        "sec-ch-ua-platform": '"(?:Windows|Linux|macOS|Android|Chrome OS|Chromium OS|iOS|Unknown)"',
        "sec-fetch-dest": (
            "document|empty|image|script|style|font|iframe|manifest|(?:service)?worker|object|embed|video|audio"
        ),
        "sec-fetch-mode": "navigate|cors|no-cors|same-origin|websocket",
        "sec-fetch-site": "none|same-origin|same-site|cross-site",
        "sec-fetch-user": r"\?1",
        "sec-gpc": "1",
        "te": _list(f"(?:trailers|{_CODINGS}){_Q}"),
        "upgrade-insecure-requests": "1",
        "x-requested-with": "XMLHttpRequest",
    }.items()
}  # fmt: skip

_OF_AGENTS: Final = frozenset(words.OF_AGENTS.split())
_OF_QUERIES: Final = frozenset(words.OF_QUERIES.split())
_LONGEST_RUN: Final = 12  # characters: no version has more
_RUN: Final = re.compile("[0-9A-Za-z]+")
_WORD: Final = re.compile("[A-Za-z]{4,}")
_DIGITS: Final = re.compile("[0-9]{9,}")
_SMALL: Final = re.compile("[0-9]{1,6}")
_SPLIT: Final = re.compile("[.:]")
# Of whom: never in a model, however many share it.
_ADDRESS: Final = re.compile(r"@|%40|[A-Za-z0-9-]\.[A-Za-z]{2,}(?![A-Za-z0-9])|(?:[0-9]{1,3}\.){3}[0-9]", re.IGNORECASE)


def is_known_value(header: str, value: str) -> bool:
    grammar = _GRAMMARS.get(header)
    return grammar is not None and grammar.fullmatch(value) is not None


def is_of_agents(text: str) -> bool:
    """A form of user agents, or what stands in its place."""
    if _DIGITS.search(text) is not None or any(word.lower() not in _OF_AGENTS for word in _WORD.findall(text)):
        return False
    return all(len(run) <= _LONGEST_RUN or run.lower() in _OF_AGENTS for run in _RUN.findall(text))


def is_of_queries(text: str) -> bool:
    """A parameter's name or value, or the name of a call."""
    return all(not word or word.lower() in _OF_QUERIES or _SMALL.fullmatch(word) for word in _SPLIT.split(text))


def is_address(text: str) -> bool:
    """Of a person or a machine."""
    return _ADDRESS.search(text) is not None
