"""Whether a received file becomes part of the index, checked in the order that uploaders rely on.

New project's name or old one's status, size, digests, duplicate, file name log, age of the release, one sdist, archive,
file name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from backends.modern.upload import stdlib
from backends.modern.upload.filenames import check_filename
from backends.modern.upload.form import Upload
from backends.store import BadArchive, Conflict, ConflictReason, Distribution, File, Project, Release, Same
from backends.store.model import PackageType, Status
from backends.upload.receiving import MOST_OF_FILE, SentFile
from backends.upload.refusal import Refusal

# An old release stays what people installed and checked: no file joins it afterwards.
OPEN_FOR = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Known:
    """What the store says about the file's name, its bytes and its release."""

    objection: Same | Conflict | None
    release: Release | None
    files: Sequence[File]  # of the release


# What people type by mistake, and what would then run: `pip install requirements.txt`.
PROHIBITED = frozenset({"requirements-txt", "rrequirements-txt", "pyproject-toml", "setup-py", "pip-install", "cd"})

CLOSED: frozenset[Status] = frozenset({"archived", "quarantined"})  # to uploads (PEP 792)

MOST_OF_PROJECT = 10 << 30  # bytes of all files


def check_project(name: str, normalized: str, project: Project | None, similar: Project | None) -> None:
    """Projects that were there before a module of their name go on. `similar`: one that a new name is like."""
    if project is None:
        check_new_name(name, normalized, similar)
    elif project.status in CLOSED:
        raise Refusal(400, f"Project {project.name!r} is {project.status} and takes no new files.")


def check_new_name(name: str, normalized: str, similar: Project | None) -> None:
    if similar is not None:
        raise Refusal(400, f"The name {name!r} is too similar to an existing project.", "project-name")
    if normalized in PROHIBITED:
        raise Refusal(400, f"The name {name!r} isn't allowed.", "project-name")
    if normalized in stdlib.NAMES:
        raise Refusal(
            400, f"The name {name!r} isn't allowed (conflict with Python Standard Library module name).", "project-name"
        )


def check_received(upload: Upload, sent: SentFile, stored: int) -> None:
    """The checks that need the bytes only, and how many the project has already."""
    if sent.too_large:
        limit = MOST_OF_FILE >> 20
        raise Refusal(400, f"File too large. Limit for project {upload.name!r} is {limit} MB.", "file-size-limit")
    if stored + sent.content.size > MOST_OF_PROJECT:
        limit = MOST_OF_PROJECT >> 30
        what = f"Project size too large. Limit for project {upload.name!r} total size is {limit} GB."
        raise Refusal(400, what, "project-size-limit")
    received = {
        "md5_digest": sent.content.md5,
        "sha256_digest": sent.content.sha256,
        "blake2_256_digest": sent.content.blake2b_256,
    }
    for field, digest in upload.digests.items():
        if received[field] != digest:
            raise Refusal(400, f"The {field} given is not that of the file received.")


def judge(
    upload: Upload, sent: SentFile, known: Known, read: Distribution | BadArchive, now: datetime
) -> Distribution | Same:
    """The distribution to add, or the file that is the same already."""
    match known.objection:
        case Same() as same:
            return same
        case Conflict() as conflict:
            raise conflict_refusal(conflict, sent.filename, sent.content.blake2b_256)
        case None:
            pass
        case _:
            assert_never(known.objection)
    check_release(upload.packagetype, str(upload.version), known, now)
    if isinstance(read, BadArchive):
        raise Refusal(400, f"Invalid distribution file: {read}.")
    check_filename(sent.filename, upload)
    return read


def check_release(packagetype: PackageType, version: str, known: Known, now: datetime) -> None:
    if known.release is not None and now - known.release.uploaded > OPEN_FOR:
        raise Refusal(400, f"Release {version} is more than {OPEN_FOR.days} days old and takes no new files.")
    if packagetype == "sdist" and any(file.packagetype == "sdist" for file in known.files):
        raise Refusal(400, "Only one sdist may be uploaded per release.")


def conflict_refusal(conflict: Conflict, filename: str, digest: str) -> Refusal:
    match conflict.reason:
        case ConflictReason.NAME_TAKEN | ConflictReason.CONTENT_TAKEN:
            # twine's --skip-existing goes by the first three words.
            return Refusal(
                400, f"File already exists ({filename!r}, with blake2_256 hash {digest!r}).", "file-name-reuse"
            )
        case ConflictReason.NAME_USED:
            return Refusal(
                400,
                "This filename was previously used by a file that has since been deleted. Use a different version.",
                "file-name-reuse",
            )
        case _:
            assert_never(conflict.reason)
