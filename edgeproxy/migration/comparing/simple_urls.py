"""What a URL on a simple page says of a file or project."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from edgeproxy.migration.comparing.simple_index import HASHES, URL_DIGEST, Attributes

ALGORITHMS: Final = frozenset(("md5", "sha1", "sha224", "sha256", "sha384", "sha512"))  # that clients know
# The directories that PyPI's paths are made of: /AA/BB/REST, which together are the BLAKE2b of the file.
_DIGEST_PATH: Final = re.compile("/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{60}")
_DIGEST_PATH_LENGTH: Final = 67
_SEPARATORS: Final = re.compile("[-_.]+")


def last_segment(path: str) -> str:
    """The last segment that is not empty, decoded; `path` is a URL without query and fragment."""
    segment = path.rstrip("/").rpartition("/")[2]
    return unquote(segment, errors="surrogateescape") if "%" in segment else segment


def path_of(url: str) -> str:
    """The URL without query and fragment."""
    return url.partition("#")[0].partition("?")[0]


def attributes_of_url(url: str) -> Attributes:
    """What a URL says of the file: the hash in its fragment (PEP 503), the digest in its path."""
    found: Attributes = {}
    path, _, fragment = url.partition("#")
    if fragment:
        for each in fragment.split("&", _MOST_PARAMETERS) if "&" in fragment else (fragment,):
            algorithm, _, digest = each.partition("=")
            if algorithm in ALGORITHMS and digest:
                found[HASHES + algorithm] = digest.lower()
    end = path.rfind("/")
    if end >= _DIGEST_PATH_LENGTH and _DIGEST_PATH.match(path, end - _DIGEST_PATH_LENGTH, end):
        found[URL_DIGEST] = path[end - _DIGEST_PATH_LENGTH : end].replace("/", "")
    return found


def normalized(name: str) -> str:
    """The name of a project by PEP 503."""
    return _SEPARATORS.sub("-", name).lower()


_MOST_PARAMETERS: Final = 8  # of a fragment
