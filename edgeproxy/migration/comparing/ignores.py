"""What is left out of a comparison: what a rule declares, and what differs between any two servers.

Law: ignored parts of JSON, XML-RPC and HTML are taken out of both sides before they are compared, so that lists whose
elements differ in ignored parts alone are equal lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from edgeproxy.ruleset.ignores import (
    Content,
    ElementIgnore,
    EmptyIgnore,
    HeaderIgnore,
    Ignore,
    Parts,
    PathIgnore,
    StatusIgnore,
    read_ignore,
    unescaped,
)

# Headers and parts that say when, where and by whom an answer was made, or how it came over one connection.
DEFAULTS: Final = (
    # the moment
    *("header:Date", "header:Age", "header:Expires", "header:Last-Modified", "header:ETag"),
    # who answered, and how fast
    *("header:Server", "header:Via", "header:X-Powered-By", "header:X-Served-By", "header:X-Backend-Server"),
    *("header:X-Runtime", "header:X-Response-Time", "header:X-Timer", "header:Server-Timing"),
    # which request it was
    *("header:X-Request-Id", "header:X-Correlation-Id", "header:X-Trace-Id", "header:X-Amzn-Trace-Id"),
    *("header:Traceparent", "header:Tracestate", "header:X-B3-TraceId", "header:CF-Ray", "header:X-Amz-Request-Id"),
    *("header:X-Amz-Id-2", "header:Request-Id"),
    # caches on the way
    *("header:X-Cache", "header:X-Cache-Hits", "header:X-Varnish", "header:Cache-Status", "header:CF-Cache-Status"),
    # how it came: the content is compared without its coding, and its length is no part of it
    *("header:Connection", "header:Keep-Alive", "header:Transfer-Encoding", "header:Trailer", "header:Upgrade"),
    *("header:Content-Length", "header:Content-Encoding", "header:Alt-Svc", "header:NEL", "header:Report-To"),
    # how much has changed in the whole index since it began: it moves while the two sides are asked
    *("header:X-PyPI-Last-Serial", "json:/last_serial"),
    # tokens against forged requests, and numbers used once
    *("html:meta[name=csrf-token]", "html:input[name=csrf_token]", "html:input[name=csrfmiddlewaretoken]"),
    *("html:input[name=authenticity_token]", "html:@nonce"),
)


@dataclass(frozen=True, slots=True)
class Ignores:
    """Made once for each rule."""

    headers: frozenset[str] = frozenset()
    paths: tuple[PathIgnore, ...] = ()
    elements: tuple[ElementIgnore, ...] = ()
    statuses: frozenset[tuple[int, int]] = frozenset()  # of the old side, and of the new one
    takes_empty: bool = False  # members of JSON that are empty, for ones that are not there

    @classmethod
    def of(cls, declared: Iterable[Ignore] = (), *, defaults: bool = True) -> Ignores:
        every = [*(_DEFAULTS if defaults else ()), *declared]
        return cls(
            frozenset(each.name for each in every if isinstance(each, HeaderIgnore)),
            tuple(dict.fromkeys(each for each in every if isinstance(each, PathIgnore))),
            tuple(dict.fromkeys(each for each in every if isinstance(each, ElementIgnore))),
            frozenset((each.old, each.new) for each in every if isinstance(each, StatusIgnore)),
            any(isinstance(each, EmptyIgnore) for each in every),
        )

    def within(self, content: Content) -> tuple[Parts, ...]:
        """The ignored paths of one kind of content."""
        return tuple(each.parts for each in self.paths if each.content is content)

    def takes(self, path: str) -> bool:
        """Whether a difference there is ignored."""
        kind, _, what = path.partition(":")
        if kind == "header":
            return what in self.headers
        wanted = [each.parts for each in self.paths if each.content == kind]
        if not wanted:
            return False
        parts = list(map(unescaped, what[1:].split("/")))
        return any(leads(pattern, parts) for pattern in wanted)

    def takes_all(self, pattern: str) -> bool:
        """Whether all differences of such a pattern are ignored (`Difference.pattern`)."""
        if any(pattern == f"status/{old}/{new}" for old, new in self.statuses):
            return True
        kind, _, what = pattern.partition(":")
        if kind == "header":
            return what in self.headers
        parts = [None if part == "*" else unescaped(part) for part in what[1:].split("/")] if what[1:] else []
        return any(leads(each.parts, parts) for each in self.paths if each.content == kind)


def leads(pattern: Parts, parts: Sequence[str | None]) -> bool:
    """Whether the pattern is met by the path or by something above it; None: any one, which only itself meets."""
    if len(pattern) > len(parts):
        return False
    return all(wanted is None or wanted == part for wanted, part in zip(pattern, parts, strict=False))


def below(patterns: Iterable[Parts], name: str) -> tuple[Parts, ...]:
    """What is left of the patterns that `name` may be the first part of; () among them: it is ignored itself."""
    return tuple(parts[1:] for parts in patterns if parts and (parts[0] is None or parts[0] == name))


_DEFAULTS: Final = tuple(map(read_ignore, DEFAULTS))
NOTHING_DECLARED: Final = Ignores.of()
