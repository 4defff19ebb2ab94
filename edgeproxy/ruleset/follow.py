"""Where a backend's redirect leads by this ruleset: the proof of the checker, at run time and for one answer.

Laws of this module:
- a redirect is followed as its client would, for as long as it leads to a host of this ruleset and a rule, or a
  backend's declared redirect, leads on: whether it comes back to a request that was asked on the way;
- in doubt it comes back to nothing: a redirect that is kept back wrongly breaks a page, a loop that is missed is
  stopped by the client. A backend that is asked on the way ends it, unless its redirect is declared; so do a cookie
  that is set and a port that is not this edge's;
- the other hosts of a walk are not told what the client told the asked one to know it by (RFC 9110 §15.4).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, assert_never

from edgeproxy.http.fields import CREDENTIAL_NAMES
from edgeproxy.http.redirection import REDIRECTS, method_after, port_of, resolve, visible
from edgeproxy.http.target import PORTS, Scheme, Target
from edgeproxy.ruleset.arms import Cutover, Split
from edgeproxy.ruleset.leads import asked_path, declared_captures, kept_query, location
from edgeproxy.ruleset.listeners import InetAddress
from edgeproxy.ruleset.matching import Facts
from edgeproxy.ruleset.model import Files, Forward, Redirect, RedirectMap, Respond, Routed, Rule, Ruleset
from edgeproxy.ruleset.origins import Backend, HttpBackend
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Hop

MOST_HOPS: Final = 30  # that clients follow: browsers 20, requests 30, curl 50
_PORTS: Final = frozenset(map(str, PORTS.values()))

ArmOf = Callable[[Split | Cutover], Backend]  # the arm of the client who asks


@dataclass(frozen=True, slots=True)
class Redirection:
    """An answer that redirects, as it goes to the client, and who gave it. `location` has an octet each."""

    by: str  # as in Hop
    place: Place
    status: int
    location: str
    sets_cookie: bool = False  # so the next request is another one, to whatever URL


def url_of(target: Target) -> str:
    return f"{target.scheme}://{target.authority}{target.path}{'' if target.query is None else f'?{target.query}'}"


def follow(
    ruleset: Ruleset, method: str, asked: Target, facts: Facts, first: Redirection, arm_of: ArmOf
) -> tuple[Hop, ...] | None:
    """The hops of the loop that a redirect of `asked` leads into; None: it leads into none.

    `facts` are the client's for this exchange, but for the query, which each URL brings.
    """
    ports = own_ports(ruleset) | {port_of(asked)}  # it may be asked by others than it sees
    hops: list[Hop] = []
    seen = set()
    at, answer = asked, first
    while not answer.sets_cookie:
        seen.add(_identity(method, at))
        hops.append(Hop(method, url_of(at), answer.by, answer.status, visible(answer.location), answer.place))
        method, following = method_after(answer.status, method), resolve(at, answer.location)
        if following is None or port_of(following) not in ports:
            return None
        at = following
        if _identity(method, at) in seen or len(hops) > MOST_HOPS:
            return tuple(hops)
        here = replace(facts if at.host == asked.host else _abroad(facts), query=at.query)
        routing = ruleset.route(method, at.scheme, at.host, at.path, here)
        led = _redirection(routing, method, at, arm_of) if isinstance(routing, Routed) else None
        if led is None:
            return None
        answer = led
    return None


def _abroad(facts: Facts) -> Facts:
    return replace(facts, headers={name: facts.headers[name] for name in facts.headers.keys() - CREDENTIAL_NAMES})


def _identity(method: str, target: Target) -> tuple[str, Scheme, str, str, str | None]:
    return method, target.scheme, target.host, target.path, target.query


def own_ports(ruleset: Ruleset) -> frozenset[str]:
    """By which clients may come here, as far as the rule file tells: those of the schemes, and those it listens on."""
    listening = {str(each.address.port) for each in ruleset.listen if isinstance(each.address, InetAddress)}
    return _PORTS | listening


def _redirection(routed: Routed, method: str, at: Target, arm_of: ArmOf) -> Redirection | None:
    """What is known of the answer that a request would get, if it is a redirect."""
    rule, action = routed.rule, routed.rule.action
    match action:
        case Redirect(status=status) | RedirectMap(status=status):
            where_to = location(action, at.path, routed.captures, at.query, rule.modifiers.query)
            return _as_sent(rule, f"rule {rule.name}", status, (("location", where_to),))
        case Respond(status=status, headers=headers):
            return _as_sent(rule, f"rule {rule.name}", status, headers)
        case Forward(to=to):
            backend = arm_of(to) if isinstance(to, Split | Cutover) else to
            return _declared(backend, routed, method, at)
        case Files():
            return None
        case _:
            assert_never(action)


def _declared(backend: Backend, routed: Routed, method: str, at: Target) -> Redirection | None:
    """What the rule file says that a backend answers."""
    if not isinstance(backend, HttpBackend) or not backend.declares.redirects:
        return None
    rule = routed.rule
    path, query = asked_path(rule, at.path, routed.captures), kept_query(at.query, rule.modifiers.query)
    for each in backend.declares.redirects:
        captures = declared_captures(each, method, path, query)
        if captures is not None and each.unknown:  # it redirects, and only the backend knows where to
            return None
        if captures is not None:
            where_to = each.to.expand(captures)
            by = f"backend {backend.name} (rule {rule.name})"
            sent = _as_sent(rule, by, each.status, (("location", where_to),))
            return None if sent is None else replace(sent, place=each.place)
    return None


def _as_sent(rule: Rule, by: str, status: int, fields: tuple[tuple[str, str], ...]) -> Redirection | None:
    """A redirect with the fields that the rule's `answer_headers` make of it."""
    values: dict[str, str | None] = {}
    for name, value in fields:
        values.setdefault(name.lower(), value)
    values |= {name.lower(): value for name, value in rule.modifiers.rewrite.answer_headers}
    where_to = values.get("location")
    if status not in REDIRECTS or where_to is None:
        return None
    return Redirection(by, rule.place, status, where_to, sets_cookie=values.get("set-cookie") is not None)
