"""Which of a rule's variants a client gets: Accept, normalised (RFC 9110 §12.5.1, PEP 691).

Laws of this module:
- `?format=` goes before Accept; what it does not know is passed over, as in Accept;
- the highest quality wins. Between equals that the client named, the rule's order decides; between equals that it only
  allowed (`*/*`, or no Accept at all) HTML does, for clients older than PEP 691 say that, and read nothing else;
- an Accept that allows nothing gets HTML all the same, never 406 (PyPI's edge does so), if the rule has it;
- every spelling of a variant asks the backend the same, so one copy serves all; HTML is asked for by its versioned
  name, and who would rather have `text/html` is given it under that name (`as_text_html`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final
from urllib.parse import unquote

from edgeproxy.caching.quality import quality_of
from edgeproxy.caching.stored import Stored
from edgeproxy.ruleset.modifiers import Variant

TEXT_HTML: Final = "text/html"
V1_HTML: Final = "application/vnd.pypi.simple.v1+html"
V1_JSON: Final = "application/vnd.pypi.simple.v1+json"

# A `latest` alias is answered as what it stands for: version 1 (PEP 691).
_NAMES: Final = {
    TEXT_HTML: TEXT_HTML,
    V1_HTML: V1_HTML,
    V1_JSON: V1_JSON,
    "application/vnd.pypi.simple.latest+html": V1_HTML,
    "application/vnd.pypi.simple.latest+json": V1_JSON,
}
_TYPES: Final = {Variant.HTML: (TEXT_HTML, V1_HTML), Variant.JSON: (V1_JSON,)}
# A backend that knows only text/html, as all did before PEP 691, finds it there.
_ACCEPT: Final = {
    Variant.HTML: f"Accept: {V1_HTML}, {TEXT_HTML};q=0.9\r\n".encode(),
    Variant.JSON: f"Accept: {V1_JSON}\r\n".encode(),
}
_VERSIONED_TYPE: Final = re.compile(rb"(?im)^content-type:[ \t]*" + re.escape(V1_HTML.encode()) + rb"(?=[ \t]*[;\r])")
_MEMBER: Final = re.compile(r'(?:[^,"]|"(?:\\.|[^"\\])*"?)+')

_Qualities = dict[str, float]  # a media range in lower case, aliases resolved, and what the client says of it


def choose(accept: str | None, offered: tuple[Variant, ...], query_format: str | None = None) -> Variant | None:
    """The variant for a client; None where the rule has none that fits. `query_format` is the value of `?format=`."""
    wanted = _by_query(query_format)
    for variant in offered:
        if wanted in _TYPES[variant]:
            return variant
    html = Variant.HTML if Variant.HTML in offered else None
    if accept is None:
        return html or (offered[0] if offered else None)
    ranges = _qualities(accept)
    found = {variant: max(_quality(name, ranges) for name in _TYPES[variant]) for variant in offered}
    best = max((quality for quality, _ in found.values()), default=0.0)
    if best == 0:
        return html
    equals = [variant for variant in offered if found[variant][0] == best]
    return html if html in equals and not any(found[variant][1] for variant in equals) else equals[0]


def accept_line(variant: Variant) -> bytes:
    """What the edge asks a backend for, whatever the client's words were."""
    return _ACCEPT[variant]


def wants_text_html(accept: str | None, query_format: str | None = None) -> bool:
    """Whether a client for which HTML was chosen is to have it under its plain name."""
    wanted = _by_query(query_format)
    if wanted is not None:
        return wanted == TEXT_HTML
    if accept is None:
        return True
    ranges = _qualities(accept)
    plain, versioned = _quality(TEXT_HTML, ranges)[0], _quality(V1_HTML, ranges)[0]
    return plain >= versioned  # of equals the plain one, as PyPI has it; and where neither is taken


def as_text_html(stored: Stored) -> Stored:
    """The same answer under the plain name of HTML; itself where its type is not HTML's versioned name."""
    kind, semicolon, parameters = stored.content_type.partition(";")
    if kind.strip().lower() != V1_HTML:
        return stored
    return replace(stored, lines=lines_as_text_html(stored.lines), content_type=f"{TEXT_HTML}{semicolon}{parameters}")


def lines_as_text_html(lines: bytes) -> bytes:
    """Likewise, of field lines; a status line before them stays."""
    return _VERSIONED_TYPE.sub(rb"Content-Type: text/html", lines)


def _by_query(query_format: str | None) -> str | None:
    """A plus sign may have come escaped, or been read as a space."""
    return None if query_format is None else _NAMES.get(unquote(query_format).replace(" ", "+").lower())


def _quality(name: str, ranges: _Qualities) -> tuple[float, bool]:
    """By the most specific range that a type is in (§12.5.1), and whether that names it."""
    if name in ranges:
        return ranges[name], True
    kind = name.partition("/")[0] + "/*"
    return ranges.get(kind, ranges.get("*/*", 0.0)), False


def _qualities(accept: str) -> _Qualities:
    """Of several qualities for one range the highest."""
    found: _Qualities = {}
    for name, quality in _ranges(accept):
        known = _NAMES.get(name, name)
        found[known] = max(quality, found.get(known, 0.0))
    return found


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for member in _MEMBER.findall(accept):
        name, *parameters = [part.strip(" \t") for part in member.split(";")]
        quality = quality_of(parameters)
        if quality is not None:  # None, too, for a special text/html, as `level=1` names it: no variant is that
            yield name.lower(), quality
