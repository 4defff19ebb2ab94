"""Substring search over releases, as the old site's XML-RPC `search` does it.

Laws of this module:
- values of one field are alternatives; fields are joined by the operator; letter case does not matter;
- a description is long and is only looked through; all other fields have their trigrams indexed, by release.
  These leave few candidates, and the condition is held against each: the index decides how fast, never what.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

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

_NOT_INDEXED: Final = frozenset({"description"})
_GRAM: Final = 3  # characters; what is shorter cannot be looked up


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


def text_of(name: str, version: str, metadata: str) -> str:
    """What is indexed of a release."""
    fields: dict[str, object] = json.loads(metadata)
    values: list[str] = [name, version]
    for field, key in _METADATA.items():
        if field not in _NOT_INDEXED:
            value = fields.get(key, ())
            values.extend(map(str, value if isinstance(value, list) else [value]))
    return "\n".join(values).replace("\0", " ").casefold()  # at a NUL the tokenizer ends


def candidates(wanted: Mapping[str, Sequence[str]], operator: Operator) -> str | None:
    """An FTS5 query for the releases that may fit; None if only a look at each can tell."""
    parts: list[str] = []
    for field, values in wanted.items():
        if field not in SEARCHABLE:
            continue
        alternatives = [_grams(value.casefold()) for value in values]
        if field in _NOT_INDEXED or "" in alternatives or not alternatives:
            if operator == "or":
                return None
            continue
        parts.append("(" + " OR ".join(alternatives) + ")")
    return f" {operator.upper()} ".join(parts) or None


def _grams(needle: str) -> str:
    """Every trigram of the needle, each of them necessary."""
    grams = dict.fromkeys(needle[at : at + _GRAM] for at in range(len(needle) - _GRAM + 1))
    quoted = ['"' + gram.replace('"', '""') + '"' for gram in grams if "\0" not in gram]
    return "(" + " AND ".join(quoted) + ")" if quoted else ""
