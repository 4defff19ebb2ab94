"""Writes to the old site as the tools of its time sent them, with anything in them changed."""

from __future__ import annotations

import io
from hashlib import md5

from aiohttp import FormData
from aiohttp.test_utils import TestClient
from packages import Package
from uploads import basic

ARMIN, EVE = basic("armin", "correct horse 1"), basic("eve", "battery staple 2")


def submission(**changes: str | list[str]) -> list[tuple[str, str]]:
    """As distutils registers a release: what its author did not write is UNKNOWN, and lists are a part for each."""
    fields: dict[str, str | list[str]] = {
        ":action": "submit",
        "metadata_version": "1.1",
        "name": "Flask",
        "version": "1.0",
        "summary": "Small",
        "home_page": "http://flask.test/",
        "author": "Armin",
        "author_email": "armin@pypi.test",
        "license": "UNKNOWN",
        "description": "UNKNOWN",
        "keywords": ["web", "wsgi"],
        "platform": ["any"],
        "classifiers": ["Framework :: Flask", "Topic :: Internet"],
        "download_url": "UNKNOWN",
        "provides": [],
        "requires": ["click (>=2, <9)"],
        "obsoletes": [],
    }
    fields |= {key.replace("__", ":"): value for key, value in changes.items()}
    return [(name, each) for name, value in fields.items() for each in ([value] if isinstance(value, str) else value)]


def multipart(fields: list[tuple[str, str]], content: Package | None = None, **attached: bytes) -> FormData:
    data = FormData(default_to_multipart=True, quote_fields=False)
    for name, value in fields:
        data.add_field(name, value)
    if content is not None:
        data.add_field("content", io.BytesIO(content.content), filename=content.filename, content_type="")
    for name, value in attached.items():
        data.add_field(name, io.BytesIO(value), filename=f"{name}.txt")
    return data


def upload_of(package: Package, signature: bytes | None = None, **changes: str | list[str]) -> FormData:
    """As `setup.py upload` sends a file."""
    is_wheel = package.filename.endswith(".whl")
    own: dict[str, str | list[str]] = {
        "__action": "file_upload",
        "protocol_version": "1",
        "filetype": "bdist_wheel" if is_wheel else "sdist",
        "pyversion": "2.7" if is_wheel else "",
        "md5_digest": md5(package.content).hexdigest(),
        "comment": "built by hand",
    }
    attached = {} if signature is None else {"gpg_signature": signature}
    return multipart(submission(**(own | changes)), package, **attached)


async def posted(client: TestClient, data: FormData, authorization: str | None = ARMIN) -> tuple[int, str, str]:
    """Status, reason and body."""
    headers = {} if authorization is None else {"Authorization": authorization}
    async with client.post("/pypi", data=data, headers=headers, allow_redirects=False) as answer:
        return answer.status, answer.reason or "", await answer.text()


async def registered(client: TestClient, **changes: str) -> None:
    status, reason, _ = await posted(client, multipart(submission(**changes)))
    assert (status, reason) == (200, "OK")
