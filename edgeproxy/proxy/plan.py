"""From a request line and a Host to what will be done: pure, and remembered.

A plan holds everything that does not depend on the client, made ready to send. The same line and Host always have
the same plan under one ruleset, so the planner remembers it: a client's second request costs one look-up. Where rules
ask for more, the line and Host have ByFacts, and this and the rule that is chosen have the plan; both are remembered.
What no rule takes is not remembered, so that a flood of it drives nothing out.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar, assert_never

from edgeproxy.http.edits import FieldEdit, field_edit
from edgeproxy.http.head_buffer import refuse_hopeless
from edgeproxy.http.request import METHODS, RequestLine, read_request_line
from edgeproxy.http.response import ORDINARY, Asked
from edgeproxy.http.target import SERVER_WIDE, BadTarget, Scheme, Target, parse_target
from edgeproxy.migration.place import arm_at, place_of, sticky_key
from edgeproxy.proxy.cache.cache_plan import CachePlan
from edgeproxy.ruleset.arms import Cutover, Split
from edgeproxy.ruleset.candidates import Candidates
from edgeproxy.ruleset.leads import asked_path, kept_query, location, with_query
from edgeproxy.ruleset.limits import Limits
from edgeproxy.ruleset.matching import NO_FACTS, Facts
from edgeproxy.ruleset.model import (
    Files,
    Forward,
    NoRule,
    Redirect,
    RedirectMap,
    Respond,
    Routed,
    Routing,
    Rule,
    Ruleset,
    UnknownHost,
    WrongMethod,
)
from edgeproxy.ruleset.modifiers import RuleLimits
from edgeproxy.ruleset.origins import Backend, DirectoryBackend, HostKind, HttpBackend
from edgeproxy.ruleset.safety import is_safe

if TYPE_CHECKING:
    from edgeproxy.proxy.cache.giving import Known

K = TypeVar("K")
P = TypeVar("P")
_REMEMBERED_CANDIDATES = 64  # for one line; more of them are found anew
_CANDIDATES_OF_A_PLAN = 4  # in the mean of all that are remembered: 64 for each were 160 MB (8192 lines)
_REMEMBERED = 512  # octets of target and host; longer ones are planned anew: the memory is bounded in octets, too
NOSNIFF = b"X-Content-Type-Options: nosniff"  # a content host's bytes are what they say they are


@dataclass(frozen=True, slots=True)
class Pass:
    """Ask a backend. `to_content`: the request is for a content host, so no credential goes there, no cookie back."""

    rule: str
    backend: HttpBackend
    method: str
    asked_for: Target  # by the client
    target: str  # what the backend is asked for
    to_content: bool
    start: bytes  # the request line and the Host field, ready to send
    asked: Asked  # what the request makes of its answer
    is_safe: bool  # it may be sent again
    time: float | None = None  # seconds, the rule's limit; None: the backend's
    upgrade: frozenset[str] = frozenset()
    edit: FieldEdit | None = None  # of the request's fields
    answer_edit: FieldEdit | None = None  # of the answer's
    is_plain: bool = True  # neither an edit nor a content host: fields go both ways as they are
    cache: CachePlan | None = None  # where answers are kept

    is_own: ClassVar[bool] = False  # the edge is no origin of the answer

    @property
    def is_unsafe(self) -> bool:
        """By the method's own word (RFC 9110 §9.2.1), or the rule's: it may change what the backend answers."""
        return not self.is_safe

    @property
    def host(self) -> str:
        """The Host field that the backend gets."""
        return self.start.split(b"\r\n")[1].partition(b": ")[2].decode()


@dataclass(frozen=True, slots=True)
class ServeFile:
    """Answer from a directory. `path` is a normalised URL path."""

    rule: str
    method: str
    directory: Path
    path: str
    to_content: bool
    answer_edit: FieldEdit | None = None
    cache: CachePlan | None = None  # where small files are kept, and what is told of how long they may be
    is_own: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class ByArm:
    """The client's place decides; one plan for each arm, by backend name."""

    rule: str
    split: Split
    arms: Mapping[str, Pass | ServeFile]


