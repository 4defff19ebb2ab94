"""An answer as it is kept, and for how long it may be given.

Laws of this module:
- nothing here changes: a copy that was asked for anew, or purged, is another value;
- times are POSIX seconds, durations seconds; an answer's age at `now` is `now - born` (RFC 9111 §4.2.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from edgeproxy.http.etags import EntityTag


@dataclass(frozen=True, slots=True)
class Terms:
    """How long an answer may be given, by its own word or its rule's.

    `while_revalidate` and `if_error` count from the end of `fresh`. `must_revalidate`: never stale, whatever these and
    the client say (RFC 9111 §5.2.2.2, §5.2.2.8, §5.2.2.10). `no_cache`: not without asking each time (§5.2.2.4).
    `immutable`: not asked for anew while it is fresh, though a client may want to (RFC 8246).
    """

    born: float
    fresh: float
    while_revalidate: float = 0.0
    if_error: float = 0.0
    must_revalidate: bool = False
    no_cache: bool = False
    immutable: bool = False

    def age(self, now: float) -> float:
        """Never below 0, though clocks be set back."""
        return max(0.0, now - self.born)

    @property
    def expires(self) -> float:
        return self.born + self.fresh


@dataclass(frozen=True, slots=True)
class Stored:
    """The head of an answer that is kept, and what is known of its content.

    `lines` are its field lines as they go to a client, each with its CRLF, without those that are written for each
    request (Age, Cache-Status, Content-Length, Connection, Transfer-Encoding) and those that are for the edge alone
    (Surrogate-Control, Surrogate-Key). `selecting`: the request's fields by which it was chosen (Vary), names in lower
    case, values normalised; None: the request had none. `purged`: since when it is stale by a soft purge. `edge_lines`:
    its Surrogate-Control, which a 304 need not repeat (RFC 9110 §15.4.5) and which governs as before when it does not.
    """

    status: int
    lines: bytes
    terms: Terms
    size: int  # octets of the content
    digest: bytes  # of the content: BLAKE2b of DIGEST_OCTETS
    selecting: tuple[tuple[str, str | None], ...] = ()
    tags: tuple[str, ...] = ()
    content_type: str = ""
    etag: EntityTag | None = None
    last_modified: int | None = None
    coding: str = ""  # that the edge itself gave it: "gzip", "br", "zstd"; "" for as it came
    purged: float | None = None
    origin: bytes = b""  # of a coded copy: the digest of the content as it came
    edge_lines: bytes = b""

    @property
    def fresh_until(self) -> float:
        return self.terms.expires if self.purged is None else min(self.terms.expires, self.purged)


DIGEST_OCTETS: Final = 16
