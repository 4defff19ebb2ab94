"""Which kept answers a write makes doubtful (RFC 9111 §4.4).

Laws of this module:
- only an answer that is no error says that something was written, and every method that is not known to be safe may
  have done so;
- what the answer points to (Location, Content-Location) counts only within the origin that was asked: nobody has the
  answers of others thrown away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from edgeproxy.http.redirection import port_of, resolve
from edgeproxy.http.target import Scheme, Target

# RFC 9110 §9.2.1, and what else IANA's registry of methods calls safe.
_SAFE: Final = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "PRI", "PROPFIND", "QUERY", "REPORT", "SEARCH"))
_POINTERS: Final = ("location", "content-location")


def targets(
    method: str,
    status: int,
    host: str,
    path_and_query: str,
    values_of_answer: Mapping[str, str],
    *,
    authority: str | None = None,
    scheme: Scheme = Scheme.HTTP,
) -> tuple[tuple[str, str, str], ...]:
    """Host, path and query of each, as Target has them. `authority`: the request's, where it names another port than
    the scheme's.
    """
    if method in _SAFE or not 200 <= status < 400:
        return ()
    path, _, query = path_and_query.partition("?")
    base = Target(host, authority or host, path, query or None, scheme)
    found = [base]
    for name in _POINTERS:
        pointed = resolve(base, values_of_answer[name]) if name in values_of_answer else None
        if pointed is not None and _origin(pointed) == _origin(base):
            found.append(pointed)
    return tuple(dict.fromkeys([(target.host, target.path, target.query or "") for target in found]))


def _origin(target: Target) -> tuple[str, str, str]:
    return target.scheme, target.host, port_of(target)
