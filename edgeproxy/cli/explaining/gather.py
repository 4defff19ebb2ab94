"""From a ruleset and a request to all that is told of it: by the functions that the edge itself decides with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, assert_never

from edgeproxy.cli.explaining.asking import arms_of, asking, asking_elsewhere
from edgeproxy.cli.explaining.explanation import Arms, Asking, Explanation, Kept, Opening, Own, Part, PassedBy, Taker
from edgeproxy.cli.explaining.files import kept_of_file
from edgeproxy.cli.explaining.request import Request
from edgeproxy.cli.explaining.terms import kept_of, opening_of, safety_of
from edgeproxy.cli.explaining.walk import walk_from
from edgeproxy.proxy.plan import Answer, ByArm, Plan, PurgeCall, ServeFile, plan_request
from edgeproxy.ruleset.arms import Cutover, Split
from edgeproxy.ruleset.caches import CacheSettings
from edgeproxy.ruleset.comparing.terms import fallback_terms, limit_terms, shadow_terms
from edgeproxy.ruleset.model import (
    Files,
    Forward,
    NoRule,
    Routed,
    Rule,
    Ruleset,
    UnknownHost,
    WrongMethod,
    describe_action,
)
from edgeproxy.ruleset.openings import next_change
from edgeproxy.ruleset.origins import DirectoryBackend, Host
from edgeproxy.ruleset.read_during import written_moment
from edgeproxy.ruleset.trace import why_not

_FEW: Final = 12  # rules that are all told of, however far they are from taking the request


def explain(ruleset: Ruleset, request: Request, *, every_rule: bool = False) -> Explanation:
    """Raises BadTarget."""
    target = request.target
    routing = ruleset.route(request.method, target.scheme, target.host, target.path, request.facts)
    plan = plan_request(ruleset, request.method, target, request.facts)[1]
    match routing:
        case UnknownHost():
            return _explanation(ruleset, request, None, (), 0, None, plan)
        case NoRule(host=host) | WrongMethod(host=host):
            passed_by, left_out = _passed_by(ruleset.rules, request, host, every_rule=every_rule)
            return _explanation(ruleset, request, host, passed_by, left_out, None, plan)
        case Routed(rule=rule, host=host):
            before = ruleset.rules[: rule.index]
            passed_by, left_out = _passed_by(before, request, host, every_rule=every_rule)
            return _explanation(ruleset, request, host, passed_by, left_out, routing, plan)
        case _:
            assert_never(routing)


def _explanation(
    ruleset: Ruleset,
    request: Request,
    host: Host | None,
    passed_by: tuple[PassedBy, ...],
    left_out: int,
    routed: Routed | None,
    plan: Plan,
) -> Explanation:
    rule = None if routed is None else routed.rule
    arms, asks = (None, ()) if routed is None else _asks(routed, request, plan)
    hops, end = walk_from(ruleset, request)
    more = _Beside(routed, request, plan, arms, ruleset.cache)
    return Explanation(
        request=f"{request.method} {request.url}",
        client=request.client,
        at=written_moment(int(request.at)),
        call=request.call,
        host=None if host is None else host.name,
        host_kind=None if host is None else host.kind.value,
        passed_by=passed_by,
        left_out=left_out,
        taker=None if routed is None else _taker(routed),
        answer=_own(plan),
        arms=arms,
        asks=asks,
        safety="" if rule is None else safety_of(rule, request.method),
        cache=more.cache,
        fallback=more.fallback,
        shadow=more.shadow,
        during=more.during,
        limits="" if rule is None else limit_terms(rule.modifiers.limits),
        upgrade="" if rule is None else ", ".join(sorted(rule.modifiers.upgrade)),
        walk=hops,
        end=end,
    )


class _Beside:
    """What the rule that takes the request says beside its action."""

    def __init__(
        self, routed: Routed | None, request: Request, plan: Plan, arms: Arms | None, settings: CacheSettings
    ) -> None:
        self.cache: Kept | None = None
        self.during: Opening | None = None
        self.fallback = self.shadow = ""
        if routed is not None:
            rule = routed.rule
            self.cache = _kept(routed, request, plan, arms, settings)
            self.during = opening_of(rule, request.at)
            fallback, shadow = rule.modifiers.fallback, rule.modifiers.shadow
            self.fallback = "" if fallback is None else fallback_terms(fallback)
            self.shadow = "" if shadow is None else shadow_terms(shadow)


def _kept(routed: Routed, request: Request, plan: Plan, arms: Arms | None, settings: CacheSettings) -> Kept | None:
    rule, captures, cache = routed.rule, routed.captures, routed.rule.modifiers.cache
    if cache is None:
        return None
    arm = None if arms is None else arms.arm
    if isinstance(plan, ByArm) and arm is not None:
        plan = plan.arms[arm]
    if isinstance(plan, ServeFile):
        return kept_of_file(rule, cache, request, captures, plan, arm, settings)
    return kept_of(rule, cache, request, captures, arm, settings)


def _passed_by(
    rules: Sequence[Rule], request: Request, host: Host, *, every_rule: bool
) -> tuple[tuple[PassedBy, ...], int]:
    """Why each of these does not take the request; of many, of those that are for its host and path."""
    told = rules if every_rule or len(rules) <= _FEW else [rule for rule in rules if _is_near(rule, request, host)]
    found = (PassedBy(rule.name, rule.place, _why_not(rule, request, host)) for rule in told)
    return tuple(found), len(rules) - len(told)


def _why_not(rule: Rule, request: Request, host: Host) -> str:
    why = why_not(rule, host, request.method, request.target, request.facts)
    change = next_change(rule.match.during, request.at) if why.startswith("during:") else None
    return why if change is None else f"{why}; it opens at {written_moment(change)}"


def _is_near(rule: Rule, request: Request, host: Host) -> bool:
    return host in rule.match.hosts and rule.match.path.match(request.target.path) is not None


def _taker(routed: Routed) -> Taker:
    rule = routed.rule
    captures = {name: routed.captures[name] for name in rule.match.path.captures}
    return Taker(rule.name, rule.place, describe_action(rule.action), captures)


def _own(plan: Plan) -> Own | None:
    if not isinstance(plan, Answer):
        return None
    status_line, *fields = plan.head.decode("latin-1").removesuffix("\r\n").split("\r\n")
    return Own(status_line.partition(" ")[2], tuple(fields), plan.body.decode("utf-8", "replace"))


def _asks(routed: Routed, request: Request, plan: Plan) -> tuple[Arms | None, tuple[Asking, ...]]:
    """Whom the edge asks, the client's arm first, and whom it would ask."""
    rule, action, captures = routed.rule, routed.rule.action, routed.captures
    if isinstance(action, Files) and isinstance(plan, ServeFile):
        directory = DirectoryBackend("files", plan.directory)
        return None, (asking(Part.FORWARD, plan, directory, rule, request, captures),)
    if not isinstance(action, Forward) or isinstance(plan, Answer | PurgeCall):
        return None, ()
    to, arms, asks = action.to, None, []
    if isinstance(plan, ByArm) and isinstance(to, Split | Cutover):
        arms = arms_of(to, request)
        for arm in sorted(plan.split.arms, key=lambda arm: arm.backend.name != arms.arm):
            part = Part.ARM if arm.backend.name == arms.arm else Part.OTHER_ARM
            asks.append(asking(part, plan.arms[arm.backend.name], arm.backend, rule, request, captures))
    elif not isinstance(plan, ByArm) and not isinstance(to, Split | Cutover):
        asks.append(asking(Part.FORWARD, plan, to, rule, request, captures))
    fallback, shadow = rule.modifiers.fallback, rule.modifiers.shadow
    kind = routed.host.kind
    if fallback is not None:
        asks.append(asking_elsewhere(Part.FALLBACK, fallback.to, rule, request, captures, kind))
    if shadow is not None:
        asks.append(asking_elsewhere(Part.SHADOW, shadow.to, rule, request, captures, kind))
    return arms, tuple(asks)