@dataclass(frozen=True, slots=True)
class Answer:
    """The edge answers itself. `head` is the status line and field lines; Date, Connection and the empty line are
    still to come. `rule` is None where no rule took the request.
    """

    rule: str | None
    status: int
    head: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class PurgeCall:
    """Purge what is kept of the target, if the client may (`cache.purge_token`)."""

    target: Target
    rule: None = None


Plan = Pass | ServeFile | ByArm | PurgeCall | Answer


def reason_phrase(status: int) -> str:
    """The registered reason phrase, or nothing (RFC 9112 §4 allows an empty one)."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def answer(status: int, fields: tuple[tuple[str, str], ...], body: bytes, rule: str | None = None) -> Answer:
    """An answer of the edge's own. Fields are checked by whoever wrote them into a rule: no CR, no LF."""
    lines = [f"HTTP/1.1 {status} {reason_phrase(status)}", "Server: edgeproxy"]
    lines += [f"{name}: {value}" for name, value in fields]
    if status not in (204, 304):
        lines.append(f"Content-Length: {len(body)}")
    return Answer(rule, status, "\r\n".join(lines).encode("latin-1"), body)


def say(status: int, message: str, *fields: tuple[str, str]) -> Answer:
    """A short text from the edge itself: what is wrong, for the human at the other end."""
    return answer(status, (("Content-Type", "text/plain; charset=utf-8"), *fields), f"{message}\n".encode())


def edited(plain: Answer, edit: FieldEdit | None) -> Answer:
    """An answer with the fields that a rule sets, and without those that it takes away."""
    return plain if edit is None else replace(plain, head=edit.apply(plain.head + b"\r\n")[:-2])


ALLOWED = ", ".join(sorted(method.decode() for method in METHODS - {b"TRACE"}))
SERVER_OPTIONS = answer(204, (("Allow", ALLOWED),), b"")  # OPTIONS *: of the edge itself (RFC 9110 §9.3.7)
_NO_LIMITS = RuleLimits()
_ASKED = {
    (False, False): ORDINARY,
    (False, True): Asked(drop_cookies=True),
    (True, False): Asked(to_head=True),
    (True, True): Asked(to_head=True, drop_cookies=True),
}


def plan_request(ruleset: Ruleset, method: str, target: Target, facts: Facts = NO_FACTS) -> tuple[Rule | None, Plan]:
    """What the ruleset does with a request, and by which rule. The query is the target's. Raises BadTarget."""
    routing = ruleset.route(method, target.scheme, target.host, target.path, replace(facts, query=target.query))
    return _plan_routing(routing, method, target, takes_purges=ruleset.takes_purges)


def _plan_routing(routing: Routing, method: str, target: Target, *, takes_purges: bool) -> tuple[Rule | None, Plan]:
    if isinstance(routing, UnknownHost):
        return None, say(421, f"This edge does not answer for the host {target.host}.")
    if method == "PURGE" and takes_purges:
        return None, PurgeCall(target)
    if target.path == SERVER_WIDE:
        if method != "OPTIONS":
            raise BadTarget("the target '*' is for OPTIONS only")
        return None, SERVER_OPTIONS
    if method == "TRACE":  # it would hand the client's secrets, and the edge's fields, to a script (RFC 9110 §9.3.8)
        return None, say(405, "This edge does not take TRACE.", ("Allow", ALLOWED))
    match routing:
        case Routed():
            return routing.rule, _plan_action(routing, method, target)
        case NoRule():
            return None, say(404, "No rule of this edge matches the path.")
        case WrongMethod(allow=allow):
            return None, say(405, "No rule of this edge takes this method here.", ("Allow", ", ".join(allow)))
        case _:
            assert_never(routing)


def choose_arm(plan: ByArm, values: Mapping[str, str], address: str) -> tuple[str, Pass | ServeFile]:
    """A client's arm, by the first rung of the sticky ladder that its request has: the backend's name, and its plan."""
    key = sticky_key(plan.split.sticky, values, address)
    name = arm_at(plan.split, place_of(key, plan.split.name)).backend.name
    return name, plan.arms[name]


