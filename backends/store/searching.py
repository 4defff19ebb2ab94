"""Substring search over releases, as the old site's XML-RPC `search` does it.

Values of one field are alternatives; fields are joined by the operator. Letter case does not matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

Operator: TypeAlias = Literal["and", "or"]

_COLUMNS = {"name": "project.name", "version": "release.version"}

# The field's name in a search against its name in metadata.
_METADATA = {
    "author": "author",
    "author_email": "author_email",
    "maintainer": "maintainer",
    "maintainer_email": "maintainer_email",
    "home_page": "home_page",
    "license": "license",
    "summary": "summary",
    "description": "description",
    "keywords": "keywords",
    "platform": "platforms",
    "download_url": "download_url",
}

SEARCHABLE = frozenset(_COLUMNS) | frozenset(_METADATA)


def condition(wanted: Mapping[str, Sequence[str]], operator: Operator) -> tuple[str, list[str]]:
    """The WHERE clause of a search and its parameters. Fields that cannot be searched are passed over."""
    clauses: list[str] = []
    needles: list[str] = []
    for field, values in wanted.items():
        if field not in SEARCHABLE:
            continue
        clauses.append("(" + " OR ".join([_contains(field)] * len(values) or ["FALSE"]) + ")")
        needles.extend(value.casefold() for value in values)
    # No field at all is no restriction, whichever the operator.
    return (f" {operator.upper()} ".join(clauses) or "TRUE"), needles


def _contains(field: str) -> str:
    if field in _COLUMNS:
        return f"instr(folded({_COLUMNS[field]}), ?)"
    # json_each gives the members of a list and a single value alike.
    values = f"json_each(release.metadata, '$.{_METADATA[field]}')"
    return f"EXISTS (SELECT 1 FROM {values} AS value WHERE instr(folded(value.value), ?))"
