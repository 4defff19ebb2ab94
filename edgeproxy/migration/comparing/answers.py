"""An answer as comparisons see it.

Laws of this module:
- names of headers are in lower case, and each has its values in their order;
- the content is without its content coding: two answers that differ in it alone are the same;
- content that could not be had as a whole is never taken for content: `flaw` says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from edgeproxy.http.fields import Field
from edgeproxy.http.redirection import REDIRECTS
from edgeproxy.migration.comparing.bounds import BOUNDS, Bounds, BrokenContent, Flaw
from edgeproxy.migration.comparing.decoding import decode
from edgeproxy.migration.specimen import Astray, Silence


@dataclass(frozen=True, slots=True)
class Final:
    """Where a redirect ends for a client that follows it: the last answer's status, and its content's SHA-256 (hex).
    `why`: there is no answer to compare.
    """

    status: int
    digest: str
    url: str = ""
    why: Silence | Astray | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """`digest` and `size` are of content that was not held but hashed as it came (SHA-256, hex); `final` is given where
    somebody followed the redirect. `url`: where a client asked for it, which its links lead from; "": nobody knows.
    """

    status: int
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    content: bytes = b""
    flaw: Flaw | None = None
    why: str = ""
    digest: str = ""
    size: int | None = None
    final: Final | None = None
    url: str = ""

    def values(self, name: str) -> tuple[str, ...]:
        return self.headers.get(name, ())

    @property
    def media_type(self) -> str:
        """Type and subtype, in lower case; nothing where none is said, or several are."""
        values = self.values("content-type")
        return values[0].partition(";")[0].strip(" \t").lower() if len(values) == 1 else ""

    @property
    def is_redirect(self) -> bool:
        return self.status in REDIRECTS

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


def answer_of(
    status: int, fields: Iterable[Field], content: bytes, *, is_cut: bool = False, bounds: Bounds = BOUNDS
) -> Answer:
    """An answer from its field lines, as they came, and the octets of its content. `is_cut`: there were more."""
    headers: dict[str, tuple[str, ...]] = {}
    for name, value in fields:
        key = name.decode("latin-1").lower()
        headers[key] = (*headers.get(key, ()), value.decode("latin-1"))
    if is_cut:
        why = f"only the first {len(content)} octets are there"
        return Answer(status, headers, content, Flaw.CUT, why)
    try:
        return Answer(status, headers, decode(content, headers.get("content-encoding", ()), bounds))
    except BrokenContent as broken:
        return Answer(status, headers, content, broken.flaw, broken.why)


def digest_of(content: bytes) -> str:
    """As `Answer.digest` and `Final.digest` have it."""
    return sha256(content).hexdigest()
