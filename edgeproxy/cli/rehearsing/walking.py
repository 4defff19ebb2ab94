"""One walk: what a client that follows redirects meets, decided as the edge decides, asked as the edge asks.

Laws of this module:
- pure: it yields what it wants to know, and is sent what was heard; the plans are the edge's own (`plan_request`), the
  next request is that of `resolve` and `method_after`, as in `edgeproxy.ruleset.follow`;
- nothing is kept: each hop asks the backend, as the first client after a purge of everything does;
- a redirect that leaves the hosts of the rules, or comes to another port, ends it: nobody is asked but backends;
- only what is declared safe is asked.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import assert_never

from edgeproxy.cli.explaining.request import Request
from edgeproxy.cli.explaining.walk import location_of
from edgeproxy.cli.rehearsing.walk import (
    Answered,
    Ask,
    Course,
    Ending,
    Failed,
    Fork,
    Heard,
    Leaves,
    Loop,
    NoFallback,
    Refused,
    Start,
    Step,
    TooManyHops,
    Undecided,
    Walk,
)
from edgeproxy.http.redirection import REDIRECTS, method_after, port_of, resolve, visible
from edgeproxy.http.target import BadTarget, Target
from edgeproxy.proxy.fallback import FallbackPlan
from edgeproxy.proxy.plan import Answer, ByArm, Pass, Plan, PurgeCall, ServeFile, plan_request
from edgeproxy.ruleset.arms import Cutover, Split
from edgeproxy.ruleset.follow import MOST_HOPS, own_ports, url_of
from edgeproxy.ruleset.listeners import InetAddress
from edgeproxy.ruleset.model import Forward, Routed, Rule, Ruleset, UnknownHost
from edgeproxy.ruleset.origins import HttpBackend
from edgeproxy.ruleset.safety import is_safe

Asking = Generator[Ask, Heard, Step | Ending]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was heard in the end, and from whom."""

    heard: Heard
    backend: str
    is_fallback: bool = False
    stood_in: str = ""


class Walking:
    """Walks under one ruleset."""

    def __init__(self, ruleset: Ruleset) -> None:
        self.ruleset = ruleset
        self._names = {name for host in ruleset.hosts for name in host.names}
        self._ports = own_ports(ruleset)
        self._backends = {
            (endpoint.address.host, str(endpoint.address.port)): backend.name
            for backend in ruleset.backends
            if isinstance(backend, HttpBackend)
            for endpoint in backend.endpoints
            if isinstance(endpoint.address, InetAddress)
        }

    def walk(self, start: Start, course: Course) -> Generator[Ask, Heard, Walk]:
        one = _One(self, course)
        ending = yield from one.go(start.request)
        return Walk(start, course, tuple(one.steps), ending, tuple(one.forks), tuple(one.guarded), one.pending)

    def leads_to(self, request: Request, location: str) -> Target | Leaves:
        """Where a Location leads a client."""
        target = resolve(request.target, location)
        if target is None:
            return Leaves(visible(location))
        port = port_of(target)
        if target.host not in self._names or port not in self._ports | {port_of(request.target)}:
            return Leaves(url_of(target), self._backends.get((target.host.strip("[]"), port)))
        return target


