"""Small wheels and sdists as bytes, for tests of everything that reads, stores or serves packages.

The same arguments give the same bytes, whatever the day.
"""

from __future__ import annotations

import base64
import gzip
import io
import re
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple

from backends.store import Addition, Store, read_distribution

LAUNCH = datetime(2018, 4, 16, 15, 0, 0, 123456, tzinfo=UTC)

Fields = Mapping[str, Sequence[str]]  # header names of core metadata; `Description` is the body


class Package(NamedTuple):
    filename: str
    content: bytes


def core_metadata(name: str, version: str, fields: Fields | None = None) -> bytes:
    """The text of a METADATA or PKG-INFO file."""
    given = {"Metadata-Version": "2.1", "Name": name, "Version": version, **(fields or {})}
    body = given.pop("Description", "")
    lines = [
        f"{header}: {value}"
        for header, values in given.items()
        for value in ([values] if isinstance(values, str) else values)
    ]
    return ("\n".join(lines) + f"\n\n{body}").encode()


def wheel(
    name: str, version: str, fields: Fields | None = None, tags: str = "py3-none-any", data: bytes | None = None
) -> Package:
    """A wheel of one module, and maybe a file of data, that pip and uv can install."""
    module = escaped(name)
    info = f"{module}-{version}.dist-info"
    members = {
        f"{module}.py": f"VERSION = {version!r}\n".encode(),
        **({} if data is None else {f"{module}.data": data}),
        f"{info}/METADATA": core_metadata(name, version, fields),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tags}\n".encode(),
    }
    record = "".join(map(_recorded, members, members.values())) + f"{info}/RECORD,,\n"
    return Package(f"{module}-{version}-{tags}.whl", zipped({**members, f"{info}/RECORD": record.encode()}))


def sdist(name: str, version: str, fields: Fields | None = None) -> Package:
    """A source distribution, named as PEP 625 has it."""
    top = f"{escaped(name)}-{version}"
    setup = f"from setuptools import setup\nsetup(name={name!r}, version={version!r})\n"
    members = {f"{top}/PKG-INFO": core_metadata(name, version, fields), f"{top}/setup.py": setup.encode()}
    return Package(f"{top}.tar.gz", tarred(members))


def stored(
    store: Store, package: Package, now: datetime = LAUNCH, comment: str = "", signature: bytes | None = None
) -> Addition:
    """Add a package to a store, as an upload or a seeding does."""
    with store.receive() as receiving:
        receiving.write(package.content)
        content = receiving.finish()
        new = read_distribution(content.path, package.filename).as_new(comment)
        return store.add_file(replace(new, signature=signature), content, now)


def escaped(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()


def _recorded(path: str, data: bytes) -> str:
    digest = base64.urlsafe_b64encode(sha256(data).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(data)}\n"


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for path, data in members.items():
            archive.writestr(zipfile.ZipInfo(path, (2018, 4, 16, 15, 0, 0)), data, method)
    return out.getvalue()


def tarred(members: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for path, data in members.items():
            member = tarfile.TarInfo(path)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()
