"""What a client that follows redirects gets next, hop by hop: by the plans and the following of the edge itself.

Laws of this module:
- a redirect of a rule is sure; one that a backend declares is told as one that it may give, and followed as if it did;
- the walk ends where somebody answers, where it leaves the hosts of the ruleset, or where it comes back.
"""

from __future__ import annotations

from edgeproxy.cli.explaining.asking import arms_of, may_redirect
from edgeproxy.cli.explaining.explanation import Hop
from edgeproxy.cli.explaining.request import Request
from edgeproxy.http.redirection import REDIRECTS, method_after, resolve
from edgeproxy.http.target import BadTarget
from edgeproxy.proxy.plan import Answer, plan_request
from edgeproxy.ruleset.arms import Cutover, Split, backends_of
from edgeproxy.ruleset.follow import MOST_HOPS
from edgeproxy.ruleset.model import Forward, Routed, Ruleset, describe_action
from edgeproxy.ruleset.origins import Backend

Walk = tuple[tuple[Hop, ...], str]


def walk_from(ruleset: Ruleset, request: Request) -> Walk:
    """The hops, and how it ends."""
    hops: list[Hop] = []
    seen: dict[tuple[str, str], int] = {}
    names = {name for host in ruleset.hosts for name in host.names}
    while True:
        known = seen.get((request.method, request.url))
        if known is not None:
            return tuple(hops), f"it comes back to hop {known}: a loop"
        if len(hops) > MOST_HOPS:
            return tuple(hops), f"clients give up after {MOST_HOPS} redirects"
        seen[request.method, request.url] = len(hops) + 1
        hop = _hop(ruleset, request)
        hops.append(hop)
        if hop.location is None or hop.status is None:
            return tuple(hops), hop.does if len(hops) > 1 else ""
        if not hop.is_sure and "{" in hop.location:
            return tuple(hops), "where it leads only the backend knows"
        target = resolve(request.target, hop.location)
        if target is None:
            return tuple(hops), "it leads to no URL that this edge would take"
        if target.host not in names:
            return tuple(hops), f"it leaves for {target.host}, which is no host of these rules"
        request = request.following(method_after(hop.status, request.method), target)


def _hop(ruleset: Ruleset, request: Request) -> Hop:
    target, asked = request.target, f"{request.method} {request.url}"
    routing = ruleset.route(request.method, target.scheme, target.host, target.path, request.facts)
    try:
        _, plan = plan_request(ruleset, request.method, target, request.facts)
    except BadTarget as error:
        return Hop(asked, None, None, f"400: {error}", 400, None, is_sure=True)
    rule = routing.rule if isinstance(routing, Routed) else None
    name, place = (None, None) if rule is None else (rule.name, rule.place)
    if isinstance(plan, Answer):
        where_to = location_of(plan.head)
        if plan.status in REDIRECTS and where_to is not None:
            return Hop(asked, name, place, f"{plan.status} to {where_to}", plan.status, where_to, is_sure=True)
        return Hop(asked, name, place, f"the edge answers {plan.status}", plan.status, None, is_sure=True)
    assert isinstance(routing, Routed)
    action = routing.rule.action
    does = describe_action(action)
    if isinstance(action, Forward):
        backend = _asked_backend(action, request)
        does = f"{does}: {backend.name} answers" if backend.name not in does.split() else f"{backend.name} answers"
        for each in may_redirect(backend, routing.rule, request, routing.captures):
            told = f"{backend.name} may redirect: {each.status} to {each.location}"
            return Hop(asked, name, each.place, told, each.status, each.location, is_sure=False)
    return Hop(asked, name, place, does, None, None, is_sure=True)


def _asked_backend(action: Forward, request: Request) -> Backend:
    to = action.to
    if not isinstance(to, Split | Cutover):
        return to
    name = arms_of(to, request).arm
    return next(backend for backend in backends_of(to) if backend.name == name)


def location_of(head: bytes) -> str | None:
    """The Location of a head that the edge has written."""
    for line in head.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(": ")
        if name.lower() == "location":
            return value
    return None
