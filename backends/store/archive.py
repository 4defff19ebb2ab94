"""What a wheel or an sdist says about itself, read without trusting it.

Laws of this module:
- whatever is in the file, memory stays within some tens of megabytes and work within `MOST_UNPACKED` bytes;
- nothing is ever unpacked to disk;
- a file that cannot be read, or whose name and metadata disagree, is a `BadArchive` with the reason.
"""

from __future__ import annotations

import gzip
import io
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

from packaging.metadata import parse_email
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from backends.store.model import Metadata, NewFile, PackageType

T = TypeVar("T")

MOST_METADATA = 2 << 20
MOST_AT_ONCE = 4 << 20  # read in one go: a zip's directory, a tar's extended header
MOST_MEMBERS = 20_000
MOST_UNPACKED = 1 << 30

# No path separators, leading dots or control characters; room for `.metadata` within 255 bytes.
_FILENAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+!-]{0,239}\Z")
_NAME = re.compile(r"([A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9])\Z", re.IGNORECASE)

# What the readers of the standard library raise on bytes that are not what they should be.
_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    gzip.BadGzipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,  # an encrypted member; headers nested too deeply
    OverflowError,
    ValueError,
)


class BadArchive(Exception):
    """Why a file is not taken for a wheel or an sdist."""


@dataclass(frozen=True, slots=True)
class Distribution:
    filename: str
    packagetype: PackageType
    python_version: str
    metadata: Metadata
    wheel_metadata: bytes | None

    def as_new(self, comment: str = "") -> NewFile:
        return NewFile(
            self.filename, self.packagetype, self.python_version, self.metadata, self.wheel_metadata, comment
        )


def read_distribution(path: Path, filename: str) -> Distribution:
    """Read the file at `path`, which is to be known as `filename`."""
    if not _FILENAME.match(filename):
        raise BadArchive("its name is too long or has characters that a package's file name cannot have")
    if filename.endswith(".whl"):
        return _wheel(path, filename)
    if filename.endswith((".tar.gz", ".zip")):
        return _sdist(path, filename)
    raise BadArchive("it is neither a wheel (.whl) nor an sdist (.tar.gz, .zip)")


def _wheel(path: Path, filename: str) -> Distribution:
    try:
        name, version, _, _ = parse_wheel_filename(filename)
    except InvalidWheelFilename as error:
        raise BadArchive(str(error)) from error
    data = _from_zip(path, ".dist-info/METADATA")
    metadata = _parsed(data, "METADATA")
    _agree(metadata, str(name), str(version))
    return Distribution(filename, "bdist_wheel", filename.split("-")[-3], metadata, data)


def _sdist(path: Path, filename: str) -> Distribution:
    read = _from_zip if filename.endswith(".zip") else _from_tar
    data = read(path, "/PKG-INFO")
    metadata = _parsed(data, "PKG-INFO")
    try:
        name, version = parse_sdist_filename(filename)
    except InvalidSdistFilename:
        # Old versions outside PEP 440: all that can be held against the name is the metadata itself.
        stem = filename.removesuffix(".tar.gz").removesuffix(".zip")
        if canonicalize_name(stem) != canonicalize_name(f"{metadata['name']}-{metadata['version']}"):
            raise BadArchive(f"its name is not that of {metadata['name']} {metadata['version']}") from None
    else:
        _agree(metadata, str(name), str(version))
    return Distribution(filename, "sdist", "source", metadata, None)


def _agree(metadata: Metadata, name: str, version: str) -> None:
    said_name, said_version = str(metadata["name"]), str(metadata["version"])
    if canonicalize_name(said_name) != name:
        raise BadArchive(f"its name says project {name}, its metadata {said_name}")
    try:
        same = Version(said_version) == Version(version)
    except InvalidVersion:
        same = False
    if not same:
        raise BadArchive(f"its name says version {version}, its metadata {said_version}")


def _parsed(data: bytes, member: str) -> Metadata:
    try:
        raw, _ = parse_email(data)
    except RecursionError as error:  # messages within messages
        raise BadArchive(f"its {member} is nested too deeply") from error
    metadata: Metadata = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in raw.items()
        if isinstance(value, str | list | dict)
    }
    try:
        str(metadata).encode()
    except UnicodeEncodeError as error:
        raise BadArchive(f"its {member} is not UTF-8") from error
    for key in ("name", "version"):
        if not metadata.get(key):
            raise BadArchive(f"its {member} has no {key.title()}")
    if not _NAME.match(str(metadata["name"])):
        raise BadArchive(f"its {member} has a Name that no project can have: {metadata['name']!r}")
    return metadata


def _from_zip(path: Path, wanted: str) -> bytes:
    try:
        with _Modest(path) as raw, zipfile.ZipFile(raw) as archive:
            found = [info for info in archive.infolist() if _is(info.filename, wanted)]
            info = _only(found, wanted)
            # The other methods' decompressors give out all they have at once, however much.
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise BadArchive(f"{info.filename} is compressed by an unusual method")
            with archive.open(info) as member:
                return _limited(member)
    except _BROKEN as error:
        raise BadArchive(f"it is not a readable zip file: {error}") from error


def _from_tar(path: Path, wanted: str) -> bytes:
    try:
        with _Measured(path) as unpacked, tarfile.open(fileobj=unpacked, mode="r:") as archive:
            found = [member for member in _members(archive) if member.isreg() and _is(member.name, wanted)]
            unpacked.read_to_end()
            member = archive.extractfile(_only(found, wanted))
            assert member is not None  # it is a regular file
            return _limited(member)
    except _BROKEN as error:
        raise BadArchive(f"it is not a readable tar.gz file: {error}") from error


def _members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for count, member in enumerate(archive):
        if count >= MOST_MEMBERS:
            raise BadArchive(f"it has more than {MOST_MEMBERS} members")
        yield member


def _is(path: str, wanted: str) -> bool:
    top = path.removesuffix(wanted)
    return top != path and top != "" and "/" not in top


def _only(found: list[T], wanted: str) -> T:
    if len(found) != 1:
        raise BadArchive(f"it has {len(found) or 'no'} {wanted.rpartition('/')[2]} where one must be")
    return found[0]


def _limited(member: IO[bytes]) -> bytes:
    data = member.read(MOST_METADATA + 1)
    if len(data) > MOST_METADATA:
        raise BadArchive(f"its metadata is larger than {MOST_METADATA} bytes")
    return data


class _Modest(io.BufferedReader):
    """A file that refuses large reads: `zipfile` reads the directory in one, whatever size it claims."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._size = path.stat().st_size

    def read(self, size: int | None = -1, /) -> bytes:
        asked = self._size - self.tell() if size is None or size < 0 else size
        if asked > MOST_AT_ONCE:
            raise BadArchive(f"reading it takes {asked} bytes at once")
        return super().read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence == io.SEEK_SET and not 0 <= offset <= self._size:
            raise BadArchive("it points outside itself")
        return super().seek(offset, whence)


class _Measured(gzip.GzipFile):
    """A tar stream that refuses large reads and ends when too much has been unpacked."""

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= MOST_AT_ONCE:
            raise BadArchive(f"reading it takes {size} bytes at once")
        return super().read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if offset > MOST_UNPACKED:
            raise BadArchive(f"it unpacks to more than {MOST_UNPACKED} bytes")
        return super().seek(offset, whence)

    def read_to_end(self) -> None:
        """A file cut off by a broken download must not pass, wherever in it the wanted part is."""
        while self.read(MOST_AT_ONCE):
            self.seek(self.tell())
