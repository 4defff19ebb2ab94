"""The structs that the JSON document and the XML-RPC answers are both made of.

What the old site counted or kept and the store does not is here with the value it had in April 2018: download
counts were always 0 by then, and no project had its quality scores any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias
from xml.sax.saxutils import escape

from backends.legacy.site import Site
from backends.marshalling import ARRAY, ARRAY_END, Written
from backends.steps import Steps
from backends.store import File, Release
from backends.store.substrings import BEFORE_ORDERING, BEFORE_SUMMARY, BEFORE_VERSION, LINE_END

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
        "has_sig": file.has_signature,
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


def search_rows(lines: Sequence[str]) -> Steps[Written]:
    """An array of structs of what was found. Of a frequent word that is a document of 10 MB, which is made by a few
    replacements: as structs it takes ten times as long, and as long as the search is given (0.5 s)."""
    pieces = [ARRAY]
    for at in range(0, len(lines), _AT_ONCE):
        pieces.append(_structs(lines[at : at + _AT_ONCE]))
        if len(pieces) % _CHUNKS_A_STEP == 0:
            yield
    return Written((*pieces, ARRAY_END))


def _structs(lines: Sequence[str]) -> bytes:
    xml = escape(LINE_END.join(lines)).encode()
    for separator, written in _PARTS:
        xml = xml.replace(separator, written)
    return _NAME + xml + _END


_AT_ONCE: Final = 200  # lines, so that all steps stay in the processor's cache: by half faster than all lines at once

_CHUNKS_A_STEP: Final = 20

# Before, between and after the parts of a line (`store.substrings`), as `xmlrpc.client` writes structs.
_NAME: Final = b"<value><struct>\n<member>\n<name>name</name>\n<value><string>"
_END: Final = b"</string></value>\n</member>\n</struct></value>\n"
_PARTS: Final = (
    (BEFORE_ORDERING.encode(), b"</string></value>\n</member>\n<member>\n<name>_pypi_ordering</name>\n<value><int>"),
    (BEFORE_VERSION.encode(), b"</int></value>\n</member>\n<member>\n<name>version</name>\n<value><string>"),
    (BEFORE_SUMMARY.encode(), b"</string></value>\n</member>\n<member>\n<name>summary</name>\n<value><string>"),
    (LINE_END.encode(), _END + _NAME),
)


def ordering_of(releases: Sequence[Release]) -> dict[str, int]:
    """The place of each version among a project's releases, which are given oldest first."""
    return {release.version: place for place, release in enumerate(releases)}
