"""What a copy of a request never says: of one that no client sent, to a backend that is compared or rehearsed.

Laws of this module:
- one set for all who copy requests: shadows and rehearsals;
- no credential goes along, nor who a proxy has found the client to be, nor what makes another request of it at a
  backend that believes it (it might be a write, or of another page), nor what plants a fault, or says of it whose copy
  it is: that says who sends it;
- a copy asks for the whole, whatever its client has already: no conditions, no ranges;
- what is of one connection, or frames a body, is written anew.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final
from urllib.parse import unquote_plus

from edgeproxy.http.fields import CREDENTIALS, OVERRIDES
from edgeproxy.migration.comparing.scrubbing import is_secret
from edgeproxy.migration.comparing.targets import kept_link

# As in `field_edit`, `X_Name` goes with `X-Name`: for many backends both are one field.
_GONE: Final = (
    CREDENTIALS
    | {b"proxy-authorization", b"dpop", b"backend-token", b"edge-arm"}
    | {b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since", b"if-range", b"range"}
    | {b"connection", b"content-length", b"expect", b"te", b"transfer-encoding", b"upgrade"}
    | {b"edge-shadow", b"edge-rehearsal"}
    | {name.lower().encode() for name in OVERRIDES}
)
_FAMILIES: Final = (b"backend-fault", b"x-ssl-client-")  # begin so
_LONGEST_NAME: Final = 64  # of a field, that is remembered


def is_gone(name: bytes) -> bool:
    """Whether a copy is without the field of this name."""
    return _is_short_gone(name) if len(name) <= _LONGEST_NAME else _is_gone(name)


def names_secret(query: str) -> bool:
    """Whether a parameter of a query is named like a secret: the answer may be one person's."""
    return any(is_secret(unquote_plus(each.partition("=")[0])) for each in query.split("&"))


def holds_secret(target: str) -> bool:
    """Whether a URL, or a path and query, names a secret, or holds what looks like one."""
    return names_secret(target.partition("?")[2].partition("#")[0]) or kept_link(target) != target


@lru_cache(512)
def _is_short_gone(name: bytes) -> bool:
    """PERF: asked for each line. A regular expression for all of them takes 25 µs for pip's header."""
    return _is_gone(name)


def _is_gone(name: bytes) -> bool:
    name = name.lower().replace(b"_", b"-")
    return name in _GONE or name.startswith(_FAMILIES)
