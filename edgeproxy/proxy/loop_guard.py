"""The loop guard: a backend's redirect that leads back to the same exchange is not passed on.

Law: only a redirect costs anything. What the walk is and where it ends is said in `edgeproxy.ruleset.follow`; here it
is given the facts of an exchange, and its loops are counted and told of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from edgeproxy.http.redirection import REDIRECTS
from edgeproxy.http.response import ResponseHead
from edgeproxy.http.xmlrpc_call import is_call
from edgeproxy.migration.pins import pin_of, side_by
from edgeproxy.migration.place import arm_at, place_of, sticky_key
from edgeproxy.proxy.clock import Clock
from edgeproxy.proxy.notices import LoopNotices
from edgeproxy.proxy.plan import Answer, Pass, say
from edgeproxy.ruleset.arms import Cutover, Split
from edgeproxy.ruleset.follow import Redirection, follow
from edgeproxy.ruleset.matching import Facts
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.origins import Backend
from edgeproxy.ruleset.problems import Hop
from edgeproxy.telemetry.counters import Counters

_LOCATION: Final = re.compile(rb"(?im)^location: *([^\r\n ][^\r\n]*)")  # one that is empty leads nobody anywhere
_SET_COOKIE: Final = re.compile(rb"(?im)^set-cookie:")
_SHOWN_HOPS: Final = 6
_SHOWN_URL: Final = 200  # characters


class LoopGuard:
    """One worker's, under one ruleset."""

    __slots__ = ("_clock", "_counters", "_moved", "_notices", "_places", "_ruleset")

    def __init__(self, ruleset: Ruleset, clock: Clock, counters: Counters, moved: Mapping[str, Split]) -> None:
        """`moved`: cutovers that are started, as the splits that they are at any moment."""
        self._moved = moved
        self._ruleset = ruleset
        self._clock = clock
        self._counters = counters
        self._notices = LoopNotices(clock)
        self._places = {rule.name: rule.place for rule in ruleset.rules}

    def loop(self, plan: Pass, values: Mapping[str, str], client: str, head: ResponseHead) -> tuple[Hop, ...] | None:
        """The hops of the loop that an answer leads into, as it would go to the client; `values` are the request's
        fields, names in lower case.
        """
        found = _LOCATION.search(head.octets) if head.status in REDIRECTS else None
        if found is None or len(found[1]) > self._ruleset.limits.target:  # a request for it would be refused
            return None
        first = Redirection(
            f"backend {plan.backend.name} (rule {plan.rule})",
            self._places[plan.rule],
            head.status,
            found[1].decode("latin-1"),
            sets_cookie=_SET_COOKIE.search(head.octets) is not None,
        )
        facts = Facts(headers=values, client=client, now=self._clock.wall())

        def arm_of(to: Split | Cutover) -> Backend:
            if isinstance(to, Cutover):
                side, pin = plan.forced, pin_of(to.pins, facts)  # a client that is forced says so again
                if side is None and pin is not None:
                    side = side_by(pin, is_started=to.name in self._moved)
                if side is not None:
                    return to.backend(side)
            split = self._moved.get(to.name) or (to.resting if isinstance(to, Cutover) else to)
            return arm_at(split, place_of(sticky_key(split.sticky, values, client), split.name)).backend

        hops = follow(self._ruleset, plan.method, plan.asked_for, facts, first, arm_of)
        if hops is not None and len(hops) > 1 and is_call(plan.method.encode(), values):
            return None  # the body is gone, and which rules take a call may depend on it
        return hops

    def refuse(self, plan: Pass, hops: Sequence[Hop]) -> Answer:
        """Count a loop and tell of it; what its client gets."""
        self._counters.loops[plan.rule] += 1
        self._notices.on_loop(plan.rule, " -> ".join(shown(hops)))
        return looped(hops)

    def close(self) -> None:
        self._notices.close()


def looped(hops: Sequence[Hop]) -> Answer:
    """RFC 5842 §7.2."""
    return say(508, "\n  ".join(["The redirect of a backend leads back here, and would do so for ever:", *shown(hops)]))


def shown(hops: Sequence[Hop]) -> list[str]:
    """A loop's hops for people: what was asked, then each redirect with who gives it."""
    first, *_ = hops
    lines = [f"{first.method} {_without_query(first.url)}"]
    lines += [f"{hop.status} {_without_query(hop.location)} by {hop.by}" for hop in hops[:_SHOWN_HOPS]]
    return [*lines, f"{len(hops) - _SHOWN_HOPS} more"] if len(hops) > _SHOWN_HOPS else lines


def _without_query(url: str) -> str:
    """It may hold secrets, and goes to standard error."""
    place, mark, _ = url.partition("#")[0].partition("?")
    if len(place) > _SHOWN_URL:
        place = f"{place[:_SHOWN_URL]}..."
    return f"{place}?..." if mark else place
