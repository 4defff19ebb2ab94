"""`file_upload`: a file, and its release if that was not registered. The order of the checks is the old site's.

Beside them stand those that the store's other doors have: a file is one that its archive reader takes, and is what its
form says that it is.
"""

from __future__ import annotations

import re
from typing import Final

from packaging.utils import canonicalize_name, canonicalize_version

from backends.legacy import answers
from backends.legacy.names import safe_name
from backends.legacy.tags import written_tags
from backends.legacy.writes import metadata
from backends.legacy.writes.registering import check_prohibited, register
from backends.legacy.writes.writing import Done, NotTaken, Sent, Writing, identified, own_project
from backends.store import (
    BadArchive,
    Conflict,
    ConflictReason,
    Distribution,
    NewFile,
    Project,
    Release,
    Same,
    read_distribution,
)
from backends.store.accounts import Account
from backends.upload.receiving import SentFile

LARGEST: Final = 60 << 20
_LARGEST_SIGNATURE: Final = 100 << 10
_ARMOUR: Final = b"-----BEGIN PGP SIGNATURE-----"

_FILENAME: Final = re.compile(r".+?\.(tar\.gz|zip|whl|egg)", re.IGNORECASE)
_TYPES: Final = frozenset({"sdist", "bdist_egg", "bdist_wheel"})
_PYTHON: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._]{0,63}")
_PLATFORM: Final = re.compile(
    r"any|win32|win_amd64|win_ia64|manylinux1_(x86_64|i686)"
    r"|macosx_10_\d+_(ppc|ppc64|i386|x86_64|intel|fat|fat32|fat64|universal)"
)
_INVALID: Final = "invalid distribution file"
_MD5: Final = (
    "The MD5 digest supplied does not match a digest calculated from the uploaded file "
    "(m = hashlib.md5(); m.update(content); digest = m.hexdigest())"
)


def file_upload(writing: Writing) -> Done:
    account = identified(writing, "You must be identified to edit package information")
    sent, store = writing.sent, writing.store
    if (sent.one("protocol_version") or "1") != "1":
        raise NotTaken(answers.failed())
    name, version = sent.one("name"), sent.one("version")
    if not name or not version:
        raise NotTaken(_malformed("Name and version are required"))
    check_prohibited(name)
    own_project(store, name, account)  # before a stranger's file is read
    # Read before others are kept waiting; a bad archive has its place in the order of checks all the same.
    read = _read(sent.file)
    with store.exclusive():
        project = own_project(store, name, account)  # again: nobody else changes it now
        is_new = store.release(project.normalized, version) is None
        release = _release(writing, account, project, version)
        file = _checked(sent, project, release, read, writing)
        _add(writing, file, sent)
    return Done(answers.found("OK\n", "text/plain"), written_tags(store, project, is_new))


def _release(writing: Writing, account: Account, project: Project, version: str) -> Release:
    """The release, registered by what came with the file if it was not there."""
    found = writing.store.release(project.normalized, version)
    if found is None:
        register(writing, account, {**metadata.of_form(writing.sent.fields), "name": project.name})
        found = writing.store.release(project.normalized, version)
    assert found is not None  # it was just registered
    return found


def _read(file: SentFile | None) -> Distribution | BadArchive | None:
    try:
        return None if file is None else read_distribution(file.content.path, file.filename)
    except BadArchive as error:
        return error


def _checked(
    sent: Sent, project: Project, release: Release, read: Distribution | BadArchive | None, writing: Writing
) -> NewFile:
    filetype, python_version = sent.one("filetype"), sent.one("pyversion")
    if not filetype or (sent.file is None and not sent.one("content")):
        raise NotTaken(_malformed("Both content and filetype are required"))
    if filetype == "sdist":
        python_version = "source"
    elif not python_version:
        raise NotTaken(_malformed("Python version is required for binary distribution uploads"))
    if sent.file is None or read is None:
        raise NotTaken(_malformed("invalid upload"))
    _check_name(sent.file.filename, filetype, project, release, writing)
    _check_content(sent, sent.file)
    if isinstance(read, BadArchive) or not _is_of(read, release, filetype) or not _PYTHON.fullmatch(python_version):
        raise NotTaken(_malformed(_INVALID))
    _check_platform(read.filename)
    signature = sent.bytes_of("gpg_signature")
    if signature and not signature.startswith(_ARMOUR):
        raise NotTaken(_malformed("signature is not ASCII-armored"))
    md5 = sent.one("md5_digest").strip().lower()
    if md5 and md5 != sent.file.content.md5:
        raise NotTaken(answers.refused(_MD5, "MD5 digest mismatch"))
    return NewFile(
        filename=read.filename,
        packagetype=read.packagetype,
        python_version=python_version,
        metadata={**release.metadata, "name": project.name, "version": release.version},
        wheel_metadata=read.wheel_metadata,
        comment=sent.one("comment").replace("\0", ""),
        signature=signature or None,
    )


def _check_name(filename: str, filetype: str, project: Project, release: Release, writing: Writing) -> None:
    if not _FILENAME.fullmatch(filename):
        raise NotTaken(_malformed(_INVALID))
    if filetype not in _TYPES:
        raise NotTaken(_malformed("Invalid file type"))
    there = writing.store.file_named(filename)
    if there is not None and (there.project, there.version) == (project.name, release.version):
        raise NotTaken(
            _malformed(
                f'A file named "{filename}" already exists for  {project.name}-{release.version}. '
                "To fix problems with that file you should create a new release."
            )
        )
    if "/" in filename or "\\" in filename:
        raise NotTaken(_malformed(_INVALID))
    prefix = safe_name(project.name.lower())
    if not safe_name(filename.lower()).startswith(prefix):
        raise NotTaken(_malformed(f'The filename for {project.name} must start with "{prefix}" (any case)'))


def _check_content(sent: Sent, file: SentFile) -> None:
    if file.content_type.lower().startswith("image/"):
        raise NotTaken(_malformed(_INVALID))
    if file.too_large or file.content.size > LARGEST:
        raise NotTaken(_malformed("distribution file too large"))
    if len(sent.bytes_of("gpg_signature")) > _LARGEST_SIGNATURE:
        raise NotTaken(_malformed("invalid signature"))


def _is_of(read: Distribution, release: Release, filetype: str) -> bool:
    name, version = str(read.metadata["name"]), str(read.metadata["version"])
    is_release = canonicalize_name(name) == canonicalize_name(release.project)
    same_version = canonicalize_version(version) == canonicalize_version(release.version)
    return read.packagetype == filetype and is_release and same_version


def _check_platform(filename: str) -> None:
    if filename.endswith(".whl"):
        for platform in filename.removesuffix(".whl").rpartition("-")[2].split("."):
            if not _PLATFORM.fullmatch(platform):
                raise NotTaken(_malformed("Binary wheel for an unsupported platform"))


def _add(writing: Writing, file: NewFile, sent: Sent) -> None:
    assert sent.file is not None  # it was checked
    match writing.store.add_file(file, sent.file.content, writing.now):
        case Conflict(ConflictReason.NAME_USED):
            why = "This filename has previously been used, you should use a different version."
            raise NotTaken(_malformed(why))
        case Conflict() | Same():
            raise NotTaken(_malformed("Duplicate file upload detected."))
        case _:
            pass


def _malformed(why: str) -> answers.Answer:
    return answers.malformed(why)
