"""From a request and the ruleset to what will be done: pure.

A plan holds everything that does not depend on the client, made ready to send.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import ClassVar, assert_never

from edgeproxy.http.edits import FieldEdit, field_edit
from edgeproxy.http.request import METHODS
from edgeproxy.http.response import ORDINARY, Asked
from edgeproxy.http.target import SERVER_WIDE, BadTarget, Target
from edgeproxy.migration.pins import pin_of, side_by
from edgeproxy.migration.place import arm_at, place_of, sticky_key
from edgeproxy.proxy.cache.cache_plan import CachePlan
from edgeproxy.proxy.fallback import FallbackPlan, fallback_plan
from edgeproxy.proxy.shadow.shadow_plan import ShadowPlan, shadow_plan
from edgeproxy.proxy.tally import ArmOf
from edgeproxy.ruleset.arms import Cutover, Pin, Side, Split
from edgeproxy.ruleset.leads import asked_path, kept_query, location, with_query
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
from edgeproxy.ruleset.modifiers import Cache
from edgeproxy.ruleset.origins import Backend, DirectoryBackend, HostKind, HttpBackend
from edgeproxy.ruleset.safety import is_safe
from edgeproxy.telemetry.counters import Override

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
    is_plain: bool = True  # no edit, no content host, no fallback: fields go both ways as they are
    cache: CachePlan | None = None  # where answers are kept
    fallback: FallbackPlan | None = None
    arm: ArmOf | None = None  # of a cutover, if it is counted there
    is_overridden: bool = False  # it is on that arm by a pin, or by its client's word
    forced: Side | None = None  # onto this arm of every cutover, by its client's word
    shadow: ShadowPlan | None = None  # who else is asked, for comparison

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
    fallback: FallbackPlan | None = None

    is_own: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class ByArm:
    """The client's place decides, or a pin of the cutover; one plan for each arm, by backend name."""

    rule: str
    split: Split
    arms: Mapping[str, Pass | ServeFile]
    is_cutover: bool = False
    pinned: Pinned | None = None


@dataclass(frozen=True, slots=True)
class Pinned:
    """The plans of the arms for clients that are pinned to them: as the others', but not counted."""

    pins: tuple[Pin, ...]
    arms: Mapping[Side, tuple[str, Pass | ServeFile]]


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
_ASKED = {
    (False, False): ORDINARY,
    (False, True): Asked(drop_cookies=True),
    (True, False): Asked(to_head=True),
    (True, True): Asked(to_head=True, drop_cookies=True),
}


def plan_request(ruleset: Ruleset, method: str, target: Target, facts: Facts = NO_FACTS) -> tuple[Rule | None, Plan]:
    """What the ruleset does with a request, and by which rule. The query is the target's. Raises BadTarget."""
    routing = ruleset.route(method, target.scheme, target.host, target.path, replace(facts, query=target.query))
    return plan_routing(routing, method, target, takes_purges=ruleset.takes_purges)


def plan_routing(routing: Routing, method: str, target: Target, *, takes_purges: bool) -> tuple[Rule | None, Plan]:
    """Likewise, of what the ruleset's routing came to."""
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


def choose_arm(
    plan: ByArm, moved: Mapping[str, Split], values: Mapping[str, str], address: str
) -> tuple[str, Pass | ServeFile, Override | None]:
    """A client's arm, by a pin or by the first rung of the sticky ladder that its request has: the backend's name, its
    plan, and whether it is the pin's. `moved`: cutovers that are started, as the splits that they are now.
    """
    split = moved.get(plan.split.name, plan.split)
    if plan.pinned is not None:
        pin = pin_of(plan.pinned.pins, Facts(headers=values, client=address))
        if pin is not None:
            side = side_by(pin, is_started=plan.split.name in moved)
            return (*plan.pinned.arms[side], Override.PIN)
    key = sticky_key(split.sticky, values, address)
    name = arm_at(split, place_of(key, split.name)).backend.name
    return name, plan.arms[name], None


def arm_tag(cutover: str) -> str:
    """Of all that is kept of what a cutover's new arm answered. No backend can say it: its tags have no blanks."""
    return f"new arm of {cutover}"


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
            source = f"files {directory}"  # no backend has such a name
            cache = _kept(routed, method, target, where, source, rule.modifiers.cache)
            return ServeFile(rule.name, method, directory, where, to_content, _answer_edit(rule), cache)
        case _:
            assert_never(action)


def _plan_forward(to: Backend | Split | Cutover, routed: Routed, method: str, target: Target) -> Plan:
    if not isinstance(to, Split | Cutover):
        return _to_first(to, routed, method, target)
    split = to.resting if isinstance(to, Cutover) else to
    new = to.new if isinstance(to, Cutover) else None
    arms = {
        each.name: _to_first(each, routed, method, target, ArmOf(to.name, each == new) if new is not None else None)
        for each in (arm.backend for arm in split.arms)
    }
    return ByArm(routed.rule.name, split, arms, new is not None, _pinned(to, arms))


