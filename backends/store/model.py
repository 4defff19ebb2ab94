"""The values of the store: what it holds, what is given to it, and what it answers to an addition.

Laws of this module:
- `project` in a release or file is the display name, letter for letter as first uploaded; look-ups take the
  normalised one (PEP 503);
- metadata keys are those of `packaging.metadata.RawMetadata`; a missing key means the field was not given;
- all times are aware and in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Literal, TypeAlias

MetadataValue: TypeAlias = str | tuple[str, ...] | Mapping[str, str]
Metadata: TypeAlias = Mapping[str, MetadataValue]
Status: TypeAlias = Literal["active", "archived", "quarantined", "deprecated"]  # PEP 792
Role: TypeAlias = Literal["Owner", "Maintainer"]
PackageType: TypeAlias = Literal["sdist", "bdist_wheel"]

_EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Project:
    name: str
    normalized: str
    serial: int
    status: Status = "active"
    status_reason: str | None = None

    @property
    def is_listed(self) -> bool:
        """Whether installers are told of it: not of what may do harm."""
        return self.status != "quarantined"


@dataclass(frozen=True, slots=True)
class Release:
    project: str
    version: str
    metadata: Metadata
    uploaded: datetime
    yanked: bool
    yanked_reason: str | None
    hidden: bool = False  # from lists and search of the old site; the new one has no such thing

    @property
    def summary(self) -> str:
        return self.text("summary")

    def text(self, key: str) -> str:
        """A metadata field of one value; empty when it was not given."""
        value = self.metadata.get(key, "")
        return value if isinstance(value, str) else ""

    def several(self, key: str) -> tuple[str, ...]:
        """A metadata field that may be given many times (`classifiers`, `requires_dist`, `keywords`)."""
        value = self.metadata.get(key, ())
        return value if isinstance(value, tuple) else ()

    def labelled(self, key: str) -> Mapping[str, str]:
        """A metadata field of labels and values (`project_urls`)."""
        value = self.metadata.get(key, _EMPTY)
        return value if isinstance(value, Mapping) else _EMPTY


@dataclass(frozen=True, slots=True)
class Brief:
    """As much of a release as lists of what was found tell, without what XML cannot say."""

    project: str
    version: str
    summary: str
    ordering: int  # its place among the project's releases, from the lowest version


@dataclass(frozen=True, slots=True)
class File:
    project: str
    version: str
    filename: str
    packagetype: PackageType
    python_version: str  # `source` for an sdist, else the wheel's Python tags
    requires_python: str | None
    comment: str
    size: int
    md5: str
    sha256: str
    blake2b_256: str
    upload_time: datetime
    metadata_sha256: str | None  # of the `.metadata` beside a wheel (PEP 658)
    yanked: bool
    yanked_reason: str | None
    has_provenance: bool = False  # attestations are kept for it (PEP 740)
    has_signature: bool = False  # a detached PGP signature is beside it, `.asc`

    @property
    def path(self) -> str:
        """Where the bytes are, below the files directory and below the content host's root alike."""
        return content_path(self.blake2b_256, self.filename)


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the change log. `action` is in the words that mirror clients know from XML-RPC."""

    serial: int
    project: str
    version: str | None
    moment: datetime
    action: str


@dataclass(frozen=True, slots=True)
class NewFile:
    """What is known of a file beside its bytes. `metadata` holds at least `name` and `version`."""

    filename: str
    packagetype: PackageType
    python_version: str
    metadata: Metadata
    wheel_metadata: bytes | None = None
    comment: str = ""
    signature: bytes | None = None  # PGP, detached and armoured

    @property
    def name(self) -> str:
        return str(self.metadata["name"])

    @property
    def version(self) -> str:
        return str(self.metadata["version"])


@dataclass(frozen=True, slots=True)
class Added:
    file: File


@dataclass(frozen=True, slots=True)
class Same:
    """The very same file, name and bytes, was there already; nothing changed."""

    file: File


class ConflictReason(Enum):
    NAME_TAKEN = "name_taken"  # a file of this name is there, with other bytes
    CONTENT_TAKEN = "content_taken"  # these bytes are there, under another name
    NAME_USED = "name_used"  # a file of this name was there once, and was removed


@dataclass(frozen=True, slots=True)
class Conflict:
    reason: ConflictReason
    file: File | None  # the one in the way, where it still exists


Addition: TypeAlias = Added | Same | Conflict


def content_path(blake2b_256: str, filename: str) -> str:
    return f"packages/{blake2b_256[:2]}/{blake2b_256[2:4]}/{blake2b_256[4:]}/{filename}"
