"""Cache-Control and its kin: what a message says of being kept (RFC 9111 §5.2, RFC 9213, Surrogate-Control).

Laws of this module:
- a directive is never read more leniently than any of its duplicates, nor than its malformed form (RFC 9111 §4.2.1):
  a number that is none is 0, or for `min-fresh` the greatest; a list of fields that is none is every field;
- out of a member that is malformed, each word that restricts counts, and none that permits;
- a targeted field (RFC 9213) is a structured field: one that does not parse, or is empty, is not there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple, cast

import http_sf

from edgeproxy.caching.remembering import remembered

Directives = Mapping[str, str | None]  # by name in lower case; None: without an argument, "": with a malformed one

MOST_SECONDS: Final = 1 << 31  # RFC 9111 §1.2.2: what a greater number is taken for
NOTHING: Final[Directives] = {}

_PERMITS: Final = frozenset(("immutable", "max-stale", "must-understand", "public"))
_FIELD_NAMES: Final = frozenset(("no-cache", "private"))  # the argument narrows what is forbidden
_NUMBERS: Final = frozenset(("max-age", "s-maxage", "max-stale", "stale-while-revalidate", "stale-if-error"))
_TOKEN: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_MEMBER: Final = re.compile(
    rf"""[ \t]*+(?:({_TOKEN})(?:=(?:({_TOKEN})|"((?:[^"\\]|\\.)*+)"))?[ \t]*+)?(,|\Z)""", re.DOTALL
)
# A member that is malformed, up to the next comma outside of quotes. PERF: never back, so linear in its length; a quote
# that does not end takes the rest, or each further one would be sought an end for.
_MALFORMED: Final = re.compile(r"""(?:[^",]|"(?:[^"\\]|\\.)*+(?:"|\\?\Z))*+(,|\Z)""", re.DOTALL)
_WORD: Final = re.compile(_TOKEN)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


@remembered
def parse(field: str) -> Directives:
    """Cache-Control's directives, its lines joined with commas (RFC 9111 §5.2)."""
    found: dict[str, str | None] = {}
    position, more = 0, True
    while more:
        match = _MEMBER.match(field, position)
        if match is None:
            match = _MALFORMED.match(field, position)
            assert match is not None, "it matches everything up to the end"
            for word in _WORD.findall(match[0]):
                if word.lower() not in _PERMITS:
                    _add(found, word.lower(), "")
        elif match[1] is not None:
            quoted = match[3]
            _add(found, match[1].lower(), match[2] if quoted is None else _ESCAPED.sub(r"\1", quoted))
        position, more = match.end(), match[match.lastindex or 0] == ","
    return found


@remembered
def targeted(field: str) -> Directives | None:
    """CDN-Cache-Control's directives (RFC 9213 §2.1); None: it is to be ignored whole."""
    try:
        parsed = http_sf.parse(field.encode("latin-1"), tltype="dictionary")
    except http_sf.StructuredFieldError:
        return None
    members = cast("dict[str, tuple[object, object]]", parsed)
    found: dict[str, str | None] = {}
    for name, (value, _) in members.items():  # parameters are ignored
        if value is True:
            found[name] = None
        elif name in _NUMBERS or not (value is False or name in _PERMITS):
            found[name] = _argument(name, value)
    return found or None


@remembered
def surrogate(field: str) -> Directives | None:
    """Surrogate-Control's directives (Edge Architecture Specification 1.0); None when it says nothing.

    `max-age=600+300` is fresh for 600 seconds, and may then be given for 300 more.
    """
    found = dict(parse(field))
    fresh, plus, more = (found.get("max-age") or "").partition("+")
    if plus and _is_number(fresh) and _is_number(more):
        found["max-age"] = fresh
        for name in ("stale-while-revalidate", "stale-if-error"):
            found.setdefault(name, more)
    return found or None


def seconds(directives: Directives, name: str) -> float | None:
    """A directive's number of seconds; None: it is not there. What is no number is 0: stale rather than fresh."""
    if name not in directives:
        return None
    return delta_seconds(directives[name] or "") or 0.0


def min_fresh(directives: Directives) -> float:
    """How long from now a client wants its answer to be fresh; 0: it does not say."""
    return _fresh_for(directives["min-fresh"]) if "min-fresh" in directives else 0.0


def delta_seconds(text: str) -> float | None:
    """RFC 9111 §1.2.2; None for what is not one."""
    if not _is_number(text):
        return None
    digits = text.lstrip("0")
    return float(min(int(digits or "0"), MOST_SECONDS)) if len(digits) <= 10 else float(MOST_SECONDS)


class Governing(NamedTuple):
    """What an answer says to this cache. `by_targeted`: Cache-Control and Expires do not count beside it."""

    directives: Directives
    by_targeted: bool = False


def governing(values: Mapping[str, str]) -> Governing:
    """Surrogate-Control before CDN-Cache-Control before Cache-Control, each in place of the next ones (RFC 9213 §2.2).

    Surrogate-Control, which no RFC defines, says how long this edge may keep an answer; who may have it is
    Cache-Control's word beside it, as the CDNs that read it have it: `private` holds, and so does `public`.
    """
    cache_control = values.get("cache-control")
    surrogate_control = values.get("surrogate-control")
    if surrogate_control is not None:
        found = surrogate(surrogate_control)
        if found is not None:
            beside = parse(cache_control) if cache_control is not None else NOTHING
            whose = {name: beside[name] for name in ("private", "public") if name in beside}
            return Governing({**whose, **found}, by_targeted=True)
    cdn_cache_control = values.get("cdn-cache-control")
    if cdn_cache_control is not None:
        found = targeted(cdn_cache_control)
        if found is not None:
            return Governing(found, by_targeted=True)
    if cache_control is not None:
        return Governing(parse(cache_control))
    return Governing(_by_pragma(values))


def asked(values: Mapping[str, str]) -> Directives:
    """A request's directives; Pragma counts only where there is no Cache-Control (RFC 9111 §5.4)."""
    cache_control = values.get("cache-control")
    return parse(cache_control) if cache_control is not None else _by_pragma(values)


def _by_pragma(values: Mapping[str, str]) -> Directives:
    """What it means in an answer was never said (§5.4); servers that write it there mean the same."""
    pragma = values.get("pragma")
    return {"no-cache": None} if pragma is not None and "no-cache" in parse(pragma) else NOTHING


def _add(found: dict[str, str | None], name: str, value: str | None) -> None:
    if name in _FIELD_NAMES:
        value = value or None  # no names: every field
        if name in found:
            known = found[name]
            value = None if known is None or value is None else f"{known}, {value}"
    elif name in found and not _is_stricter(name, value, found[name]):
        return
    found[name] = value


def _is_stricter(name: str, value: str | None, known: str | None) -> bool:
    """Of two arguments of one directive. Of one that takes none, or is not known, the first stays."""
    if name == "min-fresh":
        return _fresh_for(value) > _fresh_for(known)
    if name not in _NUMBERS:
        return False
    if name == "max-stale" and None in (value, known):  # without a number it is without a bound
        return known is None and value is not None
    return (delta_seconds(value or "") or 0.0) < (delta_seconds(known or "") or 0.0)


def _fresh_for(value: str | None) -> float:
    number = delta_seconds(value or "")
    return float(MOST_SECONDS) if number is None else number


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _argument(name: str, value: object) -> str:
    """A structured value as the text that Cache-Control would have; "" for one that the directive does not take."""
    if isinstance(value, str):
        return "" if name in _NUMBERS else value  # §2.1: a number is never given as a String
    return str(value) if isinstance(value, int) and value is not False else ""