def _plan_action(routed: Routed, method: str, target: Target) -> Plan:
    rule, action = routed.rule, routed.rule.action
    to_content = routed.host.kind is HostKind.CONTENT
    match action:
        case Forward(to=to):
            return _plan_forward(to, routed, method, target)
        case Redirect(status=status, lifetime=lifetime) | RedirectMap(status=status, lifetime=lifetime):
            where_to = location(action, target.path, routed.captures, target.query, rule.modifiers.query)
            held = () if lifetime is None else (("Cache-Control", f"max-age={int(lifetime)}"),)
            return edited(answer(status, (("Location", where_to), *held), b"", rule.name), _answer_edit(rule))
        case Respond(status=status, headers=headers, body=body):
            return edited(answer(status, headers, body, rule.name), _answer_edit(rule))
        case Files(directory=directory, path=path):
            where = target.path if path is None else path.expand(routed.captures)
            cache = _cache_plan(routed, method, target, where, f"files {directory}")  # no backend has such a name
            return ServeFile(rule.name, method, directory, where, to_content, _answer_edit(rule), cache)
        case _:
            assert_never(action)


def _plan_forward(to: Backend | Split | Cutover, routed: Routed, method: str, target: Target) -> Plan:
    if isinstance(to, Cutover):
        to = to.resting
    if isinstance(to, Split):
        arms = {arm.backend.name: _to_backend(arm.backend, routed, method, target) for arm in to.arms}
        return ByArm(routed.rule.name, to, arms)
    return _to_backend(to, routed, method, target)


def _to_backend(backend: Backend, routed: Routed, method: str, target: Target) -> Pass | ServeFile:
    rule, rewrite = routed.rule, routed.rule.modifiers.rewrite
    to_content = routed.host.kind is HostKind.CONTENT
    path = asked_path(rule, target.path, routed.captures)
    match backend:
        case HttpBackend():
            asked = with_query(path, kept_query(target.query, rule.modifiers.query))
            host = backend.authority if rewrite.host is None else rewrite.host
            return Pass(
                rule.name,
                backend,
                method,
                target,
                asked,
                to_content,
                start=f"{method} {asked} HTTP/1.1\r\nHost: {host}\r\n".encode("ascii"),
                asked=_ASKED[method == "HEAD", to_content],
                is_safe=is_safe(method, rule.modifiers.safety),
                time=rule.modifiers.limits.time,
                upgrade=rule.modifiers.upgrade,
                edit=_edit_of(rewrite.headers),
                answer_edit=_answer_edit(rule),
                is_plain=not (to_content or rewrite.headers or rewrite.answer_headers),
                cache=_cache_plan(routed, method, target, asked, backend.name),
            )
        case DirectoryBackend(directory=directory):
            cache = _cache_plan(routed, method, target, path, backend.name)
            return ServeFile(rule.name, method, directory, path, to_content, _answer_edit(rule), cache)
        case _:
            assert_never(backend)


def _cache_plan(routed: Routed, method: str, target: Target, asked: str, backend: str) -> CachePlan | None:
    """`asked`: what the backend is asked for; the path of a file, which no query makes another."""
    policy = routed.rule.modifiers.cache
    if policy is None:
        return None
    tags = tuple(tag.expand(routed.captures) for tag in policy.tags)
    verify = None if policy.verify is None else (policy.verify[0], policy.verify[1].expand(routed.captures).lower())
    return CachePlan(policy, method, target, asked, backend, tags, verify)


_edit_of = lru_cache(1024)(field_edit)  # one for each rule, whatever the URLs


def _answer_edit(rule: Rule) -> FieldEdit | None:
    return _edit_of(rule.modifiers.rewrite.answer_headers)


@dataclass(frozen=True, slots=True)
class Planned:
    """A request line that was read, and the plan for it. `limits` is None where the rule has none."""

    line: RequestLine
    plan: Plan
    limits: RuleLimits | None

    def most(self, limits: Limits) -> int:
        """Octets that a body may have; `limits` are the edge's."""
        return limits.body if self.limits is None or self.limits.body is None else self.limits.body


