"""`/integrity/{name}/{version}/{file}/provenance`: the attestations of a file (PEP 740)."""

from __future__ import annotations

from packaging.utils import canonicalize_name

from backends.modern import answers
from backends.modern.answers import Answer
from backends.modern.negotiation import accepts
from backends.modern.visit import Visit, path_of
from backends.store import File

V1_JSON = "application/vnd.pypi.integrity.v1+json"

_KINDS = (V1_JSON, answers.JSON)


def provenance(visit: Visit) -> Answer:
    if visit.accept is not None and not any(accepts(visit.accept, kind) for kind in _KINDS):
        return _told(406, b'{"message": "Request not acceptable"}', answers.JSON)
    normalized, filename = canonicalize_name(visit.captures["name"]), visit.captures["file"]
    with visit.store.snapshot():
        files = visit.store.files(normalized, visit.captures["version"])
        document = visit.store.provenance(filename) if any(file.filename == filename for file in files) else None
    if document is None:
        missing = f'{{"message": "No provenance available for {_plain(filename)}"}}'
        return _told(404, missing.encode(), answers.JSON)
    kind = V1_JSON if visit.accept is None or accepts(visit.accept, V1_JSON) else answers.JSON
    return _told(200, document.encode(), kind)


def url_of(file: File, origin: str) -> str | None:
    if not file.has_provenance:
        return None
    normalized = str(canonicalize_name(file.project))
    return origin + path_of("integrity", normalized, file.version, file.filename) + "provenance"


def _plain(name: str) -> str:
    return "".join(character for character in name if character.isalnum() or character in "._+!-")


def _told(status: int, body: bytes, kind: str) -> Answer:
    return Answer(status, (("Content-Type", kind), ("Vary", "Accept"), *answers.CORS), body)
