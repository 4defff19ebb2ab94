"""A store with a few projects, and the legacy site over it on a loopback socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from multidict import CIMultiDictProxy
from packages import sdist, stored, wheel
from yarl import URL

from backends.legacy.app import make_app
from backends.legacy.library import Library
from backends.legacy.site import Site
from backends.store import Store

NOW = datetime(2018, 4, 30, 23, 59, 58, tzinfo=UTC)


@dataclass(frozen=True)
class Got:
    status: int
    reason: str
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Browser:
    """Asks for a path exactly as it is written, and follows nothing."""

    def __init__(self, session: ClientSession, runner: web.AppRunner) -> None:
        self._session = session
        self._runner = runner
        self.host, self.port = runner.addresses[0][:2]
        self.base = f"http://{self.host}:{self.port}"

    async def until_nobody_is_here(self) -> None:
        """Until the site has dealt with every client that it had, and with their leaving."""
        while self._runner.server is not None and self._runner.server.connections:
            await asyncio.sleep(0)

    async def get(self, path: str, method: str = "GET", **options: Any) -> Got:
        url = URL(self.base + path, encoded=True)
        async with self._session.request(method, url, allow_redirects=False, **options) as answer:
            return Got(answer.status, answer.reason or "", answer.headers, await answer.read())

    async def post(self, path: str, **options: Any) -> Got:
        return await self.get(path, method="POST", **options)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Serials: Flask was created at 1 and last changed at 6, zope.interface at 9."""
    with Store(tmp_path / "store") as opened:
        fields = {"Summary": "Small & <quick>", "Requires-Python": '>=2.7, <"4"'}
        stored(opened, wheel("Flask", "0.12.2", fields), comment="the wheel")
        stored(opened, sdist("Flask", "0.12.2", fields))
        stored(opened, wheel("Flask", "0.2"))
        stored(opened, sdist("zope.interface", "4.4.3", {"Summary": "Interfaces"}))
        yield opened


@pytest.fixture
def library(store: Store) -> Library:
    return Library(store, Site("https"))


@pytest.fixture
async def site(store: Store) -> AsyncIterator[Browser]:
    runner = web.AppRunner(make_app(store, lambda: NOW), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with ClientSession() as session:
        yield Browser(session, runner)
    await runner.cleanup()
