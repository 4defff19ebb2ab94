"""From rows of the index to values, and the columns each value needs."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from backends.store.model import Change, File, Metadata, MetadataValue, Project, Release
from backends.store.versions import VersionKey, version_key

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

PROJECTS = "SELECT name, normalized, serial, status, status_reason FROM project"

RELEASES = """
    SELECT project.name AS project, project.normalized, release.version, release.metadata,
           release.uploaded, release.yanked, release.yanked_reason, release.hidden
    FROM release JOIN project ON project.id = release.project_id
"""

# All but what may have megabytes, which SQLite takes away in a fraction of the time in which Python reads it.
RELEASES_BRIEFLY = RELEASES.replace("release.metadata,", "json_remove(release.metadata, '$.description') AS metadata,")

# Without what they say of themselves: nothing of it is read.
RELEASES_BARE = RELEASES.replace("release.metadata,", "'{}' AS metadata,")

FILES = """
    SELECT project.name AS project, release.version, file.filename, file.packagetype, file.python_version,
           file.requires_python, file.comment, file.size, file.md5, file.sha256, file.blake2b_256,
           file.upload_time, file.metadata_sha256, release.yanked, release.yanked_reason,
           file.provenance IS NOT NULL AS has_provenance, file.has_signature
    FROM file
    JOIN release ON release.id = file.release_id
    JOIN project ON project.id = release.project_id
"""

RELEASE_VERSIONS = "SELECT id, release.version, yanked, ordering FROM release LEFT JOIN brief ON release_id = id"

CHANGES = "SELECT serial, project, version, moment, action FROM change"


@dataclass(frozen=True, slots=True)
class ReleaseVersion:
    """As much of a release as decides which one is the latest."""

    id: int
    version: str
    yanked: bool
    ordering: int | None  # as searches have it; None if they have no such release yet

    @property
    def key(self) -> VersionKey:
        return version_key(self.version)


def to_micros(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def to_moment(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


def to_json(metadata: Metadata) -> str:
    return json.dumps(dict(metadata), default=dict, ensure_ascii=False, sort_keys=True)


def to_metadata(text: str) -> Metadata:
    return {key: _value(value) for key, value in json.loads(text).items()}


def _value(value: str | list[str] | dict[str, str]) -> MetadataValue:
    return tuple(value) if isinstance(value, list) else value


def project_of(row: sqlite3.Row) -> Project:
    return Project(row["name"], row["normalized"], row["serial"], row["status"], row["status_reason"])


def release_of(row: sqlite3.Row) -> Release:
    return Release(
        project=row["project"],
        version=row["version"],
        metadata=to_metadata(row["metadata"]),
        uploaded=to_moment(row["uploaded"]),
        yanked=bool(row["yanked"]),
        yanked_reason=row["yanked_reason"],
        hidden=bool(row["hidden"]),
    )


def file_of(row: sqlite3.Row) -> File:
    return File(
        project=row["project"],
        version=row["version"],
        filename=row["filename"],
        packagetype=row["packagetype"],
        python_version=row["python_version"],
        requires_python=row["requires_python"],
        comment=row["comment"],
        size=row["size"],
        md5=row["md5"],
        sha256=row["sha256"],
        blake2b_256=row["blake2b_256"],
        upload_time=to_moment(row["upload_time"]),
        metadata_sha256=row["metadata_sha256"],
        yanked=bool(row["yanked"]),
        yanked_reason=row["yanked_reason"],
        has_provenance=bool(row["has_provenance"]),
        has_signature=bool(row["has_signature"]),
    )


def version_of(row: sqlite3.Row) -> ReleaseVersion:
    return ReleaseVersion(row["id"], row["version"], bool(row["yanked"]), row["ordering"])


def change_of(row: sqlite3.Row) -> Change:
    return Change(row["serial"], row["project"], row["version"], to_moment(row["moment"]), row["action"])
