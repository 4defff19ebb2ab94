"""The signatures of simple pages that mirrors of the time checked (PEP 381): DSA of the page, with SHA-1.

The key is the store's, made when it is first needed and kept beside the index.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from backends.legacy.answers import Answer

KEY: Final = "serverkey.pem"
_BITS: Final = 1024  # as mirrors of the time could check; it protects nothing today

_KINDS: Final = ("Surrogate-Key", "X-PYPI-LAST-SERIAL")


def signed(page: Answer, directory: Path) -> Answer:
    """The signature of a page, cached and numbered as that is."""
    kept = tuple(header for header in page.headers if header[0] in _KINDS)
    signature = _key(directory).sign(page.body, hashes.SHA1())  # as PEP 381 has it
    return replace(page, headers=(("Content-Type", "application/octet-stream"), *kept), body=signature)


def public_key(directory: Path) -> bytes:
    return _key(directory).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@lru_cache(maxsize=16)
def _key(directory: Path) -> dsa.DSAPrivateKey:
    path = directory / KEY
    if not path.exists():
        _make(path)
    key = load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, dsa.DSAPrivateKey), f"{path} is a key of another kind: delete it, and one is made"
    return key


def _make(path: Path) -> None:
    """Of several processes that make one at once, the first one's is everybody's."""
    made = dsa.generate_private_key(_BITS)
    handle, draft = tempfile.mkstemp(prefix=f".{KEY}-", dir=path.parent)  # for this user only
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        Path(draft).unlink()
