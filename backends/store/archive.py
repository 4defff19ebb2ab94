"""What a wheel or an sdist says about itself, read without trusting it.

Laws of this module:
- a file that cannot be read, or whose name and metadata disagree, is a `BadArchive` with the reason;
- a wheel is one that installers take: its `.dist-info` is of its name and version, with METADATA, WHEEL and RECORD.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.metadata import parse_email
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from backends.store.model import Metadata, NewFile, PackageType
from backends.store.unpacking import BadArchive, from_tar, from_zip

# No path separators, leading dots or control characters; room for `.metadata` within 255 bytes.
_FILENAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+!-]{0,239}\Z")
_NAME = re.compile(r"([A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9])\Z", re.IGNORECASE)


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
    found = from_zip(path, ".dist-info/METADATA")
    metadata = _parsed(found.data, "METADATA")
    _agree(metadata, str(name), str(version))
    _check_info(found.top, found.members, str(name), str(version))
    return Distribution(filename, "bdist_wheel", filename.split("-")[-3], metadata, found.data)


def _check_info(top: str, members: frozenset[str], name: str, version: str) -> None:
    """Installers look for the directory by the file's name, and for these two in it."""
    said_name, _, said_version = top.rpartition("-")
    if canonicalize_name(said_name) != name or not _same(said_version, version):
        raise BadArchive(f"its {top}.dist-info is not that of {name} {version}")
    for each in ("WHEEL", "RECORD"):
        if f"{top}.dist-info/{each}" not in members:
            raise BadArchive(f"it has no {top}.dist-info/{each}")


def _sdist(path: Path, filename: str) -> Distribution:
    read = from_zip if filename.endswith(".zip") else from_tar
    metadata = _parsed(read(path, "/PKG-INFO").data, "PKG-INFO")
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
    if not _same(said_version, version):
        raise BadArchive(f"its name says version {version}, its metadata {said_version}")


def _same(said: str, version: str) -> bool:
    try:
        return Version(said) == Version(version)
    except ValueError:  # InvalidVersion, and what `int` says of a number of thousands of digits
        return False


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
