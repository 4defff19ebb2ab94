"""What a client asks next when it follows a redirect (RFC 9110 §15.4): which URL, and by which method."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from edgeproxy.http.target import PORTS, BadTarget, Scheme, Target, parse_target

REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))  # those that clients follow by themselves
_REFERENCE: Final = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#.*)?", re.S)
_VISIBLE: Final = "".join(map(chr, range(0x21, 0x7F)))
_SCHEMES: Final = {scheme.value: scheme for scheme in Scheme}


def method_after(status: int, method: str) -> str:
    """The method of the next request, as WHATWG's Fetch, curl and requests have it (RFC 9110 §15.4.2 - §15.4.4)."""
    if status == 303 and method != "HEAD":
        return "GET"
    return "GET" if status in (301, 302) and method == "POST" else method


def visible(reference: str) -> str:
    """A Location as clients mend it: what is no visible ASCII is percent-encoded. `reference` has an octet each."""
    return quote(reference.encode("latin-1", "replace"), safe=_VISIBLE)


def resolve(base: Target, reference: str) -> Target | None:
    """Where a Location leads a client that asked for `base` (RFC 3986 §5.2); None where that is no http URL, or one
    that this edge would refuse.
    """
    parts = _REFERENCE.fullmatch(visible(reference))
    if parts is None:  # pragma: no cover  # the expression takes every text
        return None
    named, authority, path, query = parts.groups()
    scheme = base.scheme if named is None else _SCHEMES.get(named.lower())
    if scheme is None or (named is not None and authority is None):
        return None
    if authority is None:
        authority = base.authority
        if not path:
            path, query = base.path, base.query if query is None else query
        elif not path.startswith("/"):
            path = base.path[: base.path.rfind("/") + 1] + path
    else:
        authority = authority.rpartition("@")[2]  # clients send user and password as a field, or not at all
    try:
        return parse_target(f"{scheme}://{authority}{path or '/'}{'' if query is None else f'?{query}'}", None, scheme)
    except BadTarget:
        return None


def port_of(target: Target) -> str:
    """The port that a client asks, that of the scheme where the authority names none."""
    _, _, port = target.authority[target.authority.rfind("]") + 1 :].partition(":")
    return port.lstrip("0") or str(PORTS[target.scheme])
