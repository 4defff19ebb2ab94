"""The order of versions: PEP 440 where it applies, spelling where it does not."""

from __future__ import annotations

from typing import TypeAlias

from packaging.utils import canonicalize_version
from packaging.version import Version

VersionKey: TypeAlias = tuple[bool, Version, str]

_NONE = Version("0")


def version_key(version: str) -> VersionKey:
    """Sorts by PEP 440; versions it cannot read come last, by spelling."""
    try:
        return False, Version(version), version
    except ValueError:  # InvalidVersion, and what `int` says of a number of thousands of digits
        return True, _NONE, version


def canonical(version: str) -> str:
    """By which equal versions are one; one that cannot be read is itself."""
    try:
        return str(canonicalize_version(version))
    except ValueError:  # of a number of thousands of digits
        return version
