"""What people read: the list of projects, a project or one of its releases, and what is missing."""

from __future__ import annotations

import sqlite3

from packaging.utils import canonicalize_name

from backends.modern import answers, rendering
from backends.modern.answers import Answer, Headers
from backends.modern.visit import Visit, path_of
from backends.store.latest import latest

# The style sheet is the only thing that a page loads, and a search form the only one it sends.
_CSP = ("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'")
_SURROGATE = ("Surrogate-Control", "max-age=86400, stale-if-error=432000")

HEALTHY = answers.found(b"OK", answers.PLAIN)


def index(visit: Visit) -> Answer:
    return _page("index.html", (_SURROGATE, ("Surrogate-Key", "all-projects")), projects=visit.store.projects())


def project(visit: Visit) -> Answer:
    """The latest release, or the one that the path names."""
    name, version = visit.captures["name"], visit.captures.get("version")
    normalized = canonicalize_name(name)
    with visit.store.snapshot():
        found = visit.store.project(normalized)
        releases = visit.store.releases(normalized)
        files = visit.store.files(normalized)
        release = latest(releases) if version is None else visit.store.release(normalized, version)
    if found is None or release is None:
        return missing()
    if name != found.name:
        return answers.moved(visit.with_query(path_of("project", found.name, *([version] if version else []))))
    return _page(
        "project.html",
        (_SURROGATE, ("Surrogate-Key", f"project/{normalized}")),
        release=release,
        releases=releases[::-1],
        files=[file for file in files if file.version == release.version],
        files_url=visit.files_url,
        index_url=f"{visit.origin}/simple/",
    )


def missing() -> Answer:
    return Answer(404, (("Content-Type", answers.HTML), _CSP), rendering.html("missing.html"))


def health(visit: Visit) -> Answer:
    """Healthy is who can read the index."""
    try:
        visit.store.last_serial()
    except sqlite3.Error as error:
        return Answer(503, (("Content-Type", answers.PLAIN),), f"The index cannot be read: {error}".encode())
    return HEALTHY


def _page(template: str, headers: Headers, **values: object) -> Answer:
    return answers.found(rendering.html(template, **values), answers.HTML, (*headers, _CSP))
