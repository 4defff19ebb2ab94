"""RSS 2.0: the newest releases, the newest projects, and the releases of a project."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime, getaddresses
from typing import Final
from xml.sax.saxutils import escape

from packaging.utils import canonicalize_name

from backends.marshalling import printable
from backends.modern import answers, pages
from backends.modern.answers import Answer
from backends.modern.visit import Visit, path_of
from backends.store import Release

RELEASES: Final = 100
PROJECTS: Final = 40
RELEASES_OF_PROJECT: Final = 40

_SURROGATE: Final = ("Surrogate-Control", "max-age=86400, stale-while-revalidate=86400, stale-if-error=432000")
_CSP: Final = ("Content-Security-Policy", "default-src 'none'; sandbox allow-top-navigation")
_TYPE: Final = "text/xml; charset=UTF-8"


@dataclass(frozen=True, slots=True)
class _Item:
    title: str
    link: str
    description: str
    author: str | None
    moment: datetime


def updates(visit: Visit) -> Answer:
    newest = visit.store.newest_releases(RELEASES, listed_only=True)
    items = [_release_item(visit, release, f"{release.project} {release.version}") for release in newest]
    return _feed(visit, "PyPI recent updates", "/", "Recent updates to the Python Package Index", items, "all-projects")


def packages(visit: Visit) -> Answer:
    items = []
    with visit.store.snapshot():
        for project in visit.store.newest_projects(PROJECTS):
            releases = visit.store.releases(project.normalized, described=False)
            if project.is_listed and releases:
                first = min(releases, key=lambda release: release.uploaded)
                link = visit.origin + path_of("project", project.name)
                item = _Item(f"{project.name} added to PyPI", link, first.summary, _author(first), first.uploaded)
                items.append(item)
    about = "Newest packages registered at the Python Package Index"
    return _feed(visit, "PyPI newest packages", "/", about, items, "all-projects")


def project(visit: Visit) -> Answer:
    name = visit.captures["name"]
    normalized = canonicalize_name(name)
    with visit.store.snapshot():
        found, releases = visit.store.project(normalized), visit.store.releases(normalized, described=False)
    if found is None or not found.is_listed:
        return pages.missing()
    if name != normalized:
        return answers.moved(visit.with_query(f"/rss/project/{normalized}/releases.xml"))
    newest = sorted(releases, key=lambda release: release.uploaded, reverse=True)[:RELEASES_OF_PROJECT]
    items = [_release_item(visit, release, release.version) for release in newest]
    title = f"PyPI recent updates for {found.name}"
    about = f"Recent updates to the Python Package Index for {found.name}"
    return _feed(visit, title, path_of("project", found.name), about, items, f"project/{normalized}")


def _release_item(visit: Visit, release: Release, title: str) -> _Item:
    link = visit.origin + path_of("project", release.project, release.version)
    return _Item(title, link, release.summary, _author(release), release.uploaded)


def _author(release: Release) -> str | None:
    """Names may hold anything, so only addresses are told, and none if one of them does not look like one."""
    found = [address for _, address in getaddresses([release.text("author_email")])]
    return ", ".join(found) if found and all("@" in address for address in found) else None


def _feed(visit: Visit, title: str, path: str, about: str, items: Iterable[_Item], key: str) -> Answer:
    told = "".join(map(_told, items))
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0">\n  <channel>\n'
        f"    <title>{escape(title)}</title>\n    <link>{escape(visit.origin + path)}</link>\n"
        f"    <description>{escape(about)}</description>\n    <language>en</language>\n{told}  </channel>\n</rss>\n"
    )
    headers = (_SURROGATE, ("Surrogate-Key", key), _CSP, *answers.CORS)
    return answers.found(printable(body).encode(), _TYPE, headers)


def _told(item: _Item) -> str:
    author = f"      <author>{escape(item.author)}</author>\n" if item.author else ""
    return (
        f"    <item>\n      <title>{escape(item.title)}</title>\n      <link>{escape(item.link)}</link>\n"
        f"      <description>{escape(item.description)}</description>\n{author}"
        f"      <pubDate>{format_datetime(item.moment, usegmt=True)}</pubDate>\n    </item>\n"
    )
