"""What another index sends, read without trusting it.

Laws of this module:
- only http and https are followed, by addresses in pages and by redirects alike;
- whatever is sent, reading it ends within limits, or with one of `FAILED`.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from typing import Any, Final, TypeVar
from urllib import request

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    NormalizedName,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from backends.seed.seeding import SUFFIXES

T = TypeVar("T")

_ACCEPT: Final = "application/vnd.pypi.simple.v1+json"
_PATIENCE: Final = 60.0  # seconds without an octet
_CHUNK: Final = 1 << 20
_LARGEST: Final = 100 << 20  # of a file, as for uploads
_LARGEST_PAGE: Final = 256 << 20
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

FAILED: Final = (OSError, HTTPException, ValueError, KeyError, TypeError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True)
class Listed:
    """A file as a page has it. Its name and its texts can be stored and said."""

    filename: str
    url: str
    sha256: str
    uploaded: datetime | None
    yanked: bool
    reason: str | None


def document(url: str) -> dict[str, Any]:
    headers = {"Accept": _ACCEPT}
    with _opener().open(request.Request(url, headers=headers), timeout=_PATIENCE) as answer:
        said = _as(dict, json.loads(answer.read(_LARGEST_PAGE)), "the page")
    version = _as(dict, said.get("meta", {}), "meta").get("api-version", "1.0")
    if str(version).partition(".")[0] != "1":
        raise ValueError(f"its API is of version {version!r}, and only 1 is known")
    return said


def chunks(url: str) -> Iterable[bytes]:
    size = 0
    with _opener().open(request.Request(url), timeout=_PATIENCE) as answer:
        while chunk := answer.read(_CHUNK):
            size += len(chunk)
            if size > _LARGEST:
                raise ValueError(f"it has more than {_LARGEST >> 20} MiB")
            yield chunk


def names(page: Mapping[str, Any]) -> list[str]:
    return [_as(str, project["name"], "a name") for project in _as(list, page["projects"], "projects")]


def versions(page: Mapping[str, Any]) -> list[str]:
    return [_as(str, version, "a version") for version in _as(list, page.get("versions", []), "versions")]


def filenames(page: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """With what the page says of each; the wheels and sdists only."""
    files = [file for file in _as(list, page["files"], "files") if isinstance(file, dict)]
    return [(name, file) for file in files if (name := str(file.get("filename"))).endswith(SUFFIXES)]


def listed(filename: str, file: Mapping[str, Any], project: str, now: datetime) -> Listed:
    """Raises one of FAILED with the reason why it cannot be taken."""
    filename.encode()
    of = _project_of(filename)
    if of is not None and of != project:
        raise ValueError(f"it is of the project {of}, and on the page of {project}")
    hashes, yanked = _as(dict, file["hashes"], "hashes"), file.get("yanked", False)
    sha256 = _as(str, hashes.get("sha256"), "its sha256")
    return Listed(
        filename,
        _as(str, file["url"], "its url"),
        sha256,
        _moment(file.get("upload-time"), now),
        bool(yanked),
        text(yanked),
    )


def text(said: object) -> str | None:
    """None of what is no text. Halves of surrogate pairs, which JSON can have, cannot be stored."""
    return said.encode("utf-8", "replace").decode() if isinstance(said, str) else None


def _as(kind: type[T], said: object, what: str) -> T:
    if not isinstance(said, kind):
        raise TypeError(f"{what} is of another type than JSON of an index has (PEP 691)")
    return said


def _project_of(filename: str) -> NormalizedName | None:
    """None of old sdists, whose name and version only their metadata tells apart."""
    try:
        name = parse_wheel_filename(filename)[0] if filename.endswith(".whl") else parse_sdist_filename(filename)[0]
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None
    return canonicalize_name(name)


def _moment(said: object, now: datetime) -> datetime | None:
    """None of what cannot be when a file was uploaded."""
    try:
        moment = datetime.fromisoformat(str(said))
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if _EPOCH <= moment <= now + timedelta(days=1) else None


@functools.cache
def _opener() -> request.OpenerDirector:
    """`urlopen` would open files and ask FTP servers too."""
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler(),
        request.UnknownHandler(),
        request.HTTPHandler(),
        request.HTTPSHandler(),
        request.HTTPDefaultErrorHandler(),
        request.HTTPRedirectHandler(),
        request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener
