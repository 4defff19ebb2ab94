"""Header fields, compared by what they mean.

Laws of this module:
- `exact` compares every header that is not ignored; other kinds those alone that change what a client or a cache does
  with such content (`MEANT`): a new system may well have headers of its own;
- of a cookie the name is compared, and of a challenge the scheme: the rest is a secret, or made anew each time;
- a charset counts where both sides say one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from edgeproxy.migration.comparing.answers import Answer
from edgeproxy.migration.comparing.decoding import charset_of
from edgeproxy.migration.comparing.differences import Added, Changed, Missing, header_at, shown
from edgeproxy.migration.comparing.found import Found
from edgeproxy.ruleset.modifiers import Comparison

_COMMON: Final = (
    *("content-disposition", "cache-control", "location", "www-authenticate", "retry-after", "allow", "link"),
    *("set-cookie", "vary", "surrogate-control", "cdn-cache-control", "pragma"),
)
MEANT: Final[Mapping[Comparison, tuple[str, ...]]] = {
    Comparison.JSON: ("content-type", *_COMMON),
    Comparison.XMLRPC: ("content-type", *_COMMON),
    Comparison.HTML: ("content-type", *_COMMON),
    Comparison.SIMPLE_INDEX: _COMMON,  # its form is not compared
    Comparison.FILE: ("content-type", "accept-ranges", "content-range", *_COMMON),
    Comparison.REDIRECT: ("retry-after", "set-cookie"),
}

_SETS: Final = frozenset(
    (
        *("accept-ranges", "allow", "cache-control", "cdn-cache-control", "surrogate-control", "pragma", "vary"),
        *("access-control-allow-headers", "access-control-allow-methods", "access-control-expose-headers"),
    )
)


def compare_headers(found: Found, kind: Comparison, old: Answer, new: Answer) -> None:
    names = sorted({*old.headers, *new.headers}) if kind is Comparison.EXACT else MEANT[kind]
    for name in names:
        if name == "content-type":
            _compare_types(found, old, new)
            continue
        form = _FORMS.get(name, _set if name in _SETS else _text)
        before, after = form(old.values(name)), form(new.values(name))
        at = header_at(name)
        if before == after:
            continue
        if after is None:
            found.add(Missing(*at, shown(before or "")))
        elif before is None:
            found.add(Added(*at, shown(after)))
        else:
            found.add(Changed(*at, shown(before), shown(after)))


def _compare_types(found: Found, old: Answer, new: Answer) -> None:
    if not old.content and not new.content:
        return
    before, after = ", ".join(old.values("content-type")), ", ".join(new.values("content-type"))
    charsets = {charset_of(each.values("content-type")) for each in (old, new)} - {""}
    if (old.media_type or before) != (new.media_type or after) or len(charsets) > 1:
        found.add(Changed(*header_at("content-type"), shown(before), shown(after)))


# -- the forms in which values are compared ---------------------------------------------------------------------------

_Form = Callable[[tuple[str, ...]], str | None]  # None: there is none


def _text(values: tuple[str, ...]) -> str | None:
    return ", ".join(value.strip(" \t") for value in values) if values else None


def _set(values: tuple[str, ...]) -> str | None:
    """A list without an order; names of directives and of fields have no case."""
    members = {member.strip(" \t").lower() for value in values for member in value.split(",")}
    return ", ".join(sorted(members - {""})) if values else None


def _cookies(values: tuple[str, ...]) -> str | None:
    names = {value.partition("=")[0].strip(" \t") for value in values}
    return ", ".join(sorted(names)) if values else None


def _schemes(values: tuple[str, ...]) -> str | None:
    schemes = {value.split(" ", 1)[0].lower() for value in values}
    return ", ".join(sorted(schemes)) if values else None


_FORMS: Final[Mapping[str, _Form]] = {
    "set-cookie": _cookies,
    "www-authenticate": _schemes,
    "proxy-authenticate": _schemes,
}