def _pinned(to: Split | Cutover, arms: Mapping[str, Pass | ServeFile]) -> Pinned | None:
    if not isinstance(to, Cutover) or not to.pins:
        return None
    names = {side: to.backend(side).name for side in Side}
    return Pinned(to.pins, {side: (name, overridden(arms[name], pinned=side)) for side, name in names.items()})


def overridden(plan: Pass | ServeFile, forced: Side | None = None, pinned: Side | None = None) -> Pass | ServeFile:
    """The same, but not counted: who is on an arm by its own word, or by a pin, is no random sample."""
    cache, mark = plan.cache, forced or (pinned and f"pinned {pinned}")
    if mark is not None and cache is not None and cache.policy.share_arms:
        cache = cache.apart(mark)  # who is on the new side before anybody else is brings nobody its answers
    if isinstance(plan, ServeFile):
        return replace(plan, cache=cache)
    return replace(plan, cache=cache, arm=None, is_overridden=True, forced=forced)


def _to_first(
    backend: Backend, routed: Routed, method: str, target: Target, arm: ArmOf | None = None
) -> Pass | ServeFile:
    """With the fallback that the rule has for it: an arm that is the fallback itself has none."""
    modifiers = routed.rule.modifiers
    tag = arm_tag(arm.cutover) if arm is not None and arm.is_new else ""
    cache = _cache_plan(routed, method, target, backend, modifiers.cache, tag)
    plan = _with_shadow(_to_backend(backend, routed, method, target, cache, arm), routed, method, target)
    fallback = modifiers.fallback
    if fallback is None or fallback.to == backend or not is_safe(method, modifiers.safety):
        return plan
    if isinstance(fallback.to, DirectoryBackend) and method not in ("GET", "HEAD"):
        return plan  # which has nothing else to say
    # What stands in is kept apart: it is no answer of the arms, whoever shares theirs.
    policy = modifiers.cache and replace(modifiers.cache, share_arms=False)
    kept = _cache_plan(routed, method, target, fallback.to, policy)
    other = fallback_plan(fallback, _to_backend(fallback.to, routed, method, target, kept))
    if isinstance(plan, ServeFile):
        return replace(plan, fallback=other)
    return replace(plan, fallback=other, is_plain=False)


def _with_shadow(plan: Pass | ServeFile, routed: Routed, method: str, target: Target) -> Pass | ServeFile:
    """Of what is safe, where another service than the request's own is to be tried with it."""
    shadow = routed.rule.modifiers.shadow
    if shadow is None or isinstance(plan, ServeFile) or plan.is_unsafe or shadow.to == plan.backend:
        return plan
    other = _to_backend(shadow.to, routed, method, target, None)
    if isinstance(other, ServeFile):
        return plan
    return replace(plan, shadow=shadow_plan(shadow, other, routed.rule.modifiers.rewrite.headers))


def _to_backend(
    backend: Backend, routed: Routed, method: str, target: Target, cache: CachePlan | None, arm: ArmOf | None = None
) -> Pass | ServeFile:
    rule, rewrite = routed.rule, routed.rule.modifiers.rewrite
    to_content = routed.host.kind is HostKind.CONTENT
    match backend:
        case HttpBackend():
            asked = _asked_of(backend, routed, target)
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
                cache=cache,
                arm=arm,
            )
        case DirectoryBackend(directory=directory):
            path = _asked_of(backend, routed, target)
            return ServeFile(rule.name, method, directory, path, to_content, _answer_edit(rule), cache)
        case _:
            assert_never(backend)


def _asked_of(backend: Backend, routed: Routed, target: Target) -> str:
    """The target that a backend gets; of a directory a path, which no query makes another."""
    path = asked_path(routed.rule, target.path, routed.captures)
    if isinstance(backend, DirectoryBackend):
        return path
    return with_query(path, kept_query(target.query, routed.rule.modifiers.query))


def _cache_plan(
    routed: Routed, method: str, target: Target, backend: Backend, policy: Cache | None, tag: str = ""
) -> CachePlan | None:
    return _kept(routed, method, target, _asked_of(backend, routed, target), backend.name, policy, tag)


def _kept(
    routed: Routed, method: str, target: Target, asked: str, backend: str, policy: Cache | None, tag: str = ""
) -> CachePlan | None:
    """`tag`: one more, if any."""
    if policy is None:
        return None
    tags = (*(each.expand(routed.captures) for each in policy.tags), *((tag,) if tag else ()))
    verify = None if policy.verify is None else (policy.verify[0], policy.verify[1].expand(routed.captures).lower())
    return CachePlan(policy, method, target, asked, backend, tags, verify)


_edit_of = lru_cache(1024)(field_edit)  # one for each rule, whatever the URLs


def _answer_edit(rule: Rule) -> FieldEdit | None:
    return _edit_of(rule.modifiers.rewrite.answer_headers)
