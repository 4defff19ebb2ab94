"""The least value of a function of a few numbers (Nelder & Mead 1965): it needs no derivatives, and is the same each
time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

Point = tuple[float, ...]
_TOLERANCE: Final = 1e-7


def least(
    function: Callable[[Point], float], start: Point, steps: Sequence[float], most: int = 400
) -> tuple[Point, float]:
    """Where it is, and the value there; `most`: evaluations, about."""
    others = (tuple(x + (step if at == here else 0.0) for here, x in enumerate(start)) for at, step in enumerate(steps))
    simplex = sorted((function(point), point) for point in (start, *others))
    used = len(simplex)
    while used < most and simplex[-1][0] - simplex[0][0] > _TOLERANCE * (1 + abs(simplex[0][0])):
        centre = _mean([point for _, point in simplex[:-1]])
        worst, last = simplex[-1]
        reflected = _along(centre, last, -1.0)
        value = function(reflected)
        used += 1
        if value < simplex[0][0]:
            further = _along(centre, last, -2.0)
            beyond = function(further)
            used += 1
            value, reflected = min((value, reflected), (beyond, further))
        elif value >= simplex[-2][0]:
            inside = _along(centre, last, 0.5 if value >= worst else -0.5)
            within = function(inside)
            used += 1
            if within >= min(value, worst):
                simplex = _shrunk(function, simplex)
                used += len(simplex) - 1
                continue
            value, reflected = within, inside
        simplex[-1] = value, reflected
        simplex.sort()
    return simplex[0][1], simplex[0][0]


def _mean(points: Sequence[Point]) -> Point:
    return tuple(sum(values) / len(points) for values in zip(*points, strict=True))


def _along(centre: Point, point: Point, factor: float) -> Point:
    return tuple(c + factor * (p - c) for c, p in zip(centre, point, strict=True))


def _shrunk(function: Callable[[Point], float], simplex: list[tuple[float, Point]]) -> list[tuple[float, Point]]:
    best = simplex[0]
    moved = [_along(best[1], point, 0.5) for _, point in simplex[1:]]
    return sorted([best, *((function(point), point) for point in moved)])
