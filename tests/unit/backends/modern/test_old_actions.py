"""What an old client asks for is known by how its form begins, which is read in time proportional to its length."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import TestClient

PART = b'--b\r\nContent-Disposition: form-data; name=":action"\r\n'


def form(headers: int) -> bytes:
    return PART + b"X-More: x\r\n" * headers + b"\r\nsubmit\r\n--b--\r\n"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b":action=submit&name=x", 410),
        (b"name=x&%3Aaction=file_upload", 410),
        (b":action=display", 404),
        (b"name=x", 404),
        (form(0), 410),
        (form(8), 410),
        (form(9), 404),  # no client sends so many: what follows each beginning of a part would be read again and again
        (b':action"\r\n' * 6_553, 404),
    ],
)
async def test_a_form_of_the_old_site_s_is_known_by_its_action(client: TestClient, body: bytes, status: int) -> None:
    async with client.post("/pypi", data=body, headers={"Content-Type": "multipart/form-data; boundary=b"}) as answer:
        assert answer.status == status
