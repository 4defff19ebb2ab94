"""`/sitemap.xml`: a list of lists, as no list may have more than 50,000 addresses."""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape

from backends.modern import answers, pages
from backends.modern.answers import Answer
from backends.modern.visit import Visit, path_of
from backends.steps import Steps, joined
from backends.store import Project, Store

IN_ONE: Final = 25_000

_XMLNS: Final = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
_HEADERS: Final = (("Surrogate-Control", "max-age=86400, stale-if-error=432000"), ("Surrogate-Key", "all-projects"))


def sitemap(visit: Visit) -> Answer:
    count = max(1, -(-visit.store.count_projects() // IN_ONE))
    origin = escape(visit.origin)
    places = "".join(f"<sitemap><loc>{origin}/sitemap/{number}.xml</loc></sitemap>" for number in range(count))
    return _xml(f"<sitemapindex {_XMLNS}>{places}</sitemapindex>")


def part(visit: Visit) -> Steps[Answer]:
    text = visit.captures["number"]
    first = int(text) * IN_ONE if text.isascii() and text.isdigit() and len(text) < 7 else None
    if first is None or (first and first >= visit.store.count_projects()):
        return pages.missing()
    told = yield from _projects(visit.store, first)
    places = yield from joined(_place(visit, project) for project in told)
    return _xml(f"<urlset {_XMLNS}>{places}</urlset>")


def _projects(store: Store, first: int) -> Steps[list[Project]]:
    """Those of one list, the first of them after so many."""
    told: list[Project] = []
    passed = 0
    for page in store.project_pages():
        told += page[max(first - passed, 0) : max(first + IN_ONE - passed, 0)]
        passed += len(page)
        if passed >= first + IN_ONE:
            break
        yield
    return told


def _place(visit: Visit, project: Project) -> str:
    """Of what is quarantined nothing. It counts nevertheless, so that no other project moves to another list."""
    place = f"<url><loc>{escape(visit.origin + path_of('project', project.name))}</loc></url>"
    return place if project.is_listed else ""


def _xml(document: str) -> Answer:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{document}\n'
    return answers.found(body.encode(), "text/xml; charset=UTF-8", _HEADERS)
