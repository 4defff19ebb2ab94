"""A received file is judged and added in one transaction, so that what was checked holds when it is added."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from backends.modern.upload.attesting import provenance_of
from backends.modern.upload.form import Upload
from backends.modern.upload.judging import Known, check_project, check_received, judge
from backends.store import BadArchive, Distribution, NewFile, Same, Store, read_distribution
from backends.upload.receiving import SentFile
from backends.upload.tags import changed_tags


def publish(
    directory: Path, upload: Upload, sent: SentFile, now: datetime, signature: bytes | None = None
) -> tuple[str, ...]:
    """The tags of what that changed. Runs in a thread of its own, with a store of its own: others are answered."""
    with Store(directory) as store:
        _check_project(store, upload)
        check_received(upload, sent, store.size_of(upload.normalized))
        # Read before others are kept waiting; a bad archive has its place in the order of checks all the same.
        read = _read(sent)
        with store.exclusive():
            _check_project(store, upload)  # again: nobody else changes one now
            known = _known(store, upload, sent)
            verdict = judge(upload, sent, known, read, now)
            if isinstance(verdict, Same):
                return ()
            store.add_file(_new_file(upload, verdict, signature), sent.content, now)
            if upload.attestations:
                store.set_provenance(sent.filename, provenance_of(upload.attestations))
        return changed_tags(store, upload.normalized, lists_too=known.release is None)


def _check_project(store: Store, upload: Upload) -> None:
    with store.snapshot():  # or a project that somebody makes meanwhile would be like itself
        project = store.project(upload.normalized)
        similar = store.confusable(upload.name) if project is None else None
    check_project(upload.name, upload.normalized, project, similar)


def _read(sent: SentFile) -> Distribution | BadArchive:
    try:
        return read_distribution(sent.content.path, sent.filename)
    except BadArchive as refusal:
        return refusal


def _known(store: Store, upload: Upload, sent: SentFile) -> Known:
    version = str(upload.version)
    return Known(
        store.objection(sent.filename, sent.content),
        store.release(upload.normalized, version),
        store.files(upload.normalized, version),
    )


def _new_file(upload: Upload, read: Distribution, signature: bytes | None) -> NewFile:
    """The form speaks for the release; the wheel's own metadata is what goes beside it."""
    return NewFile(
        filename=read.filename,
        packagetype=upload.packagetype,
        python_version=read.python_version,
        metadata=upload.metadata,
        wheel_metadata=read.wheel_metadata,
        comment=upload.comment,
        signature=signature,
    )
