"""The JSON document of a release."""

from __future__ import annotations

import json
from collections.abc import Sequence

from backends.legacy.rows import Row, file_row, ordering_of, release_row
from backends.legacy.site import Site
from backends.store import File, Release


def document(chosen: Release, releases: Sequence[Release], files: Sequence[File], site: Site) -> str:
    """`releases` are all of the project's, oldest first, and `files` all of its files."""
    listed: dict[str, list[Row]] = {release.version: [] for release in reversed(releases)}
    for file in files:
        listed[file.version].append(_dated(file_row(file, site)))
    body = {
        "info": release_row(chosen, ordering_of(releases)[chosen.version], site),
        "urls": listed[chosen.version],
        "releases": listed,
    }
    # Lines end in a space where they end in a comma: the Python of the time wrote them so.
    return json.dumps(body, indent=4, separators=(", ", ": "))


def padded(text: str, callback: str | None) -> str:
    """As JSONP, where a callback is named."""
    return f"{callback}({text})" if callback else text


def _dated(row: Row) -> Row:
    return {**row, "upload_time": f"{row['upload_time']:%Y-%m-%dT%H:%M:%S}"}
