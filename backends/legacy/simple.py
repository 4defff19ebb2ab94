"""The simple pages, byte for byte in the shape that the installers of the time were written against."""

from __future__ import annotations

import html
from collections.abc import Iterable

from backends.legacy.names import simple_name
from backends.store import File, Project


def index_page(projects: Iterable[Project]) -> str:
    anchors = "".join(
        f"<a href='{simple_name(project.name)}'>{_text(project.name)}</a><br/>\n"
        for project in sorted(projects, key=lambda project: project.name)
    )
    head = '<html><head><title>Simple Index</title><meta name="api-version" value="2" /></head>'
    return f"{head}<body>\n{anchors}</body></html>"


def project_page(name: str, files: Iterable[File]) -> str:
    """The page of a project under the spelling it was asked for."""
    title = f"Links for {_text(name)}"
    anchors = "".join(map(_anchor, files))
    return f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1>{anchors}</body></html>"


def _anchor(file: File) -> str:
    needs = f' data-requires-python="{_attribute(file.requires_python)}"' if file.requires_python else ""
    href = _attribute(f"../../{file.path}#md5={file.md5}")
    return f'<a{needs} href="{href}" rel="internal">{_text(file.filename)}</a><br/>\n'


def _text(value: str) -> str:
    return html.escape(value, quote=False)


def _attribute(value: str) -> str:
    """Escaped for double quotes: the old pages leave the single quote as it is."""
    return _text(value).replace('"', "&quot;")
