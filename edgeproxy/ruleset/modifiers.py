"""What a rule says beside its match and its action.

Law: only what is said here is done: a rule without a modifier has the default that its class gives.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from edgeproxy.ruleset.cases import Case
    from edgeproxy.ruleset.ignores import Ignore
    from edgeproxy.ruleset.origins import Backend
    from edgeproxy.ruleset.place import Place
    from edgeproxy.ruleset.template import TargetTemplate


@dataclass(frozen=True, slots=True)
class Rate:
    """A client's requests: one each `interval` seconds, and `burst` at once. `text` is how a rule file says it."""

    interval: float
    burst: int
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class RuleLimits:
    """What one exchange under a rule may take: octets of the request's body (None: the edge's limit), seconds in all
    (None: the backend's `total`), and requests per client.
    """

    body: int | None = None
    time: float | None = None
    rate: Rate | None = None


class Safety(StrEnum):
    """Whether a request may be repeated."""

    SAFE = "safe"
    UNSAFE = "unsafe"


class Trouble(StrEnum):
    """What of the first backend's answer a fallback stands in for, beside statuses."""

    CONNECT = "connect"  # no connection, refused or not in time
    TLS = "tls"
    TIMEOUT = "timeout"  # no head in time
    RESET = "reset"  # the connection ended before a head
    SERVER_ERROR = "5xx"


@dataclass(frozen=True, slots=True)
class Fallback:
    """Ask another backend when the first one fails so."""

    to: Backend
    on: frozenset[Trouble]
    statuses: frozenset[int]
    place: Place


class Comparison(StrEnum):
    """How a shadow's answer is compared."""

    EXACT = "exact"
    JSON = "json"
    XMLRPC = "xmlrpc"
    HTML = "html"
    SIMPLE_INDEX = "simple_index"
    REDIRECT = "redirect"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Shadow:
    """A copy of a share (thousandths of a percent) of the requests goes to another backend."""

    to: Backend
    share: int
    compare: Comparison
    place: Place
    ignore: tuple[Ignore, ...] = ()  # beside what differs between any two servers


class Variant(StrEnum):
    """Named kinds of content, of which a cache keeps one answer each (Accept, normalised)."""

    HTML = "html"
    JSON = "json"


class Digest(StrEnum):
    BLAKE2B = "blake2b"  # of 32 octets, as the paths of PyPI's files have it
    SHA256 = "sha256"
    MD5 = "md5"


@dataclass(frozen=True, slots=True)
class KeyHeader:
    """A header, by its name in lower case, is a part of the cache key."""

    name: str


class Coding(StrEnum):
    """Content codings that the edge can give an answer (RFC 9110 §8.4.1, RFC 7932, RFC 8878)."""

    GZIP = "gzip"
    BR = "br"
    ZSTD = "zstd"


class KeyPart(StrEnum):
    QUERY = "query"
    BODY = "body"


@dataclass(frozen=True, slots=True)
class Cache:
    """How long answers are kept, in seconds (None: the answer's own word), and how they are told apart. `fresh` is for
    what was found (200, 203, 204), `negative` for the rest that may be kept: redirects, 404, 405, 410, 414, 501.

    `key` is what beside method, host and path tells two answers apart; None: the query. `share_arms`: an answer of one
    arm may be given to clients of another. `heed_clients`: a client's Cache-Control may ask for a newer answer; a cache
    may ignore it (RFC 9111 §5.2.1), as those at the edge do, or anybody could send every request on to the backend.
    """

    place: Place
    fresh: float | None = None
    negative: float | None = None
    stale_while_revalidate: float | None = None
    stale_if_error: float | None = None
    immutable: bool = False
    accept: tuple[Variant, ...] = ()
    key: tuple[KeyPart | KeyHeader, ...] | None = None
    tags: tuple[TargetTemplate, ...] = ()
    verify: tuple[Digest, TargetTemplate] | None = None
    share_arms: bool = False
    compress: tuple[Coding, ...] = ()  # the best first
    heed_clients: bool = False


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What a backend is asked instead: another path, Host or headers; and headers of its answer that are set.

    A header with None is taken away; names are as written.
    """

    path: TargetTemplate | None = None
    host: str | None = None
    headers: tuple[tuple[str, str | None], ...] = ()
    answer_headers: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class QueryPolicy:
    """Which parameters go on, to a backend or into a redirect's target: None: the query as it came. Kept ones are
    sorted by name, in the order they came under one name.
    """

    keep: frozenset[str] | None = None

    def __bool__(self) -> bool:
        return self.keep is not None


KEEP_QUERY: Final = QueryPolicy()
DROP_QUERY: Final = QueryPolicy(frozenset())


@dataclass(frozen=True, slots=True)
class Expectation:
    """An `expect` case, with its place."""

    case: Case
    place: Place


@dataclass(frozen=True, slots=True)
class Modifiers:
    """All that is optional in a rule."""

    limits: RuleLimits = RuleLimits()
    upgrade: frozenset[str] = frozenset()  # protocols, in lower case, that a client may switch to (RFC 9110 §7.8)
    safety: Safety | None = None  # None: by the method
    cache: Cache | None = None
    shadow: Shadow | None = None
    fallback: Fallback | None = None
    rewrite: Rewrite = Rewrite()
    query: QueryPolicy = KEEP_QUERY
    expect: tuple[Expectation, ...] = ()


NO_MODIFIERS: Final = Modifiers()
