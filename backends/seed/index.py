"""Importing from another index, by its simple API in JSON (PEP 691).

Laws of this module:
- a file is taken only when its bytes have the hash that the index says, and is described by what is in it;
- what the index says beside the bytes comes along: upload times, yanks and statuses;
- importing again takes only what is new.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPException
from typing import Any, Final, get_args
from urllib.parse import quote, urljoin
from urllib.request import Request, urlopen

from packaging.utils import canonicalize_name

from backends.seed.seeding import SUFFIXES, Clock, Progress, Tally, utc_now, why
from backends.store import Added, BadArchive, Conflict, Store, read_distribution
from backends.store.model import Status

_ACCEPT: Final = "application/vnd.pypi.simple.v1+json"
_PATIENCE: Final = 60.0  # seconds without an octet
_CHUNK: Final = 1 << 20
_LARGEST: Final = 100 << 20  # of a file, as for uploads
_LARGEST_PAGE: Final = 256 << 20

_FAILED: Final = (OSError, HTTPException, ValueError, KeyError, TypeError)


class CannotImport(Exception):
    """The index itself cannot be read."""


@dataclass(frozen=True, slots=True)
class Wanted:
    projects: Sequence[str] = ()  # all of them, when none is named
    newest: int | None = None  # versions of each


def seed_index(store: Store, url: str, wanted: Wanted, progress: Progress, clock: Clock = utc_now) -> Tally:
    """Import from the index at this URL. Raises CannotImport."""
    base = url.rstrip("/") + "/"
    names = wanted.projects or _names(base)
    tallies = [_import_project(store, base, name, wanted.newest, progress, clock) for name in names]
    return Tally(
        sum(tally.added for tally in tallies),
        sum(tally.same for tally in tallies),
        sum(tally.skipped for tally in tallies),
    )


def _names(base: str) -> list[str]:
    try:
        return [str(project["name"]) for project in _json(base)["projects"]]
    except _FAILED as error:
        raise CannotImport(f"{base}: cannot be read as an index in JSON (PEP 691): {error}") from error


def _import_project(store: Store, base: str, name: str, newest: int | None, progress: Progress, clock: Clock) -> Tally:
    normalized = str(canonicalize_name(name))
    try:
        page = _json(f"{base}{quote(normalized, safe='')}/")
        files = [file for file in page["files"] if str(file["filename"]).endswith(SUFFIXES)]
    except _FAILED as error:
        progress(f"skipped {name}: {error}")
        return Tally(skipped=1)
    if newest is not None:
        kept = set(list(page.get("versions", ()))[-newest:])
        files = [file for file in files if any(_is_of(str(file["filename"]), version) for version in kept)]
    added = same = skipped = 0
    for file in files:
        match _import_file(store, base, file, progress, clock):
            case True:
                added += 1
            case False:
                same += 1
            case None:
                skipped += 1
    _note(store, normalized, page, files, clock())
    return Tally(added, same, skipped)


def _is_of(filename: str, version: str) -> bool:
    return f"-{version}-" in filename or filename.removesuffix(".tar.gz").removesuffix(".zip").endswith(f"-{version}")


def _import_file(store: Store, base: str, file: Mapping[str, Any], progress: Progress, clock: Clock) -> bool | None:
    """Whether it was added; None if it was not taken."""
    name = str(file["filename"])
    there = store.file_named(name)
    try:
        hashes = file["hashes"]
        assert isinstance(hashes, dict)
        if there is not None and hashes.get("sha256") == there.sha256:
            return False
        with store.receive() as receiving:
            for chunk in _chunks(urljoin(base, str(file["url"]))):
                receiving.write(chunk)
            content = receiving.finish()
            if content.sha256 != hashes.get("sha256"):
                raise ValueError(f"its bytes are not those that the index says, sha256 {hashes.get('sha256')}")
            moment = _moment(file.get("upload-time")) or clock()
            addition = store.add_file(read_distribution(content.path, name).as_new(), content, moment)
    except (*_FAILED, BadArchive, AssertionError) as error:
        progress(f"skipped {name}: {error}")
        return None
    if isinstance(addition, Conflict):
        progress(f"skipped {name}: {why(addition)}")
        return None
    progress(f"added {name}")
    return isinstance(addition, Added)


def _note(
    store: Store, normalized: str, page: Mapping[str, Any], files: Iterable[Mapping[str, Any]], now: datetime
) -> None:
    """Yanks and the status, where they are not so already."""
    for file in files:
        there, yanked = store.file_named(str(file["filename"])), file.get("yanked", False)
        if there is None or bool(yanked) == there.yanked:
            continue
        reason = yanked if isinstance(yanked, str) else None
        if yanked:
            store.yank(normalized, there.version, reason, now)
        else:
            store.unyank(normalized, there.version, now)
    said, project = page.get("project-status"), store.project(normalized)
    if not isinstance(said, dict) or project is None or said.get("status") == project.status:
        return
    status: Status | None = next((known for known in get_args(Status) if known == said.get("status")), None)
    if status is not None:
        reason = said.get("reason")
        store.set_status(normalized, status, reason if isinstance(reason, str) else None, now)


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _json(url: str) -> dict[str, Any]:
    with urlopen(Request(url, headers={"Accept": _ACCEPT}), timeout=_PATIENCE) as answer:
        document: dict[str, Any] = json.loads(answer.read(_LARGEST_PAGE))
        return document


def _chunks(url: str) -> Iterable[bytes]:
    size = 0
    with urlopen(Request(url), timeout=_PATIENCE) as answer:
        while chunk := answer.read(_CHUNK):
            size += len(chunk)
            if size > _LARGEST:
                raise ValueError(f"it has more than {_LARGEST >> 20} MiB")
            yield chunk
