"""The requests of a capture, by shape: of each the one that was asked most.

Laws of this module:
- a line is one of the edge's access log, or a record as `edgeproxy diff --capture` takes it; what is neither, or goes
  to no rule, is counted and passed over;
- a shape is what one rule gets by one method on one host, with the changing parts of its path as names; the shapes that
  were asked most are walked, and of the others is said how many requests they are;
- what has a secret in its URL or its body is not walked: it is one person's, and would be sent, shown and recorded; it
  is counted;
- a request of which a capture has the body shows more than those of its shape without;
- memory is bounded, whatever the capture's length.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from edgeproxy.cli.explaining.request import Request
from edgeproxy.cli.rehearsing.calls import CALL_TYPE, call_of
from edgeproxy.cli.rehearsing.calls import holds_secret as body_holds_secret
from edgeproxy.http.target import BadTarget, Scheme, Target, parse_target
from edgeproxy.http.xmlrpc_call import is_call, is_encoded
from edgeproxy.migration.comparing.shapes import shape_of
from edgeproxy.migration.copies import holds_secret
from edgeproxy.ruleset.comparing.records import BadRecord, read_record
from edgeproxy.ruleset.model import Routed, Rule, Ruleset
from edgeproxy.ruleset.template import PathTemplate

_TARGETS: Final = 2_000  # of one shape that are told apart
_SHAPES: Final = 5_000
_BODIES: Final = 64 << 20  # characters of all together


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
    by rules' indexes, how many of the hits are not walked for what their URLs or bodies hold.
    """

    shapes: tuple[Captured, ...]
    hits: int
    odd: int
    secret: Mapping[int, int] = field(default_factory=dict)

    @property
    def covered(self) -> int:
        """Of the hits those of the shapes that are here."""
        return sum(each.hits for each in self.shapes)


_Asked = tuple[str, str | None]  # URL and body


@dataclass(slots=True)
class _Shape:
    rule: Rule
    hits: int = 0
    targets: Counter[_Asked] = field(default_factory=Counter)
    requests: dict[_Asked, Request] = field(default_factory=dict)
    statuses: dict[_Asked, Counter[int]] = field(default_factory=dict)

    def add(self, seen: Seen, room: int) -> int:
        """How many characters of a body it keeps, of so many that it may."""
        self.hits += seen.hits
        asked = seen.request.url, seen.request.body
        taken = 0 if asked in self.requests else len(asked[1] or "")
        if asked not in self.requests:
            if len(self.requests) >= _TARGETS or taken > room:
                return 0
            self.requests[asked] = seen.request
        self.targets[asked] += seen.hits
        if seen.status is not None:
            self.statuses.setdefault(asked, Counter())[seen.status] += seen.hits
        return taken

    @property
    def hottest(self) -> Captured:
        asked = max(self.targets, key=lambda each: (each[1] is not None, self.targets[each]))
        statuses = self.statuses.get(asked)
        status = None if statuses is None else statuses.most_common(1)[0][0]
        return Captured(self.requests[asked], self.rule, self.hits, status)


def captured(ruleset: Ruleset, found: Iterable[Seen | None], most: int) -> Capture:
    """At most so many shapes. `found`: by whatever reads a capture; None for what is no request."""
    shapes: dict[object, _Shape] = {}
    hits, odd, room = 0, 0, _BODIES
    secret: Counter[int] = Counter()
    for seen in found:
        routed = None if seen is None else _routed(ruleset, seen.request)
        if seen is None or routed is None:
            odd += 1
            continue
        hits += seen.hits
        rule, request = routed.rule, seen.request
        if holds_secret(request.url) or (request.body is not None and body_holds_secret(request.body)):
            secret[rule.index] += seen.hits
            continue
        template = rule.match.path if isinstance(rule.match.path, PathTemplate) else None
        key = rule.index, request.method, request.call, request.target.host, shape_of(request.target.path, template)
        if key not in shapes and len(shapes) < _SHAPES:
            shapes[key] = _Shape(rule)
        if key in shapes:
            room -= shapes[key].add(seen, room)
    hottest = sorted((each for each in shapes.values() if each.targets), key=lambda each: -each.hits)[:most]
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
    return Seen(_with_body(request, words.get("body")), record.count, _status(words))


def _with_body(request: Request, body: object) -> Request:
    """What it calls is what its body says, as for the edge; a call that the edge cannot read is without its body."""
    if request.method != "POST" or not isinstance(body, str) or not body:
        return request
    headers = request.headers if request.call is None else {"content-type": CALL_TYPE, **request.headers}
    call = call_of(headers, body)
    if is_encoded(headers) or (call is None and is_call(b"POST", headers)):
        return request
    return replace(request, headers=headers, call=call, body=body)


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
