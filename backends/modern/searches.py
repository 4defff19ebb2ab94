"""`/search/`: pages of projects that fit; and names as somebody types, for browsers that ask (OpenSearch)."""

from __future__ import annotations

from itertools import islice
from typing import Final
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from backends.modern import answers, rendering
from backends.modern.answers import Answer
from backends.modern.pages import CSP
from backends.modern.visit import Visit
from backends.steps import Steps
from backends.store.words import Found, Hit

ON_A_PAGE: Final = 20
SUGGESTED: Final = 10
LAST_PAGE: Final = 200

_UNCACHED: Final = ("Surrogate-Control", "max-age=10")  # what is found changes with every upload
_LONGEST: Final = 200  # characters that are looked for


def page(visit: Visit) -> Steps[Answer]:
    typed, classifier = visit.query.get("q", "")[:_LONGEST], visit.query.get("c", "")
    number = _page_number(visit.query.get("page", "1"))
    if classifier:
        found = yield from _classified(visit, classifier, number)
    else:
        with visit.store.snapshot():
            found = visit.store.find(typed, ON_A_PAGE, (number - 1) * ON_A_PAGE)
    has_more = number < LAST_PAGE and found.count > number * ON_A_PAGE
    values = {"typed": typed, "classifier": classifier, "found": found, "number": number}
    asked = {"c": classifier} if classifier else {"q": typed}
    next_url = "/search/?" + urlencode({**asked, "page": number + 1}) if has_more else None
    before_url = "/search/?" + urlencode({**asked, "page": number - 1}) if number > 1 else None
    body = rendering.html("search.html", **values, next_url=next_url, before_url=before_url)
    return answers.found(body, answers.HTML, (_UNCACHED, CSP))


def suggest(visit: Visit) -> Answer:
    """What OpenSearch calls suggestions: the text that was typed, and what it could become."""
    typed = visit.query.get("q", "")[:_LONGEST]
    names = visit.store.complete(typed, SUGGESTED)
    headers = (_UNCACHED, *answers.CORS)
    return answers.found(rendering.json_line([typed, names]), "application/x-suggestions+json", headers)


def description(visit: Visit) -> Answer:
    """Lets a browser search here from its own line, with names as one types."""
    origin = escape(visit.origin, {'"': "&quot;"})
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<OpenSearchDescription xmlns="http://a9.com/-/spec/opensearch/1.1/">\n'
        "  <ShortName>PyPI</ShortName>\n  <Description>Search for Python packages</Description>\n"
        f'  <Url type="text/html" method="get" template="{origin}/search/?q={{searchTerms}}"/>\n'
        f'  <Url type="application/x-suggestions+json" template="{origin}/search/suggest?q={{searchTerms}}"/>\n'
        "  <InputEncoding>UTF-8</InputEncoding>\n</OpenSearchDescription>\n"
    )
    return answers.found(body.encode(), "application/opensearchdescription+xml")


def _classified(visit: Visit, classifier: str, number: int) -> Steps[Found]:
    """Projects with a release that has it, each with the newest such release."""
    found = yield from visit.store.classified([classifier], listed_only=True)
    newest = {release.project: release for release in found.values()}
    first = (number - 1) * ON_A_PAGE
    shown = islice(newest.values(), first, first + ON_A_PAGE)
    return Found([Hit(release.project, release.version, release.summary) for release in shown], len(newest), False)


def _page_number(text: str) -> int:
    return min(max(int(text), 1), LAST_PAGE) if text.isascii() and text.isdigit() and len(text) < 7 else 1
