"""A check in words, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from replay.model.checking import NOT_IN_IT, Check, Measure
from replay.model.hits import CAPACITIES
from replay.model.model import Model, Route

_WIDTHS = (24, 30, 30)


def about(model: Model) -> Iterator[str]:
    """What a model is of."""
    said = model.about
    yield (
        f"{said.requests:,} requests in {said.sessions:,} sessions of {said.clients:,} clients, "
        f"over {said.seconds:,.0f} s ({model.rate:.3g} a second)"
    )
    for reason, count in said.left_out.items():
        yield f"left out: {count:,} requests: {_REASONS.get(reason, reason)}"
    yield f"whatever it says, at least {said.shared_by} clients share"
    if said.shared_by < 2:
        yield "CAUTION: what a single client sent may be in it"
    for route in model.routes:
        yield f"  {route.share:6.1%} {route.name}{_law(route)}"
    for client in model.clients:
        forms = len(client.agents)
        yield f"  {client.share:6.1%} of sessions: {client.kind}, {forms} form{'' if forms == 1 else 's'} of user agent"
    arrivals = model.arrivals
    yield (
        f"  sessions begin {arrivals.rate:.3g} a second: {arrivals.busy_rate:.3g} for {arrivals.busy_for:.3g} s, "
        f"{arrivals.quiet_rate:.3g} for {arrivals.quiet_for:.3g} s"
    )


def _law(route: Route) -> str:
    law = route.popularity
    if law is None:
        return ""
    return f": {route.seen:,} of {law.items:,} things, r^-{law.head:.2f}, beyond {law.turn:.0f} r^-{law.tail:.2f}"


def as_text(check: Check) -> Iterator[str]:
    yield f"{check.seen.requests:,} requests of the capture, and as many of the model"
    for reason, count in check.left_out.items():
        yield f"not compared: {count:,} requests: {_REASONS.get(reason, reason)}"
    yield ""
    yield _row("", "capture", "look-alike", "apart", "noise", "bound")
    yield from map(_line, check.measures)
    yield ""
    kept = ", ".join(f"{share:.0%}" for share in CAPACITIES)
    yield f"hits are told for a cache that keeps {kept} of the capture's things"
    yield "apart: how far; noise: how far one look-alike is from others"
    yield "unlike: beyond the bound, and beyond 1.5 times the noise"
    unlike = check.unlike
    names = ", ".join(each.name for each in unlike)
    yield f"unlike in {len(unlike)} of {len(check.measures)}: {names}" if unlike else "like in all of it"
    yield ""
    yield "what it never has:"
    yield from (f"- {each}" for each in NOT_IN_IT)


def as_json(check: Check) -> dict[str, Any]:
    seen, made = check.seen, check.made
    return {
        "requests": seen.requests,
        "left_out": dict(check.left_out),
        "measures": [
            {
                "name": each.name,
                "capture": each.seen,
                "look_alike": each.made,
                "apart": round(each.distance, 4),
                "by": each.by,
                "noise": round(each.noise, 4),
                "bound": round(each.bound, 4),
                "like": each.is_like,
            }
            for each in check.measures
        ],
        "routes": {name: [share, made.routes.get(name, 0.0)] for name, share in seen.routes.items()},
        "clients": {name: [share, made.kinds.get(name, 0.0)] for name, share in seen.kinds.items()},
        "capacities": list(CAPACITIES),
        "hits": {name: {"capture": list(seen.hits[name]), "look_alike": list(made.hits[name])} for name in seen.hits},
        "never": list(NOT_IN_IT),
    }


_REASONS = {
    "unsafe": "declared unsafe",
    "unknown": "nobody says that they are safe",
    "not shared": "too few clients have their route, or are of their kind",
    "not in it": "the model has nothing of their routes",
}


def _line(measure: Measure) -> str:
    figures = (f"{value:.3f}" for value in (measure.distance, measure.noise, measure.bound))
    verdict = "" if measure.is_like else "  UNLIKE"
    return f"{_row(measure.name, measure.seen, measure.made, *figures)}{verdict}"


def _row(name: str, seen: str, made: str, distance: str, noise: str, bound: str) -> str:
    texts = " ".join(f"{text[:width]:{width}}" for text, width in zip((name, seen, made), _WIDTHS, strict=True))
    return f"{texts} {distance:>6} {noise:>6} {bound:>6}"
