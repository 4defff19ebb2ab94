"""The order of versions: PEP 440 where it applies, spelling where it does not."""

from __future__ import annotations

from typing import TypeAlias

from packaging.version import InvalidVersion, Version

VersionKey: TypeAlias = tuple[bool, Version, str]

_NONE = Version("0")


def version_key(version: str) -> VersionKey:
    """Sorts by PEP 440; versions it cannot read come last, by spelling."""
    try:
        return False, Version(version), version
    except InvalidVersion:
        return True, _NONE, version
