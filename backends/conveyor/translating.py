"""What is answered to an old file URL, given what the JSON API says of its project: a pure function.

Laws of this module:
- a redirect is found by file name and Python version together, as the old path has both;
- its lifetime is a week: a 302 that may be kept, because a file name is never used again;
- why something is not found is in a header of its own, `Reason`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

SIGNATURE: Final = ".asc"

_LIFETIME: Final = "max-age=604800, public"


@dataclass(frozen=True, slots=True)
class OldPath:
    python_version: str
    bucket: str
    project: str
    filename: str

    @property
    def is_in_its_bucket(self) -> bool:
        return self.project != "" and self.bucket in (self.project[0], self.project[0].lower())

    @property
    def is_signature(self) -> bool:
        return self.filename.endswith(SIGNATURE)


@dataclass(frozen=True, slots=True)
class Translated:
    status: int
    headers: tuple[tuple[str, str], ...] = ()


WRONG_BUCKET: Final = Translated(404, (("Reason", "Incorrect project bucket"),))
_NO_SIGNATURE: Final = Translated(404, (("Reason", "missing signature file"),))
_NO_FILE: Final = Translated(404, (("Reason", "no file found"),))


def failed(status: int) -> Translated | None:
    """What an answer of the JSON API that is no document comes to; None if it is one."""
    if status == 200:
        return None
    return Translated(status) if 400 <= status < 500 else Translated(503)


def translate(path: OldPath, document: object) -> Translated:
    filename = path.filename.removesuffix(SIGNATURE)
    for file in _files(document):
        if file.get("filename") != filename or file.get("python_version") != path.python_version:
            continue
        if path.is_signature and not file.get("has_sig"):
            return _NO_SIGNATURE
        url = str(file.get("url", "")) + (SIGNATURE if path.is_signature else "")
        return Translated(302, (("Location", url), ("Cache-Control", _LIFETIME)))
    return _NO_FILE


def _files(document: object) -> list[Mapping[str, object]]:
    releases = document.get("releases", {}) if isinstance(document, dict) else {}
    lists = releases.values() if isinstance(releases, dict) else ()
    return [file for files in lists if isinstance(files, list) for file in files if isinstance(file, dict)]
