"""The media type of a file, by the suffix of its name.

Laws: the same name has the same type on every machine, so nothing is read from the system's tables; a file
is sent as it is stored, so a compressed archive is an archive and never has a Content-Encoding (a client that
decoded a `.tar.gz` would hold other bytes than the index's hash); an unknown suffix means octets, which no
browser runs.
"""

from __future__ import annotations

from typing import Final

OCTETS: Final = "application/octet-stream"  # wheels, sdists, eggs, archives, installers, and all that is unknown

_BY_SUFFIX: Final = {
    "asc": "application/pgp-signature",  # RFC 3156 §5
    "avif": "image/avif",
    "css": "text/css; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "gif": "image/gif",
    "htm": "text/html; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "ico": "image/x-icon",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "map": "application/json",
    "metadata": "text/plain; charset=utf-8",  # PEP 658: core metadata, which is UTF-8 text
    "mjs": "text/javascript; charset=utf-8",
    "pdf": "application/pdf",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "wasm": "application/wasm",
    "webp": "image/webp",
    "woff": "font/woff",
    "woff2": "font/woff2",
    "xml": "application/xml",
}


def media_type(file_name: str) -> str:
    """The Content-Type of a file's answer; only the last suffix counts."""
    return _BY_SUFFIX.get(file_name.rpartition(".")[2].lower(), OCTETS)
