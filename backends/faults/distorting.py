"""A store that does not say the truth while a request with untruths is answered, and else the truth.

Laws of this module:
- an untruth is in what is read, before any page is made: so every form of an answer tells the same one, with an
  ETag of its own, and nothing of it is left when the fault is gone;
- a file's address stays: its BLAKE2b, which is in the URL, is never wrong;
- what is written is written to the truth: uploads open a store of their own, of the plain kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, assert_never

from packaging.utils import canonicalize_name

from backends.faults.model import Attribute, Hashes, Missing, Untruth, Without, WrongHash
from backends.faults.planted import Acting
from backends.steps import Steps
from backends.store import Brief, File, Project, Release, Store
from backends.store.substrings import Operator, brief_of
from backends.store.words import Found, Hit


@dataclass(slots=True)
class Untruths:
    """Those for one request, and which of them changed anything that was read for it."""

    told: Sequence[tuple[Acting, Untruth]]
    shown: list[Acting] = field(default_factory=list)

    def is_missing(self, normalized: str) -> bool:
        found = [acting for acting, untruth in self.told if isinstance(untruth, Missing) and _is_of(acting, normalized)]
        for acting in found:
            self._show(acting)
        return bool(found)

    def file(self, file: File) -> File:
        for acting, untruth in self.told:
            if not _is_of(acting, _normalized(file.project)):
                continue
            changed = _file_with(file, untruth)
            if changed != file:
                self._show(acting)
                file = changed
        return file

    def release(self, release: Release) -> Release:
        for acting, untruth in self.told:
            if not _is_of(acting, _normalized(release.project)):
                continue
            changed = _release_with(release, untruth)
            if changed != release:
                self._show(acting)
                release = changed
        return release

    def _show(self, acting: Acting) -> None:
        if acting not in self.shown:
            acting.hits += 1
            self.shown.append(acting)


_CURRENT: Final[ContextVar[Untruths | None]] = ContextVar("untruths", default=None)


@contextmanager
def telling(untruths: Untruths) -> Iterator[None]:
    """What is read from a `FaultyStore` inside is so."""
    before = _CURRENT.set(untruths)
    try:
        yield
    finally:
        _CURRENT.reset(before)


class FaultyStore(Store):
    def project_pages(self) -> Iterator[list[Project]]:
        for page in super().project_pages():
            yield [project for project in page if not _is_missing(project.normalized)]

    def sizes(self, limit: int) -> Steps[tuple[int, list[tuple[str, int]]]]:
        total, largest = yield from super().sizes(limit)
        return total, [(name, size) for name, size in largest if not _is_missing(_normalized(name))]

    def project(self, normalized: str) -> Project | None:
        found = super().project(normalized)
        return None if found is None or _is_missing(normalized) else found

    def releases(self, normalized: str, described: bool = True) -> list[Release]:
        return _releases(super().releases(normalized, described))

    def bare_releases(self, normalized: str) -> list[Release]:
        return _releases(super().bare_releases(normalized))

    def release(self, normalized: str, version: str) -> Release | None:
        found = super().release(normalized, version)
        return next(iter(_releases([found] if found else [])), None)

    def newest_releases(self, limit: int, listed_only: bool = False) -> list[Release]:
        return _releases(super().newest_releases(limit, listed_only))

    def newest_projects(self, limit: int) -> list[Project]:
        return [project for project in super().newest_projects(limit) if not _is_missing(project.normalized)]

    def releases_since(self, moment: datetime) -> Iterator[list[Release]]:
        yield from map(_releases, super().releases_since(moment))

    def files(self, normalized: str, version: str | None = None) -> list[File]:
        return _files(super().files(normalized, version))

    def files_in_steps(self, normalized: str) -> Steps[list[File]]:
        return _told(super().files_in_steps(normalized))

    def file_named(self, filename: str) -> File | None:
        return _one(super().file_named(filename))

    def file_with_blake2b(self, blake2b_256: str) -> File | None:
        return _one(super().file_with_blake2b(blake2b_256))

    def file_with_md5(self, md5: str) -> File | None:
        return _one(super().file_with_md5(md5))

    def search(
        self, wanted: Mapping[str, Sequence[str]], operator: Operator = "and", hidden_too: bool = False
    ) -> list[str]:
        return _lines(super().search(wanted, operator, hidden_too))

    def search_pages(
        self, wanted: Mapping[str, Sequence[str]], operator: Operator = "and", hidden_too: bool = False
    ) -> Iterator[list[str]]:
        yield from map(_lines, super().search_pages(wanted, operator, hidden_too))

    def hit(self, normalized: str) -> Hit | None:
        return None if _is_missing(normalized) else super().hit(normalized)

    def find(self, typed: str, limit: int, offset: int = 0) -> Found:
        found = super().find(typed, limit, offset)
        hits = [hit for hit in found.hits if not _is_missing(_normalized(hit.name))]
        return replace(found, hits=hits, count=found.count - len(found.hits) + len(hits))

    def complete(self, typed: str, limit: int) -> list[str]:
        return [name for name in super().complete(typed, limit) if not _is_missing(_normalized(name))]

    def projects_of(self, user: str, listed_only: bool = False) -> list[tuple[str, str]]:
        found = super().projects_of(user, listed_only)
        return [role for role in found if not _is_missing(_normalized(role[1]))]

    def classified(self, classifiers: Sequence[str], listed_only: bool = False) -> Steps[dict[int, Brief]]:
        found = yield from super().classified(classifiers, listed_only)
        return {number: brief for number, brief in found.items() if not _is_missing(_normalized(brief.project))}


def _normalized(name: str) -> str:
    return str(canonicalize_name(name))


def _is_missing(normalized: str) -> bool:
    current = _CURRENT.get()
    return current is not None and current.is_missing(normalized)


def _lines(lines: list[str]) -> list[str]:
    if _CURRENT.get() is None:
        return lines
    return [line for line in lines if not _is_missing(_normalized(brief_of(line).project))]


def _told(files: Steps[list[File]]) -> Steps[list[File]]:
    return _files((yield from files))


def _one(file: File | None) -> File | None:
    return next(iter(_files([file] if file else [])), None)


def _files(files: list[File]) -> list[File]:
    current = _CURRENT.get()
    if current is None:
        return files
    return [current.file(file) for file in files if not current.is_missing(_normalized(file.project))]


def _releases(releases: list[Release]) -> list[Release]:
    current = _CURRENT.get()
    if current is None:
        return releases
    return [current.release(release) for release in releases if not current.is_missing(_normalized(release.project))]


def _is_of(acting: Acting, normalized: str) -> bool:
    return acting.where.project in (None, normalized)


def _file_with(file: File, untruth: Untruth) -> File:
    match untruth:
        case Missing():
            return file
        case WrongHash(of):
            return _with_wrong_hashes(file, of)
        case Without(attribute):
            return _file_without(file, attribute)
        case _:
            assert_never(untruth)


def _with_wrong_hashes(file: File, of: Hashes) -> File:
    if of is not Hashes.METADATA:
        file = replace(file, md5=_wrong(file.md5), sha256=_wrong(file.sha256))
    if of is not Hashes.FILE and file.metadata_sha256:
        file = replace(file, metadata_sha256=_wrong(file.metadata_sha256))
    return file


def _file_without(file: File, attribute: Attribute) -> File:
    match attribute:
        case Attribute.REQUIRES_PYTHON:
            return replace(file, requires_python=None)
        case Attribute.YANKED:
            return replace(file, yanked=False, yanked_reason=None)
        case Attribute.CORE_METADATA:
            return replace(file, metadata_sha256=None)
        case _:
            assert_never(attribute)


def _release_with(release: Release, untruth: Untruth) -> Release:
    """Releases have no hashes, and no metadata of single files."""
    match untruth:
        case Without(Attribute.REQUIRES_PYTHON):
            metadata = {key: value for key, value in release.metadata.items() if key != "requires_python"}
            return replace(release, metadata=metadata)
        case Without(Attribute.YANKED):
            return replace(release, yanked=False, yanked_reason=None)
        case _:
            return release


def _wrong(digest: str) -> str:
    """One digit other than the true one: as wrong as any, and found by whoever looks."""
    return digest[:-1] + ("1" if digest[-1] == "0" else "0")
