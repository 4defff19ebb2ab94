"""Redirects that clients may hold, from the rehearsals before or from another arm, against what is so now: that was the
outage of 10 June 2022.

Laws of this module:
- what a walk saw is held for as long as its answer lets a client: a 301 or 308 without a lifetime for ever;
- clients are moved from arm to arm, and a fallback stands in for a while: what these say may be held, too;
- a walk comes to a URL for which a client may hold another redirect; if that leads, by what is held, back to where the
  walk has been, that client goes in a circle that nobody meets who asks for the first time;
- what has a secret in one of its URLs is not recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from edgeproxy.cli.rehearsing.found import Found, first_rule
from edgeproxy.cli.rehearsing.walk import Step, Walk
from edgeproxy.http.redirection import REDIRECTS, resolve
from edgeproxy.migration.copies import holds_secret
from edgeproxy.migration.rehearsal import HeldRedirect
from edgeproxy.ruleset.checker.held import FOR_EVER, KEPT_METHODS, kept_for, told_lifetime
from edgeproxy.ruleset.follow import url_of
from edgeproxy.ruleset.problems import Code
from edgeproxy.ruleset.read_during import written_moment

_MOST_HELD: Final = 5  # in a row

Held = Mapping[str, Sequence[HeldRedirect]]  # by URL


def redirects_of(walks: Iterable[Walk], now: float) -> list[HeldRedirect]:
    """Those that a client may hold, each once."""
    found: dict[tuple[str, str], HeldRedirect] = {}
    for walk in walks:
        for step in walk.steps:
            kept = kept_for(step.status, told_lifetime(step.cache_control)) if step.status in REDIRECTS else 0.0
            to = _target(step)
            if kept and to is not None and step.request.method in KEPT_METHODS:
                until = None if kept == FOR_EVER else now + kept
                url = step.request.url
                found.setdefault((url, to), HeldRedirect(url, to, step.status, now, until, step.by))
    return list(found.values())


def recordable(redirects: Iterable[HeldRedirect]) -> list[HeldRedirect]:
    return [each for each in redirects if not holds_secret(each.url) and not holds_secret(each.to)]


def by_url(redirects: Iterable[HeldRedirect], now: float) -> Held:
    """Those that are still held; of several that lead to the same the first."""
    found: dict[str, dict[str, HeldRedirect]] = {}
    for each in redirects:
        if each.until is None or each.until > now:
            found.setdefault(each.url, {}).setdefault(each.to, each)
    return {url: tuple(each.values()) for url, each in found.items()}


def flips(walk: Walk, held: Held, began: float) -> Iterator[Found]:
    """The first circle of a walk that needs what is held. What this rehearsal saw itself is as of when it `began`."""
    been: list[str] = []
    for at, step in enumerate(walk.steps):
        been.append(step.request.url)
        for each in held.get(step.request.url, ()):
            if each.to != _target(step):
                chain = _back(each, been, held)
                if chain:
                    yield _found(walk, at, chain, began)
                    return


def _back(first: HeldRedirect, been: Sequence[str], held: Held) -> list[HeldRedirect]:
    """The held redirects that lead back; none where they do not."""
    chain = [first]
    while chain[-1].to not in been:
        following = held.get(chain[-1].to, ())
        if not following or len(chain) >= _MOST_HELD:
            return []
        chain.append(following[0])
    return chain


def _found(walk: Walk, at: int, chain: Sequence[HeldRedirect], began: float) -> Found:
    here, oldest = walk.steps[at], min(chain, key=lambda each: each.since)
    steps = [*walk.steps[:at], *(_as_step(each, here, began) for each in chain)]
    kept = "for ever" if oldest.until is None else "for a while"
    if oldest.since < began:
        since = written_moment(int(oldest.since))
        message = f"{walk.start} goes in a circle for clients that hold redirects from {since}"
        why = f"{oldest.url} led to {oldest.to} then, and clients keep that {kept}."
        remedy = (
            "let the old direction stand, or turn it by a short-lived 302, and then wait or purge: see `check --after`."
        )
    else:
        message = f"{walk.start} goes in a circle for clients that hold what {oldest.by} told them"
        why = f"that {oldest.url} leads to {oldest.to} they keep {kept}, and here it is the other way round."
        remedy = "let both lead the same way, or let one of them answer without a redirect that is kept."
    entry = next(number for number, step in enumerate(walk.steps) if step.request.url == chain[-1].to)
    circle = walk.steps[entry : at + 1]
    by = frozenset((*(step.by for step in circle[:-1]), *(each.by for each in chain)))
    rule = first_rule(circle, walk.start.rule)
    return Found(Code.LIVE_FLIP, rule, by, message, why, remedy, replace(walk, steps=tuple(steps)))


def _as_step(each: HeldRedirect, here: Step, began: float) -> Step:
    target = resolve(here.request.target, each.url)
    request = here.request if target is None else replace(here.request, target=target)
    when = f" since {written_moment(int(each.since))}" if each.since < began else ""
    by = f"held{when}: {each.by}"
    return Step(request, by, here.rule, here.place, each.status, each.to)


def _target(step: Step) -> str | None:
    if step.status not in REDIRECTS or step.location is None:
        return None
    target = resolve(step.request.target, step.location)
    return None if target is None else url_of(target)
