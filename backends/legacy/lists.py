"""What the old site lists out of the whole index: by classifier, by words, by time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from backends.legacy.asked import Feed
from backends.legacy.feeds import Item, feed
from backends.legacy.library import Library
from backends.legacy.names import normalized_name, simple_name
from backends.store import Brief, Release
from backends.store.substrings import brief_of

MOST_IN_FEED = 40

# How much a match counts; in the name it is doubled where the name is just that.
_SCORES: Mapping[str, int] = {
    "name": 4, "summary": 2, "keywords": 2, "description": 1, "author": 1, "maintainer": 1,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Match:
    release: Brief
    score: int


def search(terms: Sequence[str], library: Library) -> list[Match]:
    """The releases that have every term, only the newest of each project, the best first."""
    scores: dict[tuple[str, str], Match] | None = None
    for term in terms:
        found = _matches(term, library)
        if scores is not None:
            found = {
                key: Match(match.release, match.score + scores[key].score)
                for key, match in found.items()
                if key in scores
            }
        scores = found
    newest: dict[str, Match] = {}
    for match in (scores or {}).values():  # by version within a project, the newest last
        newest[match.release.project] = match
    return sorted(newest.values(), key=lambda match: (-match.score, match.release.project.lower()))


def _matches(term: str, library: Library) -> dict[tuple[str, str], Match]:
    found: dict[tuple[str, str], Match] = {}
    for field, score in _SCORES.items():
        for release in map(brief_of, library.search({field: [term]})):
            key = release.project, release.version
            is_name = field == "name" and simple_name(term) == simple_name(release.project)
            before = found[key].score if key in found else 0
            found[key] = Match(release, before + score * (2 if is_name else 1))
    return dict(sorted(found.items(), key=lambda pair: (pair[0][0], pair[1].release.ordering)))


def browse(classifiers: Sequence[str], library: Library) -> list[Release]:
    """The newest release of each project that has one with all of these classifiers."""
    newest = {
        normalized_name(release.project): release
        for release in library.store.classified(classifiers)
        if not release.hidden
    }
    return list(newest.values())


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
