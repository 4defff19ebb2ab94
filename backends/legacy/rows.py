"""The structs that the JSON document and the XML-RPC answers are both made of.

What the old site counted or kept and the store does not is here with the value it had in April 2018: download
counts were always 0 by then, no file kept a signature, and no project had its quality scores any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from backends.legacy.site import Site
from backends.store import File, Release

Row: TypeAlias = dict[str, Any]

_TEXTS = (
    "name",
    "version",
    "author",
    "author_email",
    "maintainer",
    "maintainer_email",
    "home_page",
    "license",
    "summary",
    "description",
    "requires_python",
    "download_url",
)

# Lists that a release has a key for only when it has any.
_DEPENDENCIES = (
    "requires",
    "provides",
    "obsoletes",
    "requires_dist",
    "provides_dist",
    "obsoletes_dist",
    "requires_external",
)

_NEVER_SET = (
    "bugtrack_url",
    "cheesecake_code_kwalitee_id",
    "cheesecake_documentation_id",
    "cheesecake_installability_id",
    "docs_url",
)


def file_row(file: File, site: Site) -> Row:
    return {
        "packagetype": file.packagetype,
        "python_version": file.python_version,
        "comment_text": file.comment,
        "filename": file.filename,
        "md5_digest": file.md5,
        "sha256_digest": file.sha256,
        "path": file.path.removeprefix("packages/"),
        "size": file.size,
        "has_sig": False,
        "downloads": 0,
        "upload_time": file.upload_time,
        "url": site.file(file),
        "digests": {"md5": file.md5, "sha256": file.sha256},
    }


def release_row(release: Release, ordering: int, site: Site) -> Row:
    return {
        **{key: release.text(key) for key in _TEXTS},
        "name": release.project,  # as the project has it, whatever the release's own files say
        "version": release.version,
        "keywords": ",".join(release.several("keywords")),
        "platform": ",".join(release.several("platforms")),
        **dict.fromkeys(_NEVER_SET),
        "_pypi_ordering": ordering,
        "_pypi_hidden": release.hidden,
        "classifiers": list(release.several("classifiers")),
        "package_url": site.page(release.project),
        "release_url": site.page(release.project, release.version),
        "downloads": {"last_day": 0, "last_week": 0, "last_month": 0},
        **_dependencies(release),
    }


def _dependencies(release: Release) -> Row:
    lists = {key: list(release.several(key)) for key in _DEPENDENCIES}
    lists["project_url"] = [f"{label}, {url}" for label, url in release.labelled("project_urls").items()]
    return {key: values for key, values in lists.items() if values}


def search_row(release: Release, ordering: int) -> Row:
    return {
        "name": release.project,
        "version": release.version,
        "summary": release.summary,
        "_pypi_ordering": ordering,
    }


def ordering_of(releases: Sequence[Release]) -> dict[str, int]:
    """The place of each version among a project's releases, which are given oldest first."""
    return {release.version: place for place, release in enumerate(releases)}
