"""What the old site lists out of the whole index: by classifier, by words, by time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, assert_never

from backends.legacy.asked import Feed
from backends.legacy.feeds import Item, feed
from backends.legacy.library import Library
from backends.legacy.names import simple_name
from backends.steps import Steps
from backends.store import Brief
from backends.store.substrings import brief_of

MOST_IN_FEED = 40

# How much a match counts; in the name it is doubled where the name is just that. Descriptions come last: they take
# long, and what is left of the time is theirs.
_SCORES: Mapping[str, int] = {
    "name": 4, "summary": 2, "keywords": 2, "author": 1, "maintainer": 1, "description": 1,
}  # fmt: skip
PATIENCE: Final = 2.0  # seconds that all searches for one page are given; those that have to wait longer find nothing
_MATCHES_A_STEP: Final = 2_000


def search(terms: Sequence[str], library: Library) -> Steps[list[Brief]]:
    """The releases that have every term, only the newest of each project, the best first."""
    until = library.clock() + PATIENCE
    scores: list[dict[str, int]] = [{} for _ in terms]  # by the lines of releases
    for field, score in _SCORES.items():
        for term, found in zip(terms, scores, strict=True):
            for line in (yield from library.searching({field: [term]}, until=until)):
                found[line] = found.get(line, 0) + score
            if field == "name":
                _double(term, found, library)
            yield
    matches = _in_all(scores)
    newest: dict[str, tuple[int, Brief]] = {}
    for number, (line, score) in enumerate(matches.items(), 1):
        brief = brief_of(line)
        if brief.project not in newest or newest[brief.project][1].ordering < brief.ordering:
            newest[brief.project] = score, brief
        if number % _MATCHES_A_STEP == 0:
            yield
    ranked = sorted(newest.values(), key=lambda match: (-match[0], match[1].project.lower()))
    return [brief for _, brief in ranked]


def _double(term: str, found: dict[str, int], library: Library) -> None:
    """What has just this name, in whatever spelling, counts for more."""
    project = library.project_like(term)
    if project is None or simple_name(term) != simple_name(project.name):
        return
    for line in found:
        if brief_of(line).project == project.name:
            found[line] += _SCORES["name"]


def _in_all(scores: Sequence[dict[str, int]]) -> dict[str, int]:
    """What every term has found, with the sum of its scores."""
    fewest = min(scores, key=len)
    return {line: sum(found[line] for found in scores) for line in fewest if all(line in found for found in scores)}


def browse(classifiers: Sequence[str], library: Library) -> Steps[dict[int, Brief]]:
    """The newest release of each project that has one with all of these classifiers, by number."""
    found = yield from library.store.classified(classifiers)
    newest = {release.project: number for number, release in found.items()}
    return {number: found[number] for number in newest.values()}


def told(which: Feed, library: Library, now: datetime) -> str:
    match which:
        case Feed.RELEASES:
            title, description = "PyPI Recent Updates", "Recent updates to the Python Package Index"
            items = _newest_releases(library)
        case Feed.PROJECTS:
            title, description = "PyPI Newest Packages", "Newest packages registered at the Python Package Index"
            items = _newest_projects(library)
        case Feed.LAST_HOUR:
            title, description = "PyPI changes", "Updates to the Python Package Index in the last hour"
            items = _last_changes(library, now)
        case _:
            assert_never(which)
    return feed(title, f"{library.site.base}/pypi", description, items)


def _newest_releases(library: Library) -> list[Item]:
    shown = [release for release in library.store.newest_releases(MOST_IN_FEED) if not release.hidden]
    return [
        Item(
            f"{release.project} {release.version}",
            library.site.page(release.project, release.version),
            release.summary,
            release.uploaded,
        )
        for release in shown
    ]


def _newest_projects(library: Library) -> list[Item]:
    items = []
    for project in library.store.newest_projects(MOST_IN_FEED):
        releases = library.store.releases(project.normalized, described=False)
        if releases:
            page = library.site.page(project.name)
            first = min(release.uploaded for release in releases)
            items.append(Item(f"{project.name} added to PyPI", page, releases[-1].summary, first, guid=page))
    return items


def _last_changes(library: Library, now: datetime) -> list[Item]:
    return [
        Item(change.project, library.site.page(change.project, change.version), change.action, change.moment)
        for change in library.store.changes_since(now - timedelta(hours=1))
    ]
