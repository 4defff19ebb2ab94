"""Where a redirect leads whoever follows it, on one side: whom to ask next, or where it ends. Pure.

Laws of this module:
- each hop is decided as the edge decides of a client's request; a cutover leads to the arm of the side that is
  followed, and on the new side a rule whose own shadow asks that backend leads there;
- nothing is kept and nobody stands in: what a cache or a fallback would hide is what a comparison is to find;
- only what is safe is asked, no URL that holds a secret, and nobody but the backends of the rules;
- it ends after MOST_HOPS.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final, assert_never

from edgeproxy.http.redirection import REDIRECTS, method_after, port_of, resolve, visible
from edgeproxy.migration.copies import holds_secret
from edgeproxy.migration.specimen import Astray, Ending, Part
from edgeproxy.proxy.plan import Answer, ByArm, Pass, PurgeCall, ServeFile, plan_routing
from edgeproxy.proxy.shadow.shadow_plan import LONGEST_URL
from edgeproxy.ruleset.arms import Cutover, Side
from edgeproxy.ruleset.follow import own_ports, url_of
from edgeproxy.ruleset.matching import Facts
from edgeproxy.ruleset.model import Forward, Rule, Ruleset, UnknownHost

MOST_HOPS: Final = 20  # as browsers; what takes more is broken for them
_LOCATION: Final = re.compile(rb"(?im)^location: *([^\r\n ][^\r\n]*)")
_HEAD: Final = "HEAD"


@dataclass(frozen=True, slots=True)
class Redirected:
    """An answer that redirects, as its client gets it."""

    status: int
    location: str


def redirected(status: int, lines: bytes, plan: Pass) -> Redirected | None:
    """What a backend's answer, asked by this plan, makes a client do; None: it stays there."""
    edit = plan.answer_edit
    return _redirected(status, lines if edit is None else edit.apply(lines))


class Trail:
    """`own`: the backend whose answer is followed, which is the new side's, or not. `facts`: the client's, without the
    query.
    """

    __slots__ = ("_asked", "_facts", "_hops", "_method", "_own", "_ports", "_ruleset", "_seen", "_side")

    def __init__(self, ruleset: Ruleset, plan: Pass, side: Side, facts: Facts) -> None:
        self._ruleset = ruleset
        self._own = plan.backend.name
        self._side = side
        self._facts = facts
        self._asked, self._method = plan.asked_for, plan.method
        self._ports = own_ports(ruleset) | {port_of(plan.asked_for)}
        self._seen = {(self._method, url_of(self._asked))}
        self._hops = 0

    def next(self, answer: Redirected) -> Pass | Ending | None:
        """What is asked next; None: the rest is not followed, for it is not safe, or may be one client's own."""
        while True:
            following = resolve(self._asked, answer.location)
            if following is None:
                return Ending(visible(answer.location), Astray.ELSEWHERE)
            url, method = url_of(following), method_after(answer.status, self._method)
            if len(url) > LONGEST_URL or holds_secret(url):
                return None
            if (method, url) in self._seen:
                return Ending(url, Astray.LOOP)
            if self._hops >= MOST_HOPS:
                return Ending(url, Astray.TOO_MANY)
            self._hops += 1
            self._seen.add((method, url))
            self._asked, self._method = following, method
            led = self._led(url)
            if not isinstance(led, Redirected):
                return led
            answer = led

    def _led(self, url: str) -> Pass | Ending | Redirected | None:
        """By the rules."""
        asked, method = self._asked, self._method
        if port_of(asked) not in self._ports:
            return Ending(url, Astray.ELSEWHERE)
        facts = replace(self._facts, query=asked.query)
        routing = self._ruleset.route(method, asked.scheme, asked.host, asked.path, facts)
        if isinstance(routing, UnknownHost):
            return Ending(url, Astray.ELSEWHERE)
        rule, plan = plan_routing(routing, method, asked, takes_purges=False)
        match plan:
            case Answer(status=status, head=head, body=body):
                lines = head.partition(b"\r\n")[2] + b"\r\n"
                answer = _redirected(status, lines)
                return answer or Ending(url, Part(status, lines, b"" if method == _HEAD else body))
            case ByArm():
                assert rule is not None, "a rule has arms"
                return self._of_backend(plan.arms[self._arm(rule, plan)], url)
            case Pass() | ServeFile():
                return self._of_backend(plan, url)
            case PurgeCall():
                return None
            case _:
                assert_never(plan)

    def _arm(self, rule: Rule, plan: ByArm) -> str:
        to = rule.action.to if isinstance(rule.action, Forward) else None
        if isinstance(to, Cutover):
            return to.backend(self._side).name
        return self._own if self._own in plan.arms else plan.split.arms[0].backend.name

    def _of_backend(self, plan: Pass | ServeFile, url: str) -> Pass | Ending | None:
        if isinstance(plan, ServeFile):
            return Ending(url, Astray.FILES)
        shadow = plan.shadow
        if self._side is Side.NEW and shadow is not None and shadow.plan.backend.name == self._own:
            plan = shadow.plan
        if not plan.is_safe:
            return None
        return replace(plan, arm=None, cache=None, fallback=None, shadow=None, upgrade=frozenset())


def _redirected(status: int, lines: bytes) -> Redirected | None:
    found = _LOCATION.search(lines) if status in REDIRECTS else None
    return None if found is None else Redirected(status, found[1].decode("latin-1"))
