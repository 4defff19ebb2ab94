"""Uploads as twine sends them, with anything in them changed."""

from __future__ import annotations

import base64
import io
from hashlib import blake2b, sha256

from aiohttp import FormData
from aiohttp.test_utils import TestClient
from packages import Package, wheel


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


TOKEN = basic("__token__", "secret")


def fields_for(package: Package, name: str = "Flask", version: str = "1.0") -> dict[str, str | list[str] | None]:
    is_wheel = package.filename.endswith(".whl")
    return {
        "metadata_version": "2.1",
        "name": name,
        "version": version,
        "pyversion": (package.filename.split("-")[-3:-2] or ["py3"])[0] if is_wheel else "source",
        "filetype": "bdist_wheel" if is_wheel else "sdist",
        "sha256_digest": sha256(package.content).hexdigest(),
        "blake2_256_digest": blake2b(package.content, digest_size=32).hexdigest(),
        ":action": "file_upload",
        "protocol_version": "1",
    }


def form(package: Package, **changes: str | list[str] | None) -> FormData:
    """The form that twine sends, with some fields changed, or left out by None. A double underscore is a colon."""
    fields = fields_for(package) | {key.replace("__", ":"): value for key, value in changes.items()}
    data = FormData(default_to_multipart=True)
    for key, values in fields.items():
        for value in [values] if isinstance(values, str) else values or []:
            data.add_field(key, value)
    data.add_field(
        "content", io.BytesIO(package.content), filename=package.filename, content_type="application/octet-stream"
    )
    return data


async def upload(
    client: TestClient, data: FormData, authorization: str = TOKEN, path: str = "/legacy/"
) -> tuple[int, str]:
    headers = {"Host": "upload.pypi.test", "Authorization": authorization}
    async with client.post(path, data=data, headers=headers) as answer:
        body = await answer.text()
        assert "Set-Cookie" not in answer.headers
        if answer.status != 200:
            assert answer.reason == body, "uploaders show the one or the other"
        return answer.status, body


FLASK = wheel("Flask", "1.0", {"Requires-Python": ">=3.8"})
