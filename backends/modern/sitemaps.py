"""`/sitemap.xml`: a list of lists, as no list may have more than 50,000 addresses."""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape

from backends.modern import answers, pages
from backends.modern.answers import Answer
from backends.modern.visit import Visit, path_of

IN_ONE: Final = 25_000

_XMLNS: Final = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
_HEADERS: Final = (("Surrogate-Control", "max-age=86400, stale-if-error=432000"), ("Surrogate-Key", "all-projects"))


def sitemap(visit: Visit) -> Answer:
    count = max(1, -(-len(visit.store.projects()) // IN_ONE))
    places = "".join(f"<sitemap><loc>{visit.origin}/sitemap/{number}.xml</loc></sitemap>" for number in range(count))
    return _xml(f"<sitemapindex {_XMLNS}>{places}</sitemapindex>")


def part(visit: Visit) -> Answer:
    text = visit.captures["number"]
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 7 else -1
    projects = visit.store.projects()[number * IN_ONE : (number + 1) * IN_ONE] if number >= 0 else []
    if number != 0 and not projects:
        return pages.missing()
    paths = [path_of("project", project.name) for project in projects if project.is_listed]
    places = "".join(f"<url><loc>{escape(visit.origin + path)}</loc></url>" for path in paths)
    return _xml(f"<urlset {_XMLNS}>{places}</urlset>")


def _xml(document: str) -> Answer:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{document}\n'
    return answers.found(body.encode(), "text/xml; charset=UTF-8", _HEADERS)
