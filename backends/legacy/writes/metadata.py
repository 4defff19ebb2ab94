"""What the fields of a form, or a PKG-INFO file, say of a release, and whether the old site took it.

Laws of this module:
- a field that is sent empty is there, empty: it takes away what the release said before;
- `UNKNOWN` is what distutils writes where its author wrote nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, cast
from urllib.parse import urlsplit

from packaging.metadata import parse_email
from packaging.version import Version
from trove_classifiers import classifiers as CLASSIFIERS  # noqa: N812

from backends.legacy.names import normalized_name
from backends.store import Metadata, Store
from backends.upload.fields import as_stored, direct_requirements, key_of, raw_metadata

# Of these a browser sends one a line.
_LISTS: Final = frozenset(
    [
        "obsoletes",
        "obsoletes_dist",
        "project_url",
        "project_urls",
        "provides",
        "provides_dist",
        "requires",
        "requires_dist",
        "requires_external",
    ]
)
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
_URLS: Final = ("download_url", "home_page")

# What PEP 314 calls a version predicate: a module, and maybe comparisons of its version in parentheses. Possessive, so
# that `<=1` is read in one way only: in two ways each, thirty of them would take minutes.
_MODULE: Final = r"\s*+[A-Za-z_]\w*+(\.[A-Za-z_]\w*+)*+\s*+"
_COMPARISON: Final = r"\s*+(?><=|>=|==|!=|<|>)\s*+[^\s,()]++\s*+"
_PREDICATE: Final = re.compile(rf"{_MODULE}(\({_COMPARISON}(,{_COMPARISON})*+\)\s*+)?", re.ASCII)
_PROVISION: Final = re.compile(rf"{_MODULE}(\([^\s()]++\)\s*+)?", re.ASCII)
_SYNTAX: Final = {"requires": _PREDICATE, "obsoletes": _PREDICATE, "provides": _PROVISION}


class Unfit(Exception):
    """Why it is not taken, in the old site's words."""


def of_form(fields: Sequence[tuple[str, str]]) -> Metadata:
    """Raises Refusal."""
    values: dict[str, list[str]] = {}
    for field, value in fields:
        name = field.lower()
        if key_of(name) is not None:
            found = values.setdefault(name, [])
            parts = re.split(r"[\r\n]+", value) if name in _LISTS else [value]
            found += [part.strip() for part in parts if part.strip() not in ("", "UNKNOWN")]
    given = {name: _as_sent(name, found) for name, found in values.items() if found}
    empty = {str(key_of(name)): "" for name, found in values.items() if not found}
    return empty | dict(as_stored(raw_metadata(given)))


def _as_sent(name: str, found: Sequence[str]) -> Sequence[str]:
    """A text that came in several parts is one text; distutils sends a part for each keyword."""
    if name == "description":
        return ["\n".join(found).replace("\0", "")]
    is_list = name in _LISTS or name in ("classifiers", "platform", "supported_platform", "license_file")
    return [part.replace("\0", "") for part in (found if is_list else [",".join(found)])]


def of_pkg_info(data: bytes) -> Metadata:
    """Raises Unfit."""
    try:
        data.decode()
        raw, _ = parse_email(data)
    except UnicodeDecodeError:
        raise Unfit(
            "Your PKG-INFO file must be either ASCII or UTF-8. If this is inconvenient, use 'python setup.py register'."
        ) from None
    except RecursionError:
        raise Unfit("Your PKG-INFO file is nested too deeply") from None
    return as_stored(raw)


def check(given: Metadata, store: Store) -> None:
    """Raises Unfit."""
    for key in ("name", "version"):
        if not given.get(key):
            raise Unfit(f'Missing required field "{key}"')
    _check_name(str(given["name"]), store)
    _check_version(str(given["version"]))
    for key, syntax in _SYNTAX.items():
        for value in cast(Sequence[str], given.get(key) or ()):
            if not syntax.fullmatch(value):
                raise Unfit(f'Bad "{key}" syntax: {value!r}')
    for classifier in cast(Sequence[str], given.get("classifiers") or ()):
        if classifier not in CLASSIFIERS:
            raise Unfit(f'Invalid classifier "{classifier}"')
    for requirement in direct_requirements(cast(Mapping[str, object], given)):
        raise Unfit(f'Bad "requires_dist" syntax: {requirement!r} is not from an index')
    for key in _URLS:
        _check_url(str(given.get(key) or ""))


def _check_name(name: str, store: Store) -> None:
    """Of a new project; those that are there may be called what they are called."""
    if store.project(normalized_name(name)) is not None:
        return
    if not _NAME.fullmatch(name):
        raise Unfit(
            "Invalid package name. Names must contain only ASCII letters, digits, underscores, hyphens, and periods"
        )
    for character, place in ((name[0], "start"), (name[-1], "end")):
        if not character.isalnum():
            raise Unfit(f"Invalid package name. Names must {place} with an ASCII letter or digit")


def _check_version(version: str) -> None:
    if version.strip() != version:
        raise Unfit("Invalid version, cannot have leading or trailing whitespace.")
    try:
        parsed = Version(version)
    except ValueError:  # InvalidVersion, and what `int` says of a number of thousands of digits
        raise Unfit("Invalid version, cannot be parsed as a valid PEP 440 version.") from None
    if parsed.local is not None:
        raise Unfit("Invalid version, cannot use PEP 440 local versions on PyPI.")


def _check_url(url: str) -> None:
    if not url:
        return
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Unfit(f"Invalid URI: {url!r}") from None
    if not parts.scheme or not parts.netloc:
        raise Unfit(f"Invalid URI: {url!r}")
    if parts.scheme not in ("http", "https"):
        raise Unfit(f"Invalid scheme {parts.scheme!r} for URI {url!r}")
