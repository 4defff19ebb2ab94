"""What backends are asked for a request: by the plans that the edge itself acts by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from edgeproxy.cli.explaining.explanation import Arms, Asking, MayRedirect, Overridden, Part, Share
from edgeproxy.cli.explaining.request import Request
from edgeproxy.migration.pins import pin_of, side_by
from edgeproxy.migration.place import arm_at, place_of, ranges_of, sticky_key
from edgeproxy.proxy.plan import Pass, ServeFile
from edgeproxy.ruleset.arms import WHOLE, Cutover, Side, Split
from edgeproxy.ruleset.comparing.terms import edits
from edgeproxy.ruleset.leads import asked_path, declared_captures, kept_query, with_query
from edgeproxy.ruleset.model import Rule
from edgeproxy.ruleset.origins import Backend, DirectoryBackend, HostKind, HttpBackend
from edgeproxy.ruleset.trace import condition_words
from edgeproxy.telemetry.counters import Override

_NO_CREDENTIALS = ("no Authorization", "no Cookie")


def arms_of(to: Split | Cutover, request: Request) -> Arms:
    """A cutover is told as it rests: its state is the running edge's."""
    split = to.resting if isinstance(to, Cutover) else to
    key = sticky_key(split.sticky, request.headers, request.client)
    at = place_of(key, split.name)
    shares = tuple(
        Share(arm.backend.name, percent(arm.share), percent(low), percent(high))
        for arm, (low, high) in zip(split.arms, ranges_of(split), strict=True)
    )
    kind, known_by = "cutover" if isinstance(to, Cutover) else "split", key.partition(":")[0]
    arm, override = arm_at(split, at).backend, None
    if isinstance(to, Cutover):
        side, override = overridden(to, request)
        arm = arm if side is None else to.backend(side)
    return Arms(kind, split.name, shares, known_by, percent(at), arm.name, override)


def overridden(cutover: Cutover, request: Request) -> tuple[Side | None, Overridden | None]:
    """On which arm a client is whatever its place, while the cutover rests, and by what."""
    if request.side is not None and cutover.takes_token:
        what = "Edge-Arm with the token of the edge"
        return request.side, Overridden(Override.TOKEN, what, request.side, "at any share", None)
    pin = pin_of(cutover.pins, request.facts)
    if pin is None:
        return None, None
    what = " and ".join(f"{of} {wanted}" for of, wanted in map(condition_words, pin.conditions))
    when = "at any share" if pin.side is Side.OLD else "at any share, while the cutover is started"
    return side_by(pin, is_started=False), Overridden(Override.PIN, what, pin.side, when, pin.place)


def percent(thousandths: int) -> float:
    return thousandths * 100 / WHOLE


def asking(
    part: Part, plan: Pass | ServeFile, backend: Backend, rule: Rule, request: Request, captures: Mapping[str, str]
) -> Asking:
    rewrite = rule.modifiers.rewrite
    to_content = plan.to_content
    answer_edits = (*edits(rewrite.answer_headers), *(["no Set-Cookie"] if to_content else []))
    if isinstance(plan, ServeFile):
        places = (str(plan.directory),)
        return Asking(part, backend.name, places, None, None, f"{plan.directory}{plan.path}", (), answer_edits, ())
    asked_edits = (*edits(rewrite.headers), *(_NO_CREDENTIALS if to_content else ()))
    line = plan.start.split(b"\r\n")[0].decode()
    return Asking(
        part,
        backend.name,
        places_of(backend),
        line,
        plan.host,
        None,
        asked_edits,
        answer_edits,
        tuple(may_redirect(backend, rule, request, captures)),
    )


def asking_elsewhere(
    part: Part, backend: Backend, rule: Rule, request: Request, captures: Mapping[str, str], kind: HostKind
) -> Asking:
    """What a fallback or a shadow is asked: as the first backend is, by its own name."""
    to_content = kind is HostKind.CONTENT
    path = asked_path(rule, request.target.path, captures)
    if isinstance(backend, DirectoryBackend):
        return Asking(
            part, backend.name, (str(backend.directory),), None, None, f"{backend.directory}{path}", (), (), ()
        )
    asked = with_query(path, kept_query(request.target.query, rule.modifiers.query))
    host = rule.modifiers.rewrite.host or backend.authority
    changed = [*edits(rule.modifiers.rewrite.headers), *(_NO_CREDENTIALS if to_content else ())]
    if part is Part.SHADOW:
        changed = [*dict.fromkeys((*changed, *_NO_CREDENTIALS)), "Edge-Shadow: 1"]
    redirects = tuple(may_redirect(backend, rule, request, captures)) if part is Part.FALLBACK else ()
    line = f"{request.method} {asked} HTTP/1.1"
    return Asking(part, backend.name, places_of(backend), line, host, None, tuple(changed), (), redirects)


def may_redirect(backend: Backend, rule: Rule, request: Request, captures: Mapping[str, str]) -> Iterator[MayRedirect]:
    """The first of the backend's declared redirects that takes what it is asked, if one does."""
    if not isinstance(backend, HttpBackend):
        return
    path = asked_path(rule, request.target.path, captures)
    query = kept_query(request.target.query, rule.modifiers.query)
    for each in backend.declares.redirects:
        found = declared_captures(each, request.method, path, query)
        if found is not None:
            is_sure = not each.unknown
            yield MayRedirect(each.status, each.to.expand(found) if is_sure else str(each.to), is_sure, each.place)
            return


def places_of(backend: Backend) -> tuple[str, ...]:
    if isinstance(backend, DirectoryBackend):
        return (str(backend.directory),)
    return tuple(str(endpoint.address) for endpoint in backend.endpoints)
