"""What may be asked for, how often each of it is, and how large it is: 135,000 projects as PyPI had them in 2018.

Laws:
- all comes from one seed, so that origin, load maker and report agree without telling each other;
- popularity is the broken power law of facts/pypi.md §6: exponent 0.66 up to rank 100, 1.03 up to 330, 1.9 beyond;
- every project has an index page, a JSON document and four files, of which the newest is asked for most;
- sizes are log-normal, and a project's say nothing of its rank. Files are scaled so that the mean answer, weighted by
  how often each is asked for, is as large as it was in 2018.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate
from math import exp
from random import Random
from typing import Final

PROJECTS: Final = 135_000
FILES: Final = 4  # of each project
_FILE_SHARES: Final = (0.70, 0.20, 0.07, 0.03)  # the newest first
_LARGEST_FILE: Final = 20_000_000
_LEAST: Final = 200  # octets of any content
_COUNTED: Final = 20_000  # projects that are asked for often enough to matter for the mean


class Kind(StrEnum):
    INDEX = "index"
    JSON = "json"
    FILE = "file"


# 170 million downloads a week beside 6.8 thousand million requests a month make 10.7 % files (facts/pypi.md §6). How
# the rest divides into index pages and JSON is not known; three quarters to index pages is an assumption.
SHARES: Final = {Kind.INDEX: 0.743, Kind.JSON: 0.150, Kind.FILE: 0.107}


@dataclass(frozen=True, slots=True)
class _Sizes:
    median: float
    sigma: float
    most: int


_INDEX: Final = _Sizes(4_000, 1.2, 1_000_000)
_JSON: Final = _Sizes(20_000, 1.2, 4_000_000)
_FILE: Final = _Sizes(100_000, 2.0, _LARGEST_FILE)  # before it is scaled


def weight_of(rank: int) -> float:
    """How often the project at this rank, from 1, is asked for beside that at rank 1."""
    weight: float = min(rank, 100) ** -0.66
    if rank > 100:
        weight *= (min(rank, 330) / 100) ** -1.03
    if rank > 330:
        weight *= (rank / 330) ** -1.9
    return weight


@dataclass(frozen=True, slots=True)
class Population:
    """Resources are numbers: index pages by rank, then JSON documents, then files."""

    sizes: Sequence[int]  # of each resource
    cumulated: Sequence[float] = field(repr=False)  # weights of projects

    @property
    def projects(self) -> int:
        return len(self.cumulated)

    def kind_of(self, resource: int) -> Kind:
        if resource >= 2 * self.projects:
            return Kind.FILE
        return Kind.JSON if resource >= self.projects else Kind.INDEX

    def project_of(self, resource: int) -> int:
        past = resource - 2 * self.projects
        return past // FILES if past >= 0 else resource % self.projects

    def path_of(self, resource: int) -> str:
        name = f"name-{self.project_of(resource)}"
        match self.kind_of(resource):
            case Kind.INDEX:
                return f"/simple/{name}/"
            case Kind.JSON:
                return f"/pypi/{name}/json"
            case Kind.FILE:
                number = f"{resource:064x}"
                return f"/packages/{number[:2]}/{number[2:4]}/{number[4:]}/{name}-1.0-py3-none-any.whl"

    def resource_of(self, path: str) -> int | None:
        """The reverse of `path_of`."""
        found = _PATH.fullmatch(path)
        if found is None:
            return None
        index, json, *file = found.groups()
        if index is not None:
            resource = int(index)
        elif json is not None:
            resource = self.projects + int(json)
        else:
            resource = int("".join(file), 16)
        return resource if resource < len(self.sizes) and self.path_of(resource) == path else None

    def shares(self) -> Iterator[float]:
        """Of all requests, for each resource in turn."""
        total, weights = self.cumulated[-1], [weight_of(rank + 1) for rank in range(self.projects)]
        for kind in (Kind.INDEX, Kind.JSON):
            yield from (SHARES[kind] * weight / total for weight in weights)
        for weight in weights:
            yield from (SHARES[Kind.FILE] * share * weight / total for share in _FILE_SHARES)

    def draw(self, dice: Random, requests: int) -> Iterator[int]:
        """So many resources, each as often as it should be."""
        kinds = dice.choices(tuple(SHARES), weights=tuple(SHARES.values()), k=requests)
        projects = dice.choices(range(self.projects), cum_weights=self.cumulated, k=requests)
        files = dice.choices(range(FILES), weights=_FILE_SHARES, k=requests)
        base = {Kind.INDEX: 0, Kind.JSON: self.projects}
        for kind, project, file in zip(kinds, projects, files, strict=True):
            yield 2 * self.projects + FILES * project + file if kind is Kind.FILE else base[kind] + project


_PATH: Final = re.compile(
    r"/simple/name-(\d+)/|/pypi/name-(\d+)/json|/packages/([0-9a-f]{2})/([0-9a-f]{2})/([0-9a-f]{60})/[^/]+"
)


def population(seed: int, mean: float, projects: int = PROJECTS) -> Population:
    """`mean`: octets of the mean answer's content. Raises ValueError when files of at most 20 MB cannot make it."""
    dice = Random(seed)
    index, json, files = (
        array("d", (_draw(dice, sizes) for _ in range(count)))
        for sizes, count in ((_INDEX, projects), (_JSON, projects), (_FILE, FILES * projects))
    )
    cumulated = list(accumulate(weight_of(rank + 1) for rank in range(projects)))
    pages = SHARES[Kind.INDEX] * _mean(index, (1.0,)) + SHARES[Kind.JSON] * _mean(json, (1.0,))
    factor = _factor(files, (mean - pages) / SHARES[Kind.FILE])
    scaled = (min(size * factor, _LARGEST_FILE) for size in files)
    sizes = array("L", (max(round(size), _LEAST) for part in (index, json, scaled) for size in part))
    return Population(sizes, cumulated)


def _draw(dice: Random, sizes: _Sizes) -> float:
    return min(sizes.median * exp(dice.gauss(0, sizes.sigma)), sizes.most)


def _weighted(sizes: Sequence[float], shares: Sequence[float]) -> list[tuple[float, float]]:
    """Each size with its share of all, where a project has as many of them as there are shares."""
    counted = min(_COUNTED, len(sizes) // len(shares))
    weights = [weight_of(project + 1) * share for project in range(counted) for share in shares]
    total = sum(weights)
    return [(weight / total, size) for weight, size in zip(weights, sizes, strict=False)]


def _mean(sizes: Sequence[float], shares: Sequence[float]) -> float:
    return sum(share * size for share, size in _weighted(sizes, shares))


def _factor(files: Sequence[float], wanted: float) -> float:
    """By which files must be made larger so that the mean one, none above 20 MB, is as large as wanted."""
    if not 0 < wanted < 0.9 * _LARGEST_FILE:
        raise ValueError(f"the mean file would have {wanted:,.0f} octets, and none has more than {_LARGEST_FILE:,}")
    weighted = _weighted(files, _FILE_SHARES)
    low, high = -15.0, 15.0  # powers of e
    for _ in range(20):
        middle = (low + high) / 2
        factor = exp(middle)
        if sum(share * min(size * factor, _LARGEST_FILE) for share, size in weighted) < wanted:
            low = middle
        else:
            high = middle
    return exp(high)