class _One:
    """One walk on its way."""

    def __init__(self, walking: Walking, course: Course) -> None:
        self._walking = walking
        self._ruleset = walking.ruleset
        self._course = course
        self.steps: list[Step] = []
        self.forks: list[Fork] = []
        self.guarded: list[str] = []
        self.pending: Step | None = None

    def go(self, request: Request) -> Generator[Ask, Heard, Ending]:
        seen: dict[tuple[str, str, str | None], int] = {}
        while True:
            identity = request.method, request.url, request.call
            if identity in seen:
                return Loop(seen[identity], any(step.sets_cookie for step in self.steps[seen[identity] - 1 :]))
            if len(self.steps) > MOST_HOPS:
                return TooManyHops()
            seen[identity] = len(self.steps) + 1
            step = yield from self._step(request)
            if not isinstance(step, Step):
                return step
            self.steps.append(step)
            self.pending = None
            if step.status not in REDIRECTS or step.location is None:
                return Answered(step.status, step.content_type, step.outcome)
            following = self._walking.leads_to(request, step.location)
            if isinstance(following, Leaves):
                return following
            request = request.following(method_after(step.status, request.method), following)

    def _step(self, request: Request) -> Asking:
        target = request.target
        routing = self._ruleset.route(request.method, target.scheme, target.host, target.path, request.facts)
        assert not isinstance(routing, UnknownHost), "a walk ends where it leaves the hosts"
        try:
            _, plan = plan_request(self._ruleset, request.method, target, request.facts)
        except BadTarget as error:
            return Undecided(f"the edge refuses it: {error}")
        rule = routing.rule if isinstance(routing, Routed) else None
        if rule is None:
            place = routing.host.place
            return _own(plan, Step(request, f"the edge, for no rule of {routing.host.name} takes it", None, place, 0))
        step = Step(request, f"rule {rule.name}", rule, rule.place, 0)
        self.pending = step
        if isinstance(plan, Answer):
            return _own(plan, step)
        if not is_safe(request.method, rule.modifiers.safety):
            return Refused(request.method)
        if request.method not in ("GET", "HEAD", "OPTIONS") and request.call is None and request.body is None:
            return Undecided(f"what a {request.method} says in its body is not known")
        return (yield from self._asked(rule, plan, step))

    def _asked(self, rule: Rule, plan: Plan, step: Step) -> Asking:
        name, own = self._arm(rule, plan)
        asked = yield from self._ask(own, name, step.request)
        if not isinstance(asked, _Asked):
            return asked
        heard = asked.heard
        kind = "fallback" if asked.is_fallback else "backend"
        by = f"{kind} {asked.backend} (rule {rule.name})" if isinstance(rule.action, Forward) else step.by
        found = replace(
            step,
            by=by,
            status=heard.status,
            location=heard.location,
            content_type=heard.content_type,
            cache_control=heard.cache_control,
            backend=asked.backend,
            sets_cookie=heard.sets_cookie,
            outcome=heard.outcome,
            stood_in=asked.stood_in,
        )
        if heard.failure is None:
            return _edited(found, rule)
        self.steps.append(_edited(found, rule))  # it began: nobody else is asked any more
        return Failed(asked.backend, heard.failure, asked.is_fallback)

    def _arm(self, rule: Rule, plan: Plan) -> tuple[str, Pass | ServeFile]:
        """Whom the client of this course asks."""
        match plan:
            case ByArm(split=split, arms=arms):
                name = dict(self._course.arms).get(split.name, split.arms[0].backend.name)
                self.forks.append(Fork(split.name, name, tuple(each for each in arms if each != name)))
                return name, arms[name]
            case Pass(backend=backend):
                return backend.name, plan
            case ServeFile():
                action = rule.action
                to = action.to if isinstance(action, Forward) else None
                return ("its files" if to is None or isinstance(to, Split | Cutover) else to.name), plan
            case Answer() | PurgeCall():
                raise AssertionError("the edge itself answers")
            case _:
                assert_never(plan)

    def _ask(self, plan: Pass | ServeFile, name: str, request: Request) -> Generator[Ask, Heard, _Asked | Ending]:
        """The backend; and, where it fails so, the one that stands in."""
        fallback = plan.fallback
        if fallback is not None:
            self.guarded.append(name)
        if name == self._course.down:
            if fallback is None:
                return NoFallback(name, None)
            return (yield from self._stand_in(fallback, f"{name} is taken to fail", request))
        heard = yield Ask(plan, name, request)
        if heard.unasked is not None:
            return Undecided(heard.unasked, is_bound=True)
        if heard.failure is not None and not heard.status:
            if fallback is None:
                return Failed(name, heard.failure)
            if fallback.reason(heard.failure) is None:
                return NoFallback(name, heard.failure, is_declared=True)
            return (yield from self._stand_in(fallback, f"{name} failed: {heard.failure}", request))
        if fallback is not None and heard.status in fallback.statuses:
            return (yield from self._stand_in(fallback, f"{name} answered {heard.status}", request))
        return _Asked(heard, name)

    def _stand_in(self, fallback: FallbackPlan, why: str, request: Request) -> Generator[Ask, Heard, _Asked | Ending]:
        if fallback.backend == self._course.down:
            return NoFallback(fallback.backend, None)
        heard = yield Ask(fallback.plan, fallback.backend, request)
        if heard.unasked is not None:
            return Undecided(heard.unasked, is_bound=True)
        if heard.failure is not None and not heard.status:
            return Failed(fallback.backend, heard.failure, is_fallback=True)
        return _Asked(heard, fallback.backend, is_fallback=True, stood_in=why)


def _own(plan: Plan, step: Step) -> Step | Undecided:
    """An answer of the edge's own."""
    if not isinstance(plan, Answer):
        return Undecided("no rule takes it")
    return replace(
        step,
        status=plan.status,
        location=location_of(plan.head),
        content_type=_field(plan.head, "content-type"),
        cache_control=_field(plan.head, "cache-control"),
    )


def _edited(step: Step, rule: Rule) -> Step:
    """With the fields that the rule sets, or takes away, in an answer's head."""
    edits = {name.lower(): value for name, value in rule.modifiers.rewrite.answer_headers}
    return replace(
        step,
        location=edits.get("location", step.location),
        content_type=edits.get("content-type", step.content_type),
        cache_control=edits.get("cache-control", step.cache_control),
    )


def _field(head: bytes, wanted: str) -> str | None:
    for line in head.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(": ")
        if name.lower() == wanted:
            return value
    return None
