"""Files: which one a path means, and what of it is sent.

Laws of this module:
- a file has two addresses for ever, that of its hash and that of the time before; nothing is found at any
  other path, however well its last part is known;
- an entity tag is compared as the application did, without quotes: only the bare hash gets a 304;
- a range of several parts is answered with the whole file, as RFC 9110 section 14.2 allows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from backends.legacy.answers import Answer, FileAnswer, Headers, reason_of
from backends.legacy.asked import Facts
from backends.legacy.site import old_parts
from backends.legacy.tags import pages_tag
from backends.store import File

SIGNATURE = ".asc"  # beside a file, under its digest

_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII | re.IGNORECASE)
_LONGEST_NUMBER = 18  # digits: more than any size, and few enough to read at once


@dataclass(frozen=True, slots=True)
class Span:
    first: int
    length: int


def is_at(file: File, parts: tuple[str, ...]) -> bool:
    hashed = tuple(file.path.split("/")[1:])
    return parts in (hashed, old_parts(file))


def no_file(parts: tuple[str, ...]) -> Answer:
    # The key is made of the directory: it is the project in the old shape.
    directory = parts[-2] if len(parts) > 1 else ""
    return Answer(404, "Not Found", _key(directory))


def signature_answer(file: File, path: Path, serial: int) -> FileAnswer:
    """Without a tag: the hashes that are known are the file's own."""
    headers = (("Content-Type", "application/octet-stream"), ("X-PyPI-Last-Serial", str(serial)), *_key(file.project))
    return FileAnswer(200, reason_of(200), headers, path, 0, path.stat().st_size)


def file_answer(file: File, path: Path, serial: int, facts: Facts) -> Answer | FileAnswer:
    tag = f'"{file.md5}"'
    headers = (("ETag", tag), ("X-PyPI-Last-Serial", str(serial)), *_key(file.project))
    if file.md5 in map(str.strip, (facts.if_none_match or "").split(",")):
        return Answer(304, reason_of(304), headers)
    headers = (("Content-Type", "application/octet-stream"), ("Accept-Ranges", "bytes"), *headers)
    wanted = facts.byte_range if facts.if_range in (None, tag) else None
    match span_of(wanted, file.size):
        case None:
            return FileAnswer(200, reason_of(200), headers, path, 0, file.size)
        case "unsatisfiable":
            return Answer(416, "Range Not Satisfiable", (*headers, ("Content-Range", f"bytes */{file.size}")))
        case Span(first, length):
            part = ("Content-Range", f"bytes {first}-{first + length - 1}/{file.size}")
            return FileAnswer(206, reason_of(206), (*headers, part), path, first, length)


def span_of(wanted: str | None, size: int) -> Span | Literal["unsatisfiable"] | None:
    """The one range that is asked for; None where there is none to be heeded."""
    matched = _RANGE.fullmatch(wanted) if wanted else None
    if matched is None or max(map(len, matched.groups())) > _LONGEST_NUMBER:
        return None
    start, last = matched.groups()
    if start == last == "" or (start and last and int(last) < int(start)):
        return None
    if not start:  # so many of the last bytes
        first, end = max(size - int(last), 0), size
    else:
        first, end = int(start), min(int(last) + 1, size) if last else size
    return Span(first, end - first) if first < end else "unsatisfiable"


def _key(name: str) -> Headers:
    return (("Surrogate-Key", f"package {pages_tag(name)}"),)
