"""What the fields of an upload say, checked one by one in a fixed order, before the file is looked at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from packaging.metadata import Metadata, RawMetadata
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version
from trove_classifiers import classifiers as CLASSIFIERS  # noqa: N812

from backends.modern.old_actions import GONE
from backends.modern.upload.attesting import Attestation, read_attestations
from backends.store import Metadata as StoredMetadata
from backends.store.model import PackageType
from backends.upload.fields import TEXTS, as_stored, direct_requirements, raw_metadata
from backends.upload.refusal import Refusal

_ONCE = TEXTS | {":action", "protocol_version", "filetype", "pyversion", "comment", "keywords", "attestations"}

_DIGESTS = {"md5_digest": 32, "sha256_digest": 64, "blake2_256_digest": 64}
_HEX = re.compile(r"[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class Upload:
    name: str
    normalized: NormalizedName
    version: Version
    packagetype: PackageType
    python_version: str
    comment: str
    digests: Mapping[str, str]  # field name to lower-case hex, those that were given
    metadata: StoredMetadata
    attestations: tuple[Attestation, ...]


def read_form(fields: Iterable[tuple[str, str]]) -> Upload:
    values = _values(fields)
    _check_action(values.get(":action", []))
    if values.get("protocol_version", ["1"]) != ["1"]:
        raise Refusal(400, "Unknown protocol version.")
    for field in sorted(_ONCE):
        if len(values.get(field, ())) > 1:
            raise Refusal(400, f"The field {field} is given more than once.")
    packagetype, python_version = _kind(values)
    digests = _digests(values)
    metadata = _metadata(values)
    name = str(metadata["name"])
    version = _version(str(metadata["version"]))
    return Upload(
        name=name,
        normalized=canonicalize_name(name),
        version=version,
        packagetype=packagetype,
        python_version=python_version,
        comment=_first(values, "comment"),
        digests=digests,
        metadata={**metadata, "version": str(version)},
        attestations=read_attestations(_first(values, "attestations")),
    )


def _values(fields: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """By field, without the empty ones and without the `UNKNOWN` that old tools write for them."""
    values: dict[str, list[str]] = {}
    for field, value in fields:
        if value.strip() not in ("", "UNKNOWN"):
            # Tools have sent NUL by mistake; JSON and terminals are better off without.
            values.setdefault(field, []).append(value.replace("\0", ""))
    return values


def _first(values: Mapping[str, list[str]], field: str) -> str:
    return values.get(field, [""])[0]


def gone(action: str) -> Refusal:
    return Refusal(410, f"The action {action} is gone; files are uploaded at once.", "upload")


def _check_action(actions: list[str]) -> None:
    for action in actions:
        if action in GONE:
            raise gone(action)
    if actions[:1] != ["file_upload"]:
        raise Refusal(400, "The field :action must be file_upload.")


def _kind(values: Mapping[str, list[str]]) -> tuple[PackageType, str]:
    python_version = _first(values, "pyversion")
    match _first(values, "filetype"):
        case "sdist":
            if python_version not in ("", "source"):
                raise Refusal(400, "Invalid value for pyversion. Error: an sdist's is 'source'.")
            return "sdist", "source"
        case "bdist_wheel":
            if not python_version:
                raise Refusal(400, "Invalid value for pyversion. Error: a wheel must have one.")
            return "bdist_wheel", python_version
        case _:
            raise Refusal(400, "Invalid value for filetype. Error: it must be sdist or bdist_wheel.")


def _digests(values: Mapping[str, list[str]]) -> dict[str, str]:
    digests: dict[str, str] = {}
    for field, length in _DIGESTS.items():
        for value in values.get(field, ()):
            digest = value.strip().lower()
            if len(digest) != length or not _HEX.fullmatch(digest):
                raise Refusal(400, f"Invalid value for {field}. Error: it must be {length} hex digits.")
            if digests.setdefault(field, digest) != digest:
                raise Refusal(400, f"Invalid value for {field}. Error: it is given twice, and differently.")
    if not digests:
        raise Refusal(400, f"At least one digest must be given: {', '.join(_DIGESTS)}.")
    return digests


def _metadata(values: Mapping[str, list[str]]) -> StoredMetadata:
    """Core metadata as `packaging` has it, valid by its rules."""
    raw = raw_metadata(values)
    try:
        Metadata.from_raw(cast(RawMetadata, raw))
    except ExceptionGroup as group:
        raise Refusal(400, f"Invalid metadata: {group.exceptions[0]}") from group
    except RecursionError:  # brackets of a requirement, comments of a content type
        raise Refusal(400, "Invalid metadata: a field is nested too deeply.") from None
    _check_classifiers(raw.get("classifiers", []))
    for requirement in direct_requirements(raw):
        raise Refusal(400, f"Invalid value for requires_dist. Error: Can't have direct dependency: {requirement!r}")
    return as_stored(raw)


def _check_classifiers(given: object) -> None:
    """None begins with `Private ::`: authors give one that does so that an upload by mistake is refused."""
    for classifier in cast(list[str], given):
        if classifier not in CLASSIFIERS:
            raise Refusal(
                400, f"Invalid value for classifiers. Error: Classifier {classifier!r} is not a valid classifier."
            )


def _version(text: str) -> Version:
    version = Version(text)
    if version.local is not None:
        raise Refusal(400, f"The version {text!r} isn't allowed: local versions are not for public indexes.")
    return version
