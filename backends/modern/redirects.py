"""Old URLs of this site and of the one before it, which lead to where things are today."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from backends.modern import answers, pages
from backends.modern.answers import Answer, moved
from backends.modern.old_actions import WRITES
from backends.modern.visit import Visit, path_of

UPLOADS: Final = "http://upload.pypi.test/legacy/"


def by_action(visit: Visit) -> Answer:
    """`/pypi?:action=…`; without an action the front page."""
    match visit.query.get(":action"):
        case None:
            return moved("/") if visit.raw_path.endswith("/") else moved("/pypi/")
        case "rss":
            return moved("/rss/updates.xml")
        case "packages_rss":
            return moved("/rss/packages.xml")
        case "search":
            return moved("/search/?" + urlencode({"q": visit.query.get("term", "")}))
        case "browse":
            return _browse(visit)
        case "display" | "files" as action:
            return _named(visit, action)
        case "list_classifiers":
            return pages.classifier_lines(visit)
        case "doap":
            return gone("DOAP is no longer supported.")
        case action if action in WRITES:
            return uploads_gone()
        case _:
            return pages.missing()


def _browse(visit: Visit) -> Answer:
    number = visit.query.get("c", "")
    known = visit.store.classifiers()
    if not (number.isascii() and number.isdigit() and len(number) < 10 and int(number) in known):
        return pages.missing()
    return moved("/search/?" + urlencode({"c": known[int(number)]}))


def _named(visit: Visit, action: str) -> Answer:
    name, version = visit.query.get("name", ""), visit.query.get("version", "")
    if not name or (action == "files" and not version):
        return pages.missing()
    return moved(path_of("project", name, *([version] if version else [])) + ("#files" if action == "files" else ""))


def gone(why: str) -> Answer:
    """The reason phrase is what old clients show."""
    return Answer(410, (("Content-Type", answers.PLAIN),), why.encode(), why)


def uploads_gone() -> Answer:
    return gone(f"This API has moved to another host. Upload to {UPLOADS} instead.")


def to_project(visit: Visit) -> Answer:
    """A project's or a release's page, whatever the old path was."""
    version = visit.captures.get("version")
    return moved(path_of("project", visit.captures["name"], *([version] if version else [])))


def to_user(visit: Visit) -> Answer:
    return moved(path_of("user", visit.captures["name"]))


def to_upload(visit: Visit) -> Answer:
    """308: the method and the body stay what they are."""
    return moved(visit.with_query("/legacy/"), 308)


def to_files(visit: Visit) -> Answer:
    """Files of either path shape are the content host's business, which knows the old one too."""
    return moved(visit.files_url + visit.raw_path)
