"""The signatures of simple pages, for mirrors of the time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import pytest
from aiohttp.test_utils import TestClient, TestServer
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from packages import LAUNCH

from backends.legacy.app import Settings, make_app
from backends.legacy.era import Era
from backends.store import Store


@pytest.fixture
async def client(store: Store) -> AsyncIterator[TestClient]:
    app = make_app(store, lambda: LAUNCH, Settings(Era(date(2015, 1, 22))))
    async with TestClient(TestServer(app)) as asking:
        yield asking


async def key_of(client: TestClient) -> dsa.DSAPublicKey:
    async with client.get("/serverkey") as answer:
        key = load_pem_public_key(await answer.read())
    assert isinstance(key, dsa.DSAPublicKey)
    return key


async def test_a_mirror_verifies_what_the_site_signed(client: TestClient, store: Store) -> None:
    key = await key_of(client)
    async with client.get("/simple/flask/") as page, client.get("/serversig/flask/") as signature:
        body, signed = await page.read(), await signature.read()
        assert signature.headers["Content-Type"] == "application/octet-stream"
        for name in ("X-PYPI-LAST-SERIAL", "Surrogate-Key"):
            assert signature.headers[name] == page.headers[name]
    key.verify(signed, body, hashes.SHA1())
    with pytest.raises(InvalidSignature):
        key.verify(signed, body + b" ", hashes.SHA1())


async def test_the_key_stays_with_the_store_and_is_nobody_else_s(client: TestClient, store: Store) -> None:
    key = await key_of(client)
    again = make_app(store, lambda: LAUNCH, Settings(Era(date(2015, 1, 22))))
    async with TestClient(TestServer(again)) as other:
        assert (await key_of(other)).public_numbers() == key.public_numbers()
    assert (store.directory / "serverkey.pem").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("path", "status", "location"),
    [
        ("/serversig/flask", 301, "/serversig/flask/"),
        ("/serversig/Flask/", 301, "/simple/flask"),
        ("/serversig/nothing/", 404, None),
        ("/serversig/flask/0.2/", 404, None),
        ("/serversig/", 404, None),
    ],
)
async def test_what_is_no_page_has_no_signature(
    client: TestClient, path: str, status: int, location: str | None
) -> None:
    async with client.get(path, allow_redirects=False) as answer:
        assert (answer.status, answer.headers.get("Location")) == (status, location)
