"""The simple pages, byte for byte in the shape that the installers of the time were written against."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator

from backends.legacy.names import simple_name
from backends.legacy.site import Site
from backends.store import File, Project, Release


def index_page(projects: Iterable[Project]) -> Iterator[str]:
    """In the order of names, in pieces."""
    yield '<html><head><title>Simple Index</title><meta name="api-version" value="2" /></head><body>\n'
    for project in sorted(projects, key=lambda project: project.name):
        yield f"<a href='{simple_name(project.name)}'>{_text(project.name)}</a><br/>\n"
    yield "</body></html>"


def project_page(name: str, files: Iterable[File], site: Site, releases: Iterable[Release] = ()) -> str:
    """The page of a project under the spelling it was asked for. `releases`: those whose own pages it names."""
    title = f"Links for {_text(name)}"
    anchors = "".join(_anchor(file, site) for file in files) + "".join(_links_out(releases))
    return f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1>{anchors}</body></html>"


def _anchor(file: File, site: Site) -> str:
    is_told = file.requires_python and site.era.says_what_python
    needs = f' data-requires-python="{_attribute(file.requires_python or "")}"' if is_told else ""
    href = _attribute(f"../../{site.file_path(file)}#md5={file.md5}")
    return f'<a{needs} href="{href}" rel="internal">{_text(file.filename)}</a><br/>\n'


def _links_out(releases: Iterable[Release]) -> Iterator[str]:
    for release in releases:
        for rel, label in (("home_page", "home_page"), ("download_url", "download_url")):
            if url := release.text(rel):
                kind = "homepage" if rel == "home_page" else "download"
                yield f'<a href="{_attribute(url)}" rel="{kind}">{_text(release.version)} {label}</a><br/>\n'


def _text(value: str) -> str:
    return html.escape(value, quote=False)


def _attribute(value: str) -> str:
    """Escaped for double quotes: the old pages leave the single quote as it is."""
    return _text(value).replace('"', "&quot;")
