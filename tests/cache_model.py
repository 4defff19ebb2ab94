"""A small cache made of nothing but the edge's pure functions: no sockets, no tasks, one request at a time.

It is what the cases of `cache_cases` and the properties are run against before the real edge is. Law: it decides
nothing by itself. Each question is put to the function of `edgeproxy` that answers it, in the order of an exchange:
plan, look up, may it be given, fetch, judge, keep, reply.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from cache_cases.cases import Asked, Seen, Step

from edgeproxy.caching import cache_status, invalidation, replies, reuse, storing, validation, vary
from edgeproxy.caching.keeping import copy_of, values_of
from edgeproxy.caching.keys import Key, digest_of, path_digest
from edgeproxy.caching.outcomes import NotStored, Outcome
from edgeproxy.caching.reuse import Use
from edgeproxy.caching.stored import Stored
from edgeproxy.http.fields import connection_lines
from edgeproxy.http.forwarded import TrustedProxies
from edgeproxy.http.framing import has_body
from edgeproxy.http.head_buffer import refuse_hopeless
from edgeproxy.http.ranges import Span
from edgeproxy.http.request import BadRequest, RequestFields, read_request_fields, read_request_line
from edgeproxy.http.response import BadResponse, ResponseHead, ResponseReader
from edgeproxy.http.target import BadTarget, Scheme, parse_target
from edgeproxy.proxy.cache.cache_plan import CachePlan
from edgeproxy.proxy.cache.giving import head_of, says_age, told_lines
from edgeproxy.proxy.cache.requests import request_of
from edgeproxy.proxy.peer import Peer
from edgeproxy.proxy.plan import Answer, Pass, plan_request
from edgeproxy.ruleset.limits import DEFAULT_LIMITS
from edgeproxy.ruleset.load import parse_ruleset

_BROKEN: Final = 500  # RFC 9111 §4.3.3: any of these may count as no answer


@dataclass
class Kept:
    """A copy, and the key it is under."""

    key: Key
    stored: Stored
    body: bytes


@dataclass
class _Request:
    """A request as it was read, and what is to be done with it."""

    step: Step
    fields: RequestFields
    plan: Pass
    cache: CachePlan
    key: Key
    content: bytes
    asked_as: Mapping[str, str] = field(default_factory=dict)  # the fields that the origin was asked by

    @property
    def values(self) -> Mapping[str, str]:
        return self.fields.values

    @property
    def now(self) -> float:
        return self.step.now


@dataclass(frozen=True)
class _Fetched:
    """What an origin gave; `head` is None where it gave nothing that can be read."""

    head: ResponseHead | None
    lines: bytes
    body: bytes
    requested: float
    received: float
    is_whole: bool = True


@dataclass
class CacheModel:
    """One edge with one rule file, and what it keeps."""

    rules: str
    kept: list[Kept] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)  # by the step at hand

    def __post_init__(self) -> None:
        self.ruleset = parse_ruleset(self.rules.replace("{port}", "9"), "rules.yaml", base=Path.cwd())
        self._reader = ResponseReader(DEFAULT_LIMITS.fields)

    def take(self, step: Step) -> Seen:
        """What the client gets for a request, and what the origin was asked for it, then or behind its back."""
        self.asked = []
        head, _, content = step.request.partition(b"\r\n\r\n")
        try:
            return self._act(step, head + b"\r\n\r\n", content)
        except BadRequest as refused:
            return Seen(refused.status, (), b"", self.asked)
        except BadTarget:
            return Seen(400, (), b"", self.asked)

    def _act(self, step: Step, head: bytes, content: bytes) -> Seen:
        if len(head) > DEFAULT_LIMITS.head:
            raise BadRequest(431, "the head is too large")
        refuse_hopeless(head)
        line = read_request_line(head[: head.index(b"\r\n")], DEFAULT_LIMITS.target)
        fields = read_request_fields(head, line.minor, DEFAULT_LIMITS.fields)
        if fields.has_unknown_expectation:
            raise BadRequest(417, "an expectation that nobody knows")
        target = parse_target(line.target, fields.host, Scheme.HTTP)
        _, plan = plan_request(self.ruleset, line.method.decode(), target)
        if isinstance(plan, Answer):
            return Seen(plan.status, (), plan.body, self.asked)
        assert isinstance(plan, Pass), "the cases' rules forward to one backend"
        if plan.cache is None:
            return self._past(step, plan, fields, content, None, None)
        cache = plan.cache
        if has_body(fields.framing) and (cache.is_read or not cache.needs_body):
            return self._past(step, plan, fields, content, Outcome.BYPASS, NotStored.CONTENT)
        if not cache.is_read and not cache.needs_body:
            return self._past(step, plan, fields, content, Outcome.BYPASS, NotStored.METHOD)
        if reuse.is_for_the_backend(fields.values):
            return self._past(step, plan, fields, content, Outcome.BYPASS, None)
        key = cache.key(fields.values, content if cache.needs_body and not cache.is_read else None)
        return self._look_up(_Request(step, fields, plan, cache, key, content))

    # -- looking up -------------------------------------------------------------------------------------------------

    def _look_up(self, request: _Request) -> Seen:
        kept = self._find(request)
        if kept is None:
            if reuse.wants_only_a_copy(request.values):
                return Seen(504, (), b"", self.asked, Outcome.ONLY_IF_CACHED)
            return self._fetch(request, None)
        terms, purged = kept.stored.terms, kept.stored.purged
        match reuse.decide(request.values, terms, purged, request.now, request.cache.policy):
            case Use.FRESH:
                return self._reply(request, kept, Outcome.HIT)
            case Use.STALE:
                given = self._reply(request, kept, Outcome.STALE)
                self._fetch(request, kept, is_for_all=True)
                return given
            case Use.VALIDATE:
                return self._fetch(request, kept)
            case Use.UNAVAILABLE:
                return Seen(504, (), b"", self.asked, Outcome.ONLY_IF_CACHED)

    def _find(self, request: _Request) -> Kept | None:
        """RFC 9111 §4: of several that match, the most recent."""
        found = [
            each
            for each in self.kept
            if each.key.primary == request.key.primary
            and vary.matches(each.stored.selecting, request.values, request.cache.policy)
        ]
        return max(found, key=lambda each: each.stored.terms.born, default=None)

    # -- fetching ---------------------------------------------------------------------------------------------------

    def _fetch(self, request: _Request, stale: Kept | None, *, is_for_all: bool = False) -> Seen:
        """`is_for_all`: nobody waits for it."""
        fetched = self._ask(request, stale, is_for_all=is_for_all)
        if fetched.head is None:
            stood_in = self._stand_in(request, stale)
            return stood_in or Seen(502, (), b"", self.asked, Outcome.UNCACHEABLE)
        head = fetched.head
        if head.status == 304 and stale is not None:
            return self._on_not_modified(request, stale, fetched)
        if head.status == 304:
            return Seen(502, (), b"", self.asked, Outcome.UNCACHEABLE)
        if head.status >= _BROKEN and (given := self._stand_in(request, stale)) is not None:
            return given
        if not fetched.is_whole:
            return Seen(head.status, (), fetched.body, self.asked, is_whole=False)
        if request.plan.method == "HEAD" and stale is not None:
            self._on_head(request, stale, fetched)
        return self._judge(request, fetched)

    def _ask(self, request: _Request, stale: Kept | None, *, is_for_all: bool) -> _Fetched:
        peer = Peer("127.0.0.1", Scheme.HTTP, TrustedProxies(()))
        plan, cache, fields = request.plan, request.cache, request.fields
        asks = request_of(plan, cache, fields, peer, 1, request.content, is_for_all=is_for_all)
        request.asked_as = asks.values
        conditions = b"" if stale is None else validation.condition_lines(stale.stored)
        return self._send(request.step, request.plan, request.plan.start + conditions + asks.lines, asks.body)

    def _send(self, step: Step, plan: Pass, head: bytes, content: bytes) -> _Fetched:
        """Ask the origin. `head` is without its empty line."""
        requested = step.now
        answer = step.answer_to(head, content)
        self.asked.append(Asked(head, content, answer))
        if answer is None:
            return _Fetched(None, b"", b"", requested, requested)
        received = requested + answer.after
        try:
            read = self._reader.read(answer.head(is_framed=plan.method != "HEAD" or bool(answer.body))[:-2], plan.asked)
        except BadResponse:
            return _Fetched(None, b"", b"", requested, received)
        lines = read.octets.partition(b"\r\n")[2]
        body = b"" if plan.method == "HEAD" or read.status in (204, 304) else answer.body
        return _Fetched(read, lines, body, requested, received, not answer.breaks_off)

    def _on_not_modified(self, request: _Request, stale: Kept, fetched: _Fetched) -> Seen:
        policy, has_query = request.cache.policy, "?" in request.plan.target
        refreshed = validation.refreshed(
            stale.stored,
            fetched.lines,
            policy,
            request.asked_as,
            fetched.requested,
            fetched.received,
            has_query=has_query,
        )
        if refreshed is None:
            self.kept.remove(stale)
            return self._fetch(request, None)
        stale.stored = refreshed
        return self._reply(request, stale, Outcome.REVALIDATED)

    def _on_head(self, request: _Request, stale: Kept, fetched: _Fetched) -> None:
        assert fetched.head is not None
        stale.stored = validation.after_head(
            stale.stored,
            fetched.head.status,
            fetched.lines,
            request.cache.policy,
            request.asked_as,
            fetched.requested,
            fetched.received,
            has_query="?" in request.plan.target,
        )

    def _stand_in(self, request: _Request, stale: Kept | None) -> Seen | None:
        if stale is None:
            return None
        terms, purged = stale.stored.terms, stale.stored.purged
        if not reuse.may_stand_in(request.values, terms, purged, request.now, request.cache.policy):
            return None
        return self._reply(request, stale, Outcome.STALE_IF_ERROR)

    def _judge(self, request: _Request, fetched: _Fetched) -> Seen:
        head, cache = fetched.head, request.cache
        assert head is not None
        verdict = storing.judge(
            request.plan.method,
            request.asked_as,
            head.status,
            fetched.lines,
            cache.policy,
            fetched.requested,
            fetched.received,
            body_is_in_key=cache.needs_body,
            has_query="?" in request.plan.target,
        )
        if isinstance(verdict, NotStored):
            return self._passed_on(request.plan, head, fetched.body, Outcome.UNCACHEABLE, verdict)
        stored = copy_of(
            head.status, fetched.lines, verdict, request.asked_as, cache.policy, cache.tags, fetched.received
        )
        stored = replace(stored, size=len(fetched.body), digest=digest_of(fetched.body))
        kept = Kept(request.key, stored, fetched.body)
        self.kept = [each for each in self.kept if not _is_same_variant(each, kept)] + [kept]
        return self._reply(request, kept, Outcome.MISS)

    # -- answering --------------------------------------------------------------------------------------------------

    def _reply(self, request: _Request, kept: Kept, outcome: Outcome) -> Seen:
        plan, now = request.plan, request.now
        reply = replies.reply(plan.method, request.values, kept.stored, now)
        told = told_lines(kept.stored, outcome, now, says_age=says_age(plan))
        parts = [part if isinstance(part, bytes) else _cut(kept.body, part) for part in reply.parts]
        return Seen(reply.status, _fields(head_of(reply, plan) + told), b"".join(parts), self.asked, outcome)

    def _past(
        self,
        step: Step,
        plan: Pass,
        fields: RequestFields,
        content: bytes,
        outcome: Outcome | None,
        why: NotStored | None,
    ) -> Seen:
        """The request and its answer go on as they are. An unsafe one ends what it may have changed."""
        lines = fields.lines_without_credentials if plan.to_content else fields.lines
        if plan.edit is not None:
            lines = plan.edit.apply(lines)
        fetched = self._send(step, plan, plan.start + lines, content)
        if fetched.head is None:
            return Seen(502, (), b"", self.asked, outcome)
        if plan.is_unsafe:
            self._invalidate(plan, fetched.head, fetched.lines)
        return self._passed_on(plan, fetched.head, fetched.body, outcome, why)

    def _invalidate(self, plan: Pass, head: ResponseHead, lines: bytes) -> None:
        host, where = plan.asked_for.host, plan.asked_for.path
        found = invalidation.targets(plan.method, head.status, host, where, values_of(lines))
        paths = {path_digest(host, path) for host, path, _ in found}
        self.kept = [each for each in self.kept if each.key.path not in paths]

    def _passed_on(
        self, plan: Pass, head: ResponseHead, body: bytes, outcome: Outcome | None, why: NotStored | None
    ) -> Seen:
        octets = head.octets if plan.answer_edit is None else plan.answer_edit.apply(head.octets)
        if outcome is not None:
            octets = b"".join(line for line in octets.splitlines(True) if not line.lower().startswith(b"surrogate-"))
            octets += cache_status.line(outcome, not_stored=why)
        octets += b"".join(line + b"\r\n" for line in connection_lines(True, 1))
        return Seen(head.status, _fields(octets), body, self.asked, outcome, why)


def _is_same_variant(one: Kept, other: Kept) -> bool:
    return one.key.primary == other.key.primary and one.stored.selecting == other.stored.selecting


def _cut(body: bytes, span: Span) -> bytes:
    return body[span.offset : span.offset + span.length]


def _fields(head: bytes) -> list[tuple[str, str]]:
    """A head's field lines, without its status line."""
    lines = head.decode("latin-1").split("\r\n")[1:]
    return [(name, value.strip(" \t")) for name, _, value in (line.partition(":") for line in lines if line)]
