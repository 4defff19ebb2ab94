"""One member of a zip or a tar.gz, read without trusting it, and whether all the others are such as one may unpack.

Laws of this module:
- whatever is in the file, memory stays within some tens of megabytes and work within `MOST_UNPACKED` bytes;
- nothing is ever unpacked to disk;
- every member is read to its end: a file cut off or changed on its way does not pass, wherever that is;
- a member is below where it is unpacked, and so is what it links to;
- a zip is nothing else besides: no octets before it, none after it.
"""

from __future__ import annotations

import gzip
import io
import posixpath
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

T = TypeVar("T")

MOST_METADATA = 2 << 20
MOST_AT_ONCE = 4 << 20  # read in one go: a zip's directory, a tar's extended header
MOST_MEMBERS = 20_000
MOST_OF_HEADERS = 16 << 20  # of a tar: names and extended headers, which its reader keeps
MOST_UNPACKED = 1 << 30

# As at PyPI: DEFLATE makes a thousand of one, what is made for people rarely ten.
MOST_RATIO = 50
RATIO_FROM = 64 << 20  # unpacked bytes; less does no harm

_END = struct.Struct("<4s4H2LH")  # of a zip: APPNOTE 4.3.16, before the comment
_DRIVE = re.compile(r"[A-Za-z]:[/\\]")

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
class Found:
    """The only member whose path is a directory and then what was wanted."""

    top: str
    data: bytes
    members: frozenset[str]


@contextmanager
def checked_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip whose members are all such as one may unpack. Raises BadArchive, at its end too: all of it is read then."""
    try:
        with _Modest(path) as raw, zipfile.ZipFile(raw) as archive:
            members = archive.infolist()
            if len(members) > MOST_MEMBERS:
                raise BadArchive(f"it has more than {MOST_MEMBERS} members")
            _check_sizes(sum(info.file_size for info in members), path.stat().st_size)
            for info in members:
                _check_zipped(archive, info)
            _check_bounds(raw, archive)
            yield archive
            for info in members:
                _read_through(archive, info)
    except _BROKEN as error:
        raise BadArchive(f"it is not a readable zip file: {error}") from error


def from_zip(path: Path, wanted: str) -> Found:
    with checked_zip(path) as archive:
        info = _only([info for info in archive.infolist() if _is(info.filename, wanted)], wanted)
        with archive.open(info) as member:
            data = _limited(member)
        return Found(info.filename.removesuffix(wanted), data, frozenset(archive.namelist()))


def from_tar(path: Path, wanted: str) -> Found:
    try:
        with _Measured(path) as unpacked, tarfile.open(fileobj=unpacked, mode="r:") as archive:
            members = list(_members(archive))
            unpacked.read_to_end()
            found = _only([member for member in members if member.isreg() and _is(member.name, wanted)], wanted)
            member = archive.extractfile(found)
            assert member is not None  # it is a regular file
            names = frozenset(each.name for each in members)
            return Found(found.name.removesuffix(wanted), _limited(member), names)
    except _BROKEN as error:
        raise BadArchive(f"it is not a readable tar.gz file: {error}") from error


def _check_sizes(unpacked: int, packed: int) -> None:
    if unpacked > MOST_UNPACKED:
        raise BadArchive(f"it unpacks to more than {MOST_UNPACKED} bytes")
    if unpacked > RATIO_FROM and unpacked > MOST_RATIO * packed:
        raise BadArchive(f"it exceeds compression ratio of {MOST_RATIO}")


def _check_zipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    # The other methods' decompressors give out all they have at once, however much.
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadArchive(f"{info.filename} is compressed by an unusual method")
    _check_place(info.orig_filename)
    if stat.S_ISLNK(info.external_attr >> 16):
        with archive.open(info) as member:
            _check_link(info.filename, _limited(member).decode())


def _check_bounds(raw: IO[bytes], archive: zipfile.ZipFile) -> None:
    """Readers find a zip from its end and allow anything around it: a page, a program."""
    if min((info.header_offset for info in archive.infolist()), default=0) > 0:
        raise BadArchive("it has octets before the zip")
    raw.seek(-_END.size - len(archive.comment), io.SEEK_END)
    if raw.read(4) != b"PK\5\6":
        raise BadArchive("it has octets after the zip")


def _read_through(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    """The directory only says how long a member is and what its CRC; so much is read, and must be so."""
    with archive.open(info) as member:
        while member.read(MOST_AT_ONCE):
            pass


def _members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    kept = 0
    for count, member in enumerate(archive):
        if count >= MOST_MEMBERS:
            raise BadArchive(f"it has more than {MOST_MEMBERS} members")
        kept += len(member.name) + len(member.linkname) + sum(map(len, member.pax_headers.values()))
        if kept > MOST_OF_HEADERS:
            raise BadArchive(f"its headers have more than {MOST_OF_HEADERS} bytes")
        _check_place(member.name)
        if member.isdev():
            raise BadArchive(f"{member.name!r} is a device or a pipe")
        if member.issym():
            _check_link(member.name, member.linkname)
        elif member.islnk():
            _check_place(member.linkname)
        yield member


def _check_place(name: str) -> None:
    parts = name.replace("\\", "/").split("/")
    if parts[0] == "" or ".." in parts or "\0" in name or _DRIVE.match(name):
        raise BadArchive(f"its member {name!r} would be unpacked elsewhere")


def _check_link(name: str, target: str) -> None:
    where = posixpath.normpath(posixpath.join(posixpath.dirname(name), target.replace("\\", "/")))
    if where.startswith(("/", "../")) or where == ".." or _DRIVE.match(target):
        raise BadArchive(f"its member {name!r} links to {target!r}, which is elsewhere")


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

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._packed = path.stat().st_size

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= MOST_AT_ONCE:
            raise BadArchive(f"reading it takes {size} bytes at once")
        return super().read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        _check_sizes(offset, self._packed)
        return super().seek(offset, whence)

    def read_to_end(self) -> None:
        """A file cut off by a broken download must not pass, wherever in it the wanted part is."""
        while self.read(MOST_AT_ONCE):
            self.seek(self.tell())
