"""The tags (`Surrogate-Key`) of the old site's pages, and those to purge when a project has changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from backends.legacy.library import Library
from backends.legacy.names import normalized_name, simple_name
from backends.store import Project, Store
from backends.upload.tags import changed_tags, project_tag

SIMPLE_INDEX: Final = "simple-index"


def pages_tag(name: str) -> str:
    return f"pkg~{simple_name(name)}"


def written_tags(store: Store, project: Project, lists_too: bool = True) -> tuple[str, ...]:
    """Of pages of both sites: an edge may have either's."""
    own = (pages_tag(project.name), *((SIMPLE_INDEX,) if lists_too else ()))
    return (*changed_tags(store, project.normalized, lists_too), *own)


def purged_tags(names: Iterable[str], library: Library) -> list[str]:
    """What is purged for who asks it of these projects, as the new site did after each upload, in whatever spelling."""
    tags: dict[str, None] = {}
    for name in names:
        project = library.project_like(name)
        spelled = name if project is None else project.name
        tags |= dict.fromkeys((project_tag(normalized_name(name)), pages_tag(spelled)))
    return [*tags, SIMPLE_INDEX] if tags else []
