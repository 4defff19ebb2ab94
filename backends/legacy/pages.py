"""The web pages for people: plain, and every value in them escaped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from backends.legacy.site import Site, page_path
from backends.store import File, Project, Release

_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def home_page(projects: Sequence[Project]) -> str:
    links = [(project.name, page_path(project.name)) for project in projects]
    return _PAGES.get_template("home.html").render(links=links)


def releases_page(releases: Sequence[Release]) -> str:
    """What there is to choose from, newest first."""
    name = releases[0].project
    rows = [(release.version, page_path(name, release.version), release.summary) for release in releases]
    return _PAGES.get_template("releases.html").render(name=name, rows=rows)


def release_page(release: Release, files: Sequence[File], site: Site) -> str:
    home = release.text("home_page")
    return _PAGES.get_template("release.html").render(
        release=release,
        # A link of another scheme could run script in the site's own origin.
        home=home if home.startswith(("http://", "https://")) else "",
        classifiers=release.several("classifiers"),
        files=[(file, f"{site.file(file)}#md5={file.md5}") for file in files],
    )
