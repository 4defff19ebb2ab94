"""The fields of an upload's form as core metadata: what `packaging` has keys for, in the kinds that it has for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, cast, get_type_hints

from packaging.metadata import RawMetadata
from packaging.requirements import InvalidRequirement, Requirement

from backends.store import Metadata, MetadataValue
from backends.upload.refusal import Refusal

# The form's name of a field of core metadata, where it is not the one `packaging` has for it.
_RENAMED: Final = {
    "platform": "platforms",
    "supported_platform": "supported_platforms",
    "license_file": "license_files",
    "project_url": "project_urls",
}

_KINDS: Final = get_type_hints(RawMetadata)
TEXTS: Final = frozenset(key for key, kind in _KINDS.items() if kind is str)
_LISTS: Final = frozenset(key for key, kind in _KINDS.items() if kind == list[str]) - {"keywords"}


def key_of(field: str) -> str | None:
    """Under which a field of the form is kept; None if it is none of core metadata."""
    key = _RENAMED.get(field, field)
    return key if key in _KINDS else None


def raw_metadata(values: Mapping[str, Sequence[str]]) -> dict[str, object]:
    """`values`: by the form's names of fields. What is no field of core metadata is passed over."""
    raw: dict[str, object] = {}
    for field, given in values.items():
        key = _RENAMED.get(field, field)
        if key in TEXTS:
            raw[key] = given[0]
        elif key in _LISTS:
            raw[key] = [value.strip() for value in given]
        elif key == "keywords":
            raw[key] = [word.strip() for word in given[0].split(",")]
        elif key == "project_urls":
            raw[key] = dict(map(_label_and_url, given))
    return raw


def direct_requirements(raw: Mapping[str, object]) -> Iterator[str]:
    """What an index has installs from an index: `name @ URL` would install from anywhere."""
    for requirement in cast(Sequence[str], raw.get("requires_dist", ())):
        try:
            if Requirement(requirement).url is not None:
                yield requirement
        except (InvalidRequirement, RecursionError):
            continue  # nothing installs from it


def as_stored(raw: Mapping[str, object]) -> Metadata:
    return {key: _stored(value) for key, value in raw.items()}


def _stored(value: object) -> MetadataValue:
    match value:
        case list():
            return tuple(map(str, value))
        case dict():
            return value
        case _:
            return str(value)


def _label_and_url(value: str) -> tuple[str, str]:
    label, _, url = (part.strip() for part in value.partition(","))
    if not label or not url:
        raise Refusal(400, "Invalid value for project_urls. Error: it must be a label, a comma and a URL.")
    return label, url