@dataclass(frozen=True, slots=True)
class ByFacts:
    """A request line that was read, and of which more than it and the Host decides: Planner.choose makes the plan.

    `needs_call`: a rule asks for the method of an XML-RPC call.
    """

    line: RequestLine
    target: Target
    candidates: Candidates
    needs_call: bool
    key: tuple[bytes, str | None]  # of the line and the Host

    def most(self, limits: Limits) -> int:
        """Octets that a body may have: whoever is chosen says."""
        return sys.maxsize


class Planner:
    """Plans for requests that come by one scheme under one ruleset, and the memory of them."""

    __slots__ = ("_candidates", "_chosen", "_limits", "_plans", "_ruleset", "_scheme", "known")

    def __init__(self, ruleset: Ruleset, scheme: Scheme, limits: Limits) -> None:
        self._ruleset = ruleset
        self._scheme = scheme
        self._limits = limits
        self._plans: dict[tuple[bytes, str | None], Planned | ByFacts] = {}
        self._candidates = 0  # of all plans that are remembered, at most
        self._chosen: dict[tuple[tuple[bytes, str | None], int], Planned] = {}
        self.known: dict[bytes, Known] = {}  # whole requests, octet for octet, that a copy in memory answers

    def plan(self, line: bytes, host_field: str | None) -> Planned | ByFacts:
        """The plan for a request line and a Host field. Raises BadRequest, BadTarget."""
        return self._plans.get((line, host_field)) or self._plan_anew(line, host_field)

    def choose(self, by_facts: ByFacts, facts: Facts) -> Planned:
        """The plan of the rule that takes a request with these facts."""
        routing = by_facts.candidates.choose(facts)
        if not isinstance(routing, Routed):
            return self._planned(routing, by_facts.line, by_facts.target)[1]
        key = by_facts.key, routing.rule.index
        planned = self._chosen.get(key)
        if planned is None:
            _, planned = self._planned(routing, by_facts.line, by_facts.target)
            self._remember(self._chosen, key, planned, by_facts.key)
        return planned

    def learn(self, request: bytes, known: Known) -> None:
        """The same octets have the same answer, as long as the copy is there."""
        if len(request) <= self._limits.memo_octets:
            if len(self.known) >= self._limits.plans:
                self.known.clear()
            self.known[request] = known

    def drop_ended(self) -> None:
        """Forget the known requests whose copy is gone or past its time: nobody counts what such a copy holds."""
        over = [request for request, known in self.known.items() if known.is_over]
        for request in over:
            del self.known[request]

    def _plan_anew(self, octets: bytes, host_field: str | None) -> Planned | ByFacts:
        refuse_hopeless(octets)
        line = read_request_line(octets, self._limits.target)
        target = parse_target(line.target, host_field, self._scheme, is_options=line.method == b"OPTIONS")
        method, key = line.method.decode("ascii"), (octets, host_field)
        found = self._ruleset.candidates(method, target.scheme, target.host, target.path, target.query)
        if not found.is_settled:
            by_facts = ByFacts(line, target, found, found.needs_call, key)
            if found.size <= _REMEMBERED_CANDIDATES:
                self._candidates += found.size
                if self._candidates > _CANDIDATES_OF_A_PLAN * self._limits.plans:
                    self._plans.clear()
                    self._candidates = found.size
                self._remember(self._plans, key, by_facts, key)
            return by_facts
        rule, planned = self._planned(found.otherwise, line, target)
        if rule is not None:
            self._remember(self._plans, key, planned, key)
        return planned

    def _planned(self, routing: Routing, line: RequestLine, target: Target) -> tuple[Rule | None, Planned]:
        method, takes_purges = line.method.decode("ascii"), self._ruleset.takes_purges
        rule, plan = _plan_routing(routing, method, target, takes_purges=takes_purges)
        limits = None if rule is None or rule.modifiers.limits == _NO_LIMITS else rule.modifiers.limits
        return rule, Planned(line, plan, limits)

    def _remember(self, plans: dict[K, P], key: K, plan: P, of: tuple[bytes, str | None]) -> None:
        octets, host_field = of
        if len(octets) + len(host_field or "") <= _REMEMBERED:
            if len(plans) >= self._limits.plans:  # start over: simple, and a flood of new URLs needs no books
                plans.clear()
            plans[key] = plan
