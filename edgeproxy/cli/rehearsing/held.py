"""Redirects that clients may hold from the rehearsals before, against what is so now: the outage of 10 June 2022.

Laws of this module:
- what a walk saw is held for as long as its answer lets a client: a 301 or 308 without a lifetime for ever;
- a walk comes to a URL for which a client may hold another redirect; if that leads, by what is held, back to where the
  walk has been, that client goes in a circle that nobody meets who asks for the first time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from edgeproxy.cli.rehearsing.found import Found
from edgeproxy.cli.rehearsing.walk import Step, Walk
from edgeproxy.http.redirection import REDIRECTS, resolve
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


def by_url(redirects: Iterable[HeldRedirect], now: float) -> Held:
    """Those that are still held."""
    found: dict[str, list[HeldRedirect]] = {}
    for each in redirects:
        if each.until is None or each.until > now:
            found.setdefault(each.url, []).append(each)
    return found


def flips(walk: Walk, held: Held) -> Iterator[Found]:
    """The first circle of a walk that needs what is held."""
    been: list[str] = []
    for at, step in enumerate(walk.steps):
        been.append(step.request.url)
        for each in held.get(step.request.url, ()):
            if each.to != _target(step):
                chain = _back(each, been, held)
                if chain:
                    yield _found(walk, at, chain)
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


def _found(walk: Walk, at: int, chain: Sequence[HeldRedirect]) -> Found:
    here = walk.steps[at]
    steps = [*walk.steps[:at], *(_as_step(each, here) for each in chain)]
    since = written_moment(int(min(each.since for each in chain)))
    message = f"{walk.start} goes in a circle for clients that hold redirects from {since}"
    ever = any(each.until is None for each in chain)
    why = (
        f"{chain[0].url} led to {chain[0].to} then, and its clients keep that {'for ever' if ever else 'for a while'}."
    )
    remedy = (
        "let the old direction stand, or turn it as `check --after` says: a short-lived 302 first, then wait or purge."
    )
    by = (chain[0].by, here.by, walk.steps[0].by)
    return Found(Code.LIVE_FLIP, walk.last_rule, by, message, why, remedy, replace(walk, steps=tuple(steps)))


def _as_step(each: HeldRedirect, here: Step) -> Step:
    target = resolve(here.request.target, each.url)
    request = here.request if target is None else replace(here.request, target=target)
    by = f"held since {written_moment(int(each.since))}: {each.by}"
    return Step(request, by, here.rule, here.place, each.status, each.to)


def _target(step: Step) -> str | None:
    if step.status not in REDIRECTS or step.location is None:
        return None
    target = resolve(step.request.target, step.location)
    return None if target is None else url_of(target)
