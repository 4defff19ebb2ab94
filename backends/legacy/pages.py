"""The web pages for people: plain, and every value in them escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from backends.legacy.site import Site, page_path
from backends.store import Brief, File, Project, Release

_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


STYLES = Path(__file__).with_name("static").joinpath("styles.css").read_text()


@dataclass(frozen=True, slots=True)
class BrowsePage:
    chosen: Sequence[tuple[int, str]]  # classifiers, by number
    others: Sequence[tuple[int, str, str]]  # number, name and URL of what could be chosen too
    count: int
    all_url: str


def home_page(newest: Sequence[Release], count: int) -> str:
    """How many projects there are, and what came last."""
    return _PAGES.get_template("home.html").render(rows=_rows(newest), count=count)


def all_page(projects: Iterable[Project], count: int) -> Iterator[str]:
    """Of every project, in pieces."""
    links = ((project.name, page_path(project.name)) for project in projects)
    return _PAGES.get_template("all.html").generate(links=links, count=count)


def releases_page(releases: Sequence[Release]) -> str:
    """What there is to choose from, newest first."""
    name = releases[0].project
    rows = [(release.version, page_path(name, release.version), release.summary) for release in releases]
    return _PAGES.get_template("releases.html").render(name=name, rows=rows)


def matches_page(title: str, matches: Iterable[Brief]) -> Iterator[str]:
    """In pieces."""
    return _PAGES.get_template("matches.html").generate(title=title, rows=_rows(matches))


def _rows(releases: Iterable[Brief | Release]) -> Iterator[tuple[str, str, str, str]]:
    for one in releases:
        yield one.project, one.version, page_path(one.project, one.version), one.summary


def browse_page(page: BrowsePage, shown: Iterable[Brief]) -> Iterator[str]:
    """In pieces."""
    rows = _rows(shown) if shown else ()
    return _PAGES.get_template("browse.html").generate(page=page, rows=rows)


def files_page(name: str, version: str, files: Sequence[File], site: Site) -> str:
    links = [(file, f"{site.file(file)}#md5={file.md5}") for file in files]
    return _PAGES.get_template("files.html").render(name=name, version=version, files=links)


def notice_page(title: str, paragraphs: Sequence[str]) -> str:
    return _PAGES.get_template("notice.html").render(title=title, paragraphs=paragraphs)


def confirm_page(name: str, key: str) -> str:
    """Asks the owner of a new account to agree."""
    return _PAGES.get_template("confirm.html").render(name=name, key=key)


def directory_page(path: str) -> str:
    return _PAGES.get_template("directory.html").render(path=path)


def release_page(release: Release, files: Sequence[File], site: Site) -> str:
    home = release.text("home_page")
    return _PAGES.get_template("release.html").render(
        release=release,
        # A link of another scheme could run script in the site's own origin.
        home=home if home.startswith(("http://", "https://")) else "",
        classifiers=release.several("classifiers"),
        files=[(file, f"{site.file(file)}#md5={file.md5}") for file in files],
    )
