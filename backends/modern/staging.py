"""Staged releases: files are uploaded to a stage, looked at as an index of its own, and published all at once.

Laws of this module:
- a stage is a store of its own, below the site's: nothing of it can show anywhere else before it is published;
- its name cannot be guessed, and who knows it may look; only who has the token makes, fills, publishes or drops one;
- publishing judges every file again, in one transaction: one refusal, and nothing has happened;
- a published stage is empty, and stays: what was uploaded to it meanwhile is still there, to be published next.
"""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from packaging.utils import canonicalize_name

from backends.modern.upload.judging import Known, check_project, check_release, conflict_refusal
from backends.store import Conflict, File, NewFile, Same, Store
from backends.store.content import METADATA_SUFFIX, SIGNATURE_SUFFIX
from backends.tally import note_writes
from backends.upload.refusal import Refusal

_FOLDER: Final = "stages"
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{22}")
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Refused:
    filename: str
    message: str


class NotPublished(Exception):
    def __init__(self, refused: list[Refused]) -> None:
        super().__init__(f"{len(refused)} files are refused")
        self.refused = refused


def make_stage(directory: Path) -> str:
    name = secrets.token_urlsafe(16)
    Store(_place(directory, name)).close()
    note_writes(1)
    return name


@contextmanager
def open_stage(directory: Path, name: str) -> Iterator[Store | None]:
    """None: there is no such stage."""
    if not _exists(directory, name):
        yield None
        return
    with Store(_place(directory, name)) as stage:
        yield stage


def drop_stage(directory: Path, name: str) -> bool:
    """False if there is none."""
    if not _exists(directory, name):
        return False
    shutil.rmtree(_place(directory, name))
    note_writes(1)
    return True


def publish_stage(directory: Path, name: str, now: datetime) -> list[File] | None:
    """The files that are published now; None if there is no such stage. Raises NotPublished."""
    with open_stage(directory, name) as stage:
        if stage is None:
            return None
        with stage.exclusive():
            files = stage.all_files()
            with Store(directory) as store, store.exclusive():
                refused = [refusal for file in files if (refusal := _add(store, stage, file, now))]
                if refused:
                    raise NotPublished(refused)  # which takes back what was added before
            for file in files:
                _forget(stage, file, now)
        return files


def _forget(stage: Store, file: File, now: datetime) -> None:
    """What a killed process has not forgotten is published again, and is the same then."""
    stage.remove_file(file.filename, now)
    path = stage.files_directory / file.path
    for suffix in ("", METADATA_SUFFIX, SIGNATURE_SUFFIX):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _add(store: Store, stage: Store, file: File, now: datetime) -> Refused | None:
    try:
        normalized = str(canonicalize_name(file.project))
        project = store.project(normalized)
        similar = store.confusable(file.project) if project is None else None
        check_project(file.project, normalized, project, similar)
        with store.receive() as receiving:
            with (stage.files_directory / file.path).open("rb") as source:
                while chunk := source.read(_CHUNK):
                    receiving.write(chunk)
            content = receiving.finish()
            objection = store.objection(file.filename, content)
            if isinstance(objection, Same):
                return None
            if isinstance(objection, Conflict):
                raise conflict_refusal(objection, file.filename, content.blake2b_256)
            known = Known(None, store.release(normalized, file.version), store.files(normalized, file.version))
            check_release(file.packagetype, file.version, known, now)
            store.add_file(_new_file(stage, file), content, now)
            provenance = stage.provenance(file.filename)
            if provenance is not None:
                store.set_provenance(file.filename, provenance)
    except Refusal as refusal:
        return Refused(file.filename, refusal.message)
    return None


def _new_file(stage: Store, file: File) -> NewFile:
    release = stage.release(str(canonicalize_name(file.project)), file.version)
    assert release is not None  # it has this file
    beside = stage.files_directory / f"{file.path}{METADATA_SUFFIX}"
    metadata = beside.read_bytes() if file.metadata_sha256 else None
    signature = (stage.files_directory / f"{file.path}{SIGNATURE_SUFFIX}").read_bytes() if file.has_signature else None
    kind = (file.filename, file.packagetype, file.python_version)
    return NewFile(*kind, release.metadata, metadata, file.comment, signature)


def _exists(directory: Path, name: str) -> bool:
    return _NAME.fullmatch(name) is not None and _place(directory, name).is_dir()


def _place(directory: Path, name: str) -> Path:
    return directory / _FOLDER / name
