"""From a plan to a filled store: projects in the order of their ranks, each with its releases and their files."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from backends.generate import making, skew
from backends.generate.vocabulary import Vocabulary
from backends.store import Metadata, MetadataValue, Store
from backends.store.bulk import Bulk

Progress: TypeAlias = Callable[[str], None]

FIRST_DAY: Final = datetime(2018, 4, 16, 15, tzinfo=UTC)  # of the newest releases; older ones are before it

_PROJECTS_AT_ONCE: Final = 2500  # in one transaction
_POOL: Final = 4 << 20  # random bytes that padding is cut from: each file's own, and nothing to compress
_WITH_SDIST: Final = 0.35  # of releases
_POPULAR: Final = 50  # what others depend on


@dataclass(frozen=True, slots=True)
class Plan:
    projects: int
    seed: int = 1
    median_size: int = 400  # bytes of padding; the rest of a file is some 1000
    most_releases: int = skew.MOST_RELEASES
    files: bool = True  # or an index alone, of files that are not there


@dataclass(frozen=True, slots=True)
class Tally:
    names: list[str]  # of projects, the most popular first
    releases: int
    files: int
    size: int


def generate(store: Store, plan: Plan, progress: Progress) -> Tally:
    """Fill a store. Raises ValueError where a project is there already."""
    dice = random.Random(plan.seed)
    vocabulary, pool = Vocabulary(dice), dice.randbytes(_POOL)
    source = vocabulary.names()
    names = [next(source) for _ in range(plan.projects)]
    releases = files = size = 0
    for first in range(0, plan.projects, _PROJECTS_AT_ONCE):
        with Bulk(store, plan.files) as bulk:
            for rank in range(first + 1, min(first + _PROJECTS_AT_ONCE, plan.projects) + 1):
                name = names[rank - 1]
                for moment, batch in _releases(name, rank, plan, (dice, vocabulary, pool), names):
                    releases += 1
                    for made in batch:
                        bulk.add(made.new, made.content, moment)
                        files, size = files + 1, size + len(made.content)
                bulk.end_project(name)
        progress(f"{min(first + _PROJECTS_AT_ONCE, plan.projects)} projects, {files} files, {size >> 20} MiB")
    return Tally(names, releases, files, size)


def _releases(
    name: str, rank: int, plan: Plan, tools: tuple[random.Random, Vocabulary, bytes], names: list[str]
) -> Iterator[tuple[datetime, list[making.Made]]]:
    dice, vocabulary, pool = tools
    count = min(plan.most_releases, skew.release_count(rank, plan.projects, dice))
    base = _metadata(name, rank, dice, vocabulary, names)
    moment = FIRST_DAY - timedelta(days=dice.randint(0, 20), seconds=dice.randint(0, 86_400))
    for number in range(count):
        metadata = {**base, "version": f"{number // 20}.{number % 20}.{dice.randint(0, 3)}"}
        text = making.core_metadata(metadata)
        made = [making.wheel(metadata, text, _padding(plan, dice, pool))]
        if dice.random() < _WITH_SDIST:
            made.append(making.sdist(metadata, text, _padding(plan, dice, pool)))
        yield moment - timedelta(days=7 * (count - number)), made


def _padding(plan: Plan, dice: random.Random, pool: bytes) -> bytes:
    size = skew.padding_size(plan.median_size, dice)
    start = dice.randrange(len(pool) - size)
    return pool[start : start + size]


def _metadata(name: str, rank: int, dice: random.Random, vocabulary: Vocabulary, names: list[str]) -> Metadata:
    metadata: dict[str, MetadataValue] = {
        "name": name,
        "version": "",
        "summary": vocabulary.sentence(3, 12).capitalize(),
        "author": vocabulary.author(),
        "author_email": f"author{dice.randint(1, 10**6)}@authors.test",
        "home_page": f"http://pypihosted.test/{name}/",
        "keywords": tuple(vocabulary.sentence(1, 4).split()),
        "license": "MIT",
        "requires_python": f">=3.{dice.randint(6, 11)}",
        "description_content_type": "text/markdown",
        "description": vocabulary.description(),
    }
    if classifiers := vocabulary.classifiers():
        metadata["classifiers"] = tuple(classifiers)
    # On more popular ones only, so that there is no circle.
    before = names[: min(rank - 1, _POPULAR)]
    if before and dice.random() < 0.5:
        metadata["requires_dist"] = tuple(sorted(set(dice.choices(before, k=dice.randint(1, 3)))))
    return metadata
