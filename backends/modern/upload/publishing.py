"""A received file is judged and added in one transaction, so that what was checked holds when it is added."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from backends.modern.upload.form import Upload
from backends.modern.upload.judging import Known, check_project, check_received, judge
from backends.modern.upload.receiving import SentFile
from backends.store import BadArchive, Distribution, NewFile, Same, Store, read_distribution


def publish(directory: Path, upload: Upload, sent: SentFile, now: datetime) -> bool:
    """Whether that changed the index. Runs in a thread of its own, with a store of its own: others are answered."""
    with Store(directory) as store:
        _check_name(store, upload)
        check_received(upload, sent, store.size_of(upload.normalized))
        # Read before others are kept waiting; a bad archive has its place in the order of checks all the same.
        read = _read(sent)
        with store.exclusive():
            _check_name(store, upload)  # again: nobody else takes one now
            verdict = judge(upload, sent, _known(store, upload, sent), read, now)
            if isinstance(verdict, Same):
                return False
            store.add_file(_new_file(upload, verdict), sent.content, now)
            if upload.attestations is not None:
                store.set_provenance(sent.filename, upload.attestations)
        return True


def _check_name(store: Store, upload: Upload) -> None:
    is_new = store.project(upload.normalized) is None
    check_project(upload, is_new, store.confusable(upload.name) if is_new else None)


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


def _new_file(upload: Upload, read: Distribution) -> NewFile:
    """The form speaks for the release; the wheel's own metadata is what goes beside it."""
    return NewFile(
        filename=read.filename,
        packagetype=upload.packagetype,
        python_version=upload.python_version,
        metadata=upload.metadata,
        wheel_metadata=read.wheel_metadata,
        comment=upload.comment,
    )
