"""Old URLs of this site and of the one before it, which lead to where things are today."""

from __future__ import annotations

from backends.modern.answers import Answer, moved
from backends.modern.visit import Visit, path_of


def to_front_page(_: Visit) -> Answer:
    return moved("/")


def to_project(visit: Visit) -> Answer:
    """A project's or a release's page, whatever the old path was."""
    version = visit.captures.get("version")
    return moved(path_of("project", visit.captures["name"], *([version] if version else [])))


def to_upload(visit: Visit) -> Answer:
    """308: the method and the body stay what they are."""
    return moved(visit.with_query("/legacy/"), 308)


def to_files(visit: Visit) -> Answer:
    """Files of either path shape are the content host's business, which knows the old one too."""
    return moved(visit.files_url + visit.raw_path)
