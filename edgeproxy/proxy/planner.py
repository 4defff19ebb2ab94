"""Plans, remembered: the same line and Host always have the same plan under one ruleset, so a client's second request
costs one look-up. Where rules ask for more, the line and Host have ByFacts, and this and the rule that is chosen have
the plan; both are remembered. What no rule takes is not remembered, so that a flood of it drives nothing out.

So are whole requests, octet for octet, where nothing but their octets decides: `known`, of which a copy in memory is
the answer, and `repeats`, which are carried out without being read.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from edgeproxy.capture.rows import NO_KIND
from edgeproxy.http.head_buffer import refuse_hopeless
from edgeproxy.http.request import RequestFields, RequestLine, read_request_line
from edgeproxy.http.target import Scheme, Target, parse_target
from edgeproxy.proxy.plan import Plan, plan_routing
from edgeproxy.ruleset.candidates import Candidates
from edgeproxy.ruleset.limits import Limits
from edgeproxy.ruleset.matching import Facts
from edgeproxy.ruleset.model import Routed, Routing, Rule, Ruleset
from edgeproxy.ruleset.modifiers import RuleLimits

if TYPE_CHECKING:
    from edgeproxy.proxy.cache.giving import Known

K = TypeVar("K")
P = TypeVar("P")
_REMEMBERED_CANDIDATES = 64  # for one line; more of them are found anew
_CANDIDATES_OF_A_PLAN = 4  # in the mean of all that are remembered: 64 for each were 160 MB (8192 lines)
_REMEMBERED = 512  # octets of target and host; longer ones are planned anew: the memory is bounded in octets, too
_REPEATS = 1 << 22  # octets of whole requests that are remembered, with their fields; then it starts over
_OF_FIELD = 64  # octets; it holds more, yet what many requests share counts for each: 98 empty ones are 17 KiB
_NO_LIMITS = RuleLimits()


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


class Repeat:
    """A request that was read before, without a body, on a connection that is kept. `kind`: what it is for a capture,
    once it was captured.
    """

    __slots__ = ("fields", "kind", "planned")

    def __init__(self, planned: Planned, fields: RequestFields) -> None:
        self.planned = planned
        self.fields = fields
        self.kind = NO_KIND


class Planner:
    """Plans for requests that come by one scheme under one ruleset, and the memory of them."""

    __slots__ = (
        "_candidates", "_chosen", "_limits", "_plans", "_repeated", "_ruleset", "_scheme", "known", "repeats",
    )  # fmt: skip

    def __init__(self, ruleset: Ruleset, scheme: Scheme, limits: Limits) -> None:
        self._ruleset = ruleset
        self._scheme = scheme
        self._limits = limits
        self._plans: dict[tuple[bytes, str | None], Planned | ByFacts] = {}
        self._candidates = 0  # of all plans that are remembered, at most
        self._chosen: dict[tuple[tuple[bytes, str | None], int], Planned] = {}
        self.known: dict[bytes, Known] = {}  # whole requests that a copy in memory answers
        self.repeats: dict[bytes, Repeat] = {}  # whole requests that were read before
        self._repeated = 0  # octets of those

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

    def remember(self, request: bytes, planned: Planned, fields: RequestFields) -> None:
        """The same octets are the same request, and have the same plan. Not of what no rule takes."""
        if planned.plan.rule is not None and len(request) <= self._limits.memo_octets:
            if len(self.repeats) >= self._limits.plans or self._repeated >= _REPEATS:
                self.repeats.clear()
                self._repeated = 0
            self.repeats[request] = Repeat(planned, fields)
            self._repeated += len(request) + _OF_FIELD * len(fields.values)

    def forget_requests(self) -> None:
        self.known.clear()

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
        rule, plan = plan_routing(routing, method, target, takes_purges=takes_purges)
        limits = None if rule is None or rule.modifiers.limits == _NO_LIMITS else rule.modifiers.limits
        return rule, Planned(line, plan, limits)

    def _remember(self, plans: dict[K, P], key: K, plan: P, of: tuple[bytes, str | None]) -> None:
        octets, host_field = of
        if len(octets) + len(host_field or "") <= _REMEMBERED:
            if len(plans) >= self._limits.plans:  # start over: simple, and a flood of new URLs needs no books
                plans.clear()
            plans[key] = plan
