"""The new site on a loopback socket, over a store that the test fills."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from packages import LAUNCH

from backends.modern.app import make_app
from backends.modern.site import Site
from backends.store import Store

SITE = Site(
    files_url="http://files.pypihosted.test",
    files_url_for={"pypi.localhost:8080": "http://files.localhost:8080"},
    upload_token="secret",
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
async def client(store: Store) -> AsyncIterator[TestClient]:
    async with TestClient(TestServer(make_app(store, SITE, lambda: LAUNCH))) as client:
        yield client
