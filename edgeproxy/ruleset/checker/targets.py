"""Where a lead can lead to, before anything of a request is known: the host, the scheme, what the path begins with.

Law: what is not sure is as wide as it can be: a Location that depends on the request in other ways than by a
template's captures may lead to any path of the host that was asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from edgeproxy.http.redirection import port_of, resolve
from edgeproxy.http.target import BadTarget, Scheme, Target, normalise_path
from edgeproxy.ruleset.checker.hops import Declared, Fixed, Lead
from edgeproxy.ruleset.model import RedirectMap
from edgeproxy.ruleset.template import Insert, TargetTemplate

_ORIGIN: Final = re.compile("https?://[^/?#]*")
_HERE: Final = "here.invalid"  # stands for whichever host was asked (RFC 2606)
_BASES: Final = (
    Target(_HERE, _HERE, "/one/one", "one", Scheme.HTTPS),
    Target(_HERE, _HERE, "/two/two", "two", Scheme.HTTP),
)


@dataclass(frozen=True, slots=True)
class Aim:
    """`host` and `scheme` are None for those that were asked. `word` is the path where it is always the same."""

    host: str | None
    scheme: Scheme | None
    port: str | None
    prefix: str
    word: str | None = None
    query: str | None = None  # beside a word


ANYWHERE: Final = Aim(None, None, None, "/")  # on the host and by the scheme that were asked


def aim_of(location: str) -> Aim | None:
    """Of one Location; None when no client of this edge comes back by it."""
    one, two = (resolve(base, location) for base in _BASES)
    if one is None or two is None:
        return None
    if (one.path, one.query) != (two.path, two.query):
        return ANYWHERE
    scheme = one.scheme if one.scheme is two.scheme else None
    if one.host == _HERE:
        return Aim(None, scheme, None, one.path, one.path, one.query)
    return Aim(one.host, scheme, port_of(one), one.path, one.path, one.query)


def aim_of_template(target: TargetTemplate) -> Aim | None:
    inserts = any(isinstance(piece, Insert) for piece in target.pieces)
    if not inserts:
        return aim_of(target.expand({}))
    head = target.pieces[0] if isinstance(target.pieces[0], str) else "/"
    origin = _ORIGIN.match(head)
    base = Aim(None, None, None, "/") if origin is None else aim_of(origin[0])
    path = head if origin is None else head[origin.end() :]
    if base is None:
        return None
    return Aim(base.host, base.scheme, base.port, _prefix(path))


def aim_of_lead(lead: Lead) -> Aim | None:
    """Of a lead whose target is no map's."""
    if lead.fixed is not None:
        return aim_of(lead.fixed)
    source = lead.source
    match source:
        case Fixed(location=location):
            return aim_of(location)
        case Declared(redirect=redirect):
            return aim_of_template(redirect.to)
        case RedirectMap():
            return ANYWHERE
        case _:
            return aim_of_template(source.to)


def _prefix(path: str) -> str:
    """What stands before the last slash of a target's first text, as far as that is plain."""
    start = path.partition("?")[0]
    start = start[: start.rfind("/") + 1]
    try:
        return start if start and normalise_path(start) == start and "//" not in start else "/"
    except BadTarget:
        return "/"
