"""What tells one kept answer from another, as digests.

Laws of this module:
- everything that the edge tells a backend of a request, and that may make its answer another, is in the key, or the
  answer says so itself (Vary): the authority as the client wrote it (it goes on as X-Forwarded-Host), the scheme, the
  target that the backend gets, the backend, and what the rule's `key` names;
- parts are framed by their lengths: no two lists of parts make the same octets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

_OCTETS: Final = 16


@dataclass(frozen=True, slots=True)
class Key:
    """`path` is of host and path, `address` of these and the query: what a purge by URL names. `primary` is of all."""

    path: bytes
    address: bytes
    primary: bytes


def digest_of(*parts: bytes) -> bytes:
    """16 octets for a list of parts."""
    framed = blake2b(digest_size=_OCTETS)
    for part in parts:
        framed.update(len(part).to_bytes(8))
        framed.update(part)
    return framed.digest()


def path_digest(host: str, path: str) -> bytes:
    return digest_of(b"path", host.encode(), path.encode())


def address_digest(host: str, path: str, query: str) -> bytes:
    """`query` as it goes to the backend."""
    return digest_of(b"address", host.encode(), path.encode(), query.encode())


def tag_digest(tag: str) -> bytes:
    return digest_of(b"tag", tag.encode())


def variant_digest(selecting: Sequence[tuple[str, str | None]], coding: str) -> bytes:
    """Of several answers under one key: which one (Stored.selecting, Stored.coding)."""
    parts: list[bytes] = []
    for name, value in selecting:
        parts += (name.encode(), b"-" if value is None else b"+" + value.encode())
    return digest_of(b"variant", coding.encode(), *parts)
