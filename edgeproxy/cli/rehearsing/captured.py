"""The requests of a capture, by shape: of each the one that was asked most.

Laws of this module:
- a line is one of the edge's access log, or a record as `edgeproxy diff --capture` takes it; what is neither, or goes
  to no rule, is counted and passed over;
- a shape is what one rule gets by one method on one host, with the changing parts of its path as names; the shapes that
  were asked most are walked, and of the others is said how many requests they are;
- what has a secret in its URL is not walked: it is one person's, and would be sent, shown and recorded; it is counted;
- memory is bounded, whatever the capture's length.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from edgeproxy.cli.explaining.request import Request
from edgeproxy.http.target import BadTarget, Scheme, Target, parse_target
from edgeproxy.migration.comparing.shapes import shape_of
from edgeproxy.migration.copies import holds_secret
from edgeproxy.ruleset.comparing.records import BadRecord, read_record
from edgeproxy.ruleset.model import Routed, Rule, Ruleset
from edgeproxy.ruleset.template import PathTemplate

_TARGETS: Final = 2_000  # of one shape that are told apart
_SHAPES: Final = 5_000


@dataclass(frozen=True, slots=True)
class Seen:
    """A captured request, so often. `status`: what the client got, if that is known."""

    request: Request
    hits: int = 1
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Captured:
    """The request of a shape that was asked most. `hits` are the shape's."""

    request: Request
    rule: Rule
    hits: int
    status: int | None


@dataclass(frozen=True, slots=True)
class Capture:
    """The hottest shapes. `hits` are of all requests that a rule takes; `odd`: lines that were passed over. `secret`:
    by rules' indexes, how many of the hits are not walked for what their URLs hold.
    """

    shapes: tuple[Captured, ...]
    hits: int
    odd: int
    secret: Mapping[int, int] = field(default_factory=dict)

    @property
    def covered(self) -> int:
        """Of the hits those of the shapes that are here."""
        return sum(each.hits for each in self.shapes)


@dataclass(slots=True)
class _Shape:
    rule: Rule
    hits: int = 0
    targets: Counter[str] = field(default_factory=Counter)
    requests: dict[str, Request] = field(default_factory=dict)
    statuses: dict[str, Counter[int]] = field(default_factory=dict)

    def add(self, seen: Seen) -> None:
        self.hits += seen.hits
        url = seen.request.url
        if url not in self.requests:
            if len(self.requests) >= _TARGETS:
                return
            self.requests[url] = seen.request
        self.targets[url] += seen.hits
        if seen.status is not None:
            self.statuses.setdefault(url, Counter())[seen.status] += seen.hits

    @property
    def hottest(self) -> Captured:
        url = self.targets.most_common(1)[0][0]
        statuses = self.statuses.get(url)
        status = None if statuses is None else statuses.most_common(1)[0][0]
        return Captured(self.requests[url], self.rule, self.hits, status)


def captured(ruleset: Ruleset, found: Iterable[Seen | None], most: int) -> Capture:
    """At most so many shapes. `found`: by whatever reads a capture; None for what is no request."""
    shapes: dict[object, _Shape] = {}
    hits = odd = 0
    secret: Counter[int] = Counter()
    for seen in found:
        routed = None if seen is None else _routed(ruleset, seen.request)
        if seen is None or routed is None:
            odd += 1
            continue
        hits += seen.hits
        rule, request = routed.rule, seen.request
        if holds_secret(request.url):
            secret[rule.index] += seen.hits
            continue
        template = rule.match.path if isinstance(rule.match.path, PathTemplate) else None
        key = rule.index, request.method, request.call, request.target.host, shape_of(request.target.path, template)
        if key not in shapes and len(shapes) < _SHAPES:
            shapes[key] = _Shape(rule)
        if key in shapes:
            shapes[key].add(seen)
    hottest = sorted(shapes.values(), key=lambda each: -each.hits)[:most]
    return Capture(tuple(each.hottest for each in hottest), hits, odd, secret)


def read_lines(lines: Iterable[str], now: float) -> Iterator[Seen | None]:
    """Asked now. None for a line that is none; empty lines are passed over."""
    for line in lines:
        if line.strip():
            yield _read(line, now)


def _read(line: str, now: float) -> Seen | None:
    try:
        words = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(words, dict):
        return None
    if "url" not in words:
        return _of_access_log(words, now)
    try:
        record = read_record(line, now)
    except BadRecord:
        return None
    asked = record.asked
    target = Target(asked.host, asked.host, asked.path, asked.query, asked.scheme)
    request = Request(asked.method, target, dict(asked.headers), asked.client, asked.call, now)
    return Seen(request, record.count, _status(words))


def _of_access_log(words: Mapping[str, Any], now: float) -> Seen | None:
    method, scheme, host, path = (words.get(key) for key in ("method", "scheme", "host", "path"))
    if not (isinstance(method, str) and isinstance(host, str) and isinstance(path, str) and path.startswith("/")):
        return None
    if scheme not in ("http", "https"):
        return None
    try:
        target = parse_target(path, host, Scheme(scheme))
    except BadTarget:
        return None
    agent, client = words.get("user_agent"), words.get("client")
    headers = {"user-agent": agent} if isinstance(agent, str) else {}
    request = Request(method, target, headers, client if isinstance(client, str) else "", None, now)
    return Seen(request, 1, _status(words))


def _status(words: Mapping[str, Any]) -> int | None:
    status = words.get("status")
    return status if isinstance(status, int) and not isinstance(status, bool) and 100 <= status <= 599 else None


def _routed(ruleset: Ruleset, request: Request) -> Routed | None:
    target = request.target
    routing = ruleset.route(request.method, target.scheme, target.host, target.path, request.facts)
    return routing if isinstance(routing, Routed) else None
