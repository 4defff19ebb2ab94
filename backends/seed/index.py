"""Importing from another index, by its simple API in JSON (PEP 691).

Laws of this module:
- a file is taken only when its bytes have the hash that the index says, and is described by what is in it;
- what the index says beside the bytes comes along: upload times, yanks and statuses;
- a page speaks for its own project, and for no other;
- whatever the index sends, the rest is imported all the same;
- importing again takes only what is new.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args
from urllib.parse import quote, urljoin

from packaging.utils import canonicalize_name

from backends.seed.fetching import FAILED, Listed, chunks, document, filenames, listed, names, text, versions
from backends.seed.seeding import Clock, Progress, Tally, utc_now, why
from backends.store import Added, Addition, BadArchive, Conflict, Store, read_distribution
from backends.store.model import Status


class CannotImport(Exception):
    """The index itself cannot be read."""


@dataclass(frozen=True, slots=True)
class Wanted:
    projects: Sequence[str] = ()  # all of them, when none is named
    newest: int | None = None  # versions of each


def seed_index(store: Store, url: str, wanted: Wanted, progress: Progress, clock: Clock = utc_now) -> Tally:
    """Import from the index at this URL. Raises CannotImport."""
    base = url.rstrip("/") + "/"
    projects = wanted.projects or _names(base)
    tallies = [_import_project(store, base, name, wanted.newest, progress, clock) for name in projects]
    return Tally(
        sum(tally.added for tally in tallies),
        sum(tally.same for tally in tallies),
        sum(tally.skipped for tally in tallies),
    )


def _names(base: str) -> list[str]:
    try:
        return names(document(base))
    except FAILED as error:
        raise CannotImport(f"{base}: cannot be read as an index in JSON (PEP 691): {error}") from error


def _import_project(store: Store, base: str, name: str, newest: int | None, progress: Progress, clock: Clock) -> Tally:
    normalized = str(canonicalize_name(name))
    try:
        page = document(f"{base}{quote(normalized, safe='')}/")
        files = filenames(page)
        if newest is not None:
            kept = set(versions(page)[-newest:])
            files = [file for file in files if any(_is_of(file[0], version) for version in kept)]
    except FAILED as error:
        progress(f"skipped {name}: {error}")
        return Tally(skipped=1)
    taken: list[Listed] = []
    added = same = skipped = 0
    for filename, said in files:
        try:
            file = listed(filename, said, normalized, clock())
            if _import_file(store, base, file, normalized, clock()):
                progress(f"added {filename}")
                added += 1
            else:
                same += 1
            taken.append(file)
        except (*FAILED, BadArchive) as error:
            progress(f"skipped {filename}: {error}")
            skipped += 1
    _note(store, normalized, page, taken, clock())
    return Tally(added, same, skipped)


def _is_of(filename: str, version: str) -> bool:
    return f"-{version}-" in filename or filename.removesuffix(".tar.gz").removesuffix(".zip").endswith(f"-{version}")


def _import_file(store: Store, base: str, file: Listed, normalized: str, now: datetime) -> bool:
    """Whether it was added, and was not there already. Raises what it cannot be taken for."""
    there = store.file_named(file.filename)
    if there is not None and canonicalize_name(there.project) == normalized and there.sha256 == file.sha256:
        return False
    addition = _add(store, urljoin(base, file.url), file, normalized, now)
    if isinstance(addition, Conflict):
        raise ValueError(why(addition))
    return isinstance(addition, Added)


def _add(store: Store, url: str, file: Listed, normalized: str, now: datetime) -> Addition:
    with store.receive() as receiving:
        for chunk in chunks(url):
            receiving.write(chunk)
        content = receiving.finish()
        if content.sha256 != file.sha256:
            raise ValueError(f"its bytes are not those that the index says, sha256 {file.sha256}")
        new = read_distribution(content.path, file.filename).as_new()
        if canonicalize_name(new.name) != normalized:
            raise ValueError(f"it is of the project {new.name}, and on the page of {normalized}")
        return store.add_file(new, content, file.uploaded or now)


def _note(store: Store, normalized: str, page: Mapping[str, Any], files: Iterable[Listed], now: datetime) -> None:
    """Yanks and the status, where they are not so already."""
    for file in files:
        there = store.file_named(file.filename)
        if there is None or file.yanked == there.yanked:
            continue
        if file.yanked:
            store.yank(normalized, there.version, file.reason, now)
        else:
            store.unyank(normalized, there.version, now)
    said, project = page.get("project-status"), store.project(normalized)
    if not isinstance(said, dict) or project is None or said.get("status") == project.status:
        return
    status: Status | None = next((known for known in get_args(Status) if known == said.get("status")), None)
    if status is not None:
        store.set_status(normalized, status, text(said.get("reason")), now)
