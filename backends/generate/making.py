"""Wheels and source archives, made in memory: small, valid, and the same for the same arguments."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from backends.generate import packing
from backends.store import Metadata, NewFile
from backends.store.model import PackageType


@dataclass(frozen=True, slots=True)
class Made:
    new: NewFile
    content: bytes


def wheel(metadata: Metadata, text: bytes, padding: bytes) -> Made:
    """A wheel of one module. `text` is the metadata as a METADATA file has it."""
    stem, version = _escaped(str(metadata["name"])), str(metadata["version"])
    info = f"{stem}-{version}.dist-info"
    members = {
        f"{stem}.py": b"VERSION = %r\n" % version,
        f"{info}/METADATA": text,
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if padding:
        members[f"{stem}.bin"] = padding
    record = "".join(map(_recorded, members, members.values())) + f"{info}/RECORD,,\n"
    content = packing.zipped({**members, f"{info}/RECORD": record.encode()})
    return _made(f"{stem}-{version}-py3-none-any.whl", "bdist_wheel", "py3", metadata, text, content)


def sdist(metadata: Metadata, text: bytes, padding: bytes) -> Made:
    name, version = str(metadata["name"]), str(metadata["version"])
    top = f"{_escaped(name)}-{version}"
    setup = f"from setuptools import setup\nsetup(name={name!r}, version={version!r})\n"
    members = {f"{top}/PKG-INFO": text, f"{top}/setup.py": setup.encode(), f"{top}/data.bin": padding}
    return _made(f"{top}.tar.gz", "sdist", "source", metadata, None, packing.tarred(members))


def core_metadata(metadata: Metadata) -> bytes:
    """The text of METADATA and PKG-INFO."""
    lines = ["Metadata-Version: 2.1"]
    for key, value in metadata.items():
        header = _HEADERS.get(key)
        if header is None:
            continue
        values = [",".join(value)] if key == "keywords" else [value] if isinstance(value, str) else list(value)
        lines += [f"{header}: {each}" for each in values]
    return ("\n".join(lines) + f"\n\n{metadata.get('description', '')}").encode()


_HEADERS: Mapping[str, str] = {
    "name": "Name",
    "version": "Version",
    "summary": "Summary",
    "author": "Author",
    "author_email": "Author-email",
    "home_page": "Home-page",
    "keywords": "Keywords",
    "license": "License",
    "classifiers": "Classifier",
    "requires_dist": "Requires-Dist",
    "requires_python": "Requires-Python",
    "description_content_type": "Description-Content-Type",
}


def _made(
    filename: str, kind: PackageType, python: str, metadata: Metadata, text: bytes | None, content: bytes
) -> Made:
    return Made(NewFile(filename, kind, python, metadata, text), content)


def _escaped(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()


def _recorded(path: str, data: bytes) -> str:
    return f"{path},sha256={base64.urlsafe_b64encode(sha256(data).digest()).rstrip(b'=').decode()},{len(data)}\n"
