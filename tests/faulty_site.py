"""A bundled backend with faults on a loopback socket, by a clock that stands still until it is moved."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession, web
from multidict import CIMultiDictProxy
from packages import LAUNCH, sdist, stored, wheel
from yarl import URL

from backends.faults import FaultyStore, install
from backends.legacy.__main__ import TRAITS as LEGACY
from backends.legacy.app import make_app as make_legacy
from backends.modern.__main__ import TRAITS as MODERN
from backends.modern.app import make_app as make_modern
from backends.modern.site import Site
from backends.store import Store
from backends.tokens import Token

TOKEN = "a-token-of-the-tests"


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Got:
    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class FaultySite:
    name: str
    time: Time
    session: ClientSession
    runner: web.AppRunner
    port: int

    async def get(self, path: str, fault: str = "", method: str = "GET", **options: Any) -> Got:
        """Ask, with a fault for this request, or without one."""
        asked = {"Backend-Fault": fault, "Backend-Token": TOKEN} if fault else {}
        headers = asked | options.pop("headers", {})
        url = URL(f"http://127.0.0.1:{self.port}{path}", encoded=True)
        async with self.session.request(method, url, headers=headers, allow_redirects=False, **options) as answer:
            return Got(answer.status, answer.headers, await answer.read())

    async def tell(self, method: str, path: str = "/_faults/", said: object = None, token: str = TOKEN) -> Got:
        return await self.get(path, method=method, json=said, headers={"Backend-Token": token})

    async def plant(self, fault: str, lifetime: str = "10m") -> int:
        async with self.session.post(
            f"http://127.0.0.1:{self.port}/_faults/",
            json={"fault": fault, "for": lifetime},
            headers={"Backend-Token": TOKEN},
        ) as answer:
            assert answer.status == 201, await answer.text()
            number: int = (await answer.json())["number"]
            return number

    async def listed(self) -> list[dict[str, Any]]:
        faults: list[dict[str, Any]] = json.loads((await self.tell("GET")).body)["faults"]
        return faults

    def open_connections(self) -> int:
        assert self.runner.server is not None
        return len(self.runner.server.connections)

    async def octets(self, path: str, *lines: str, method: str = "GET") -> tuple[bytes, bool]:
        """All that comes on a connection of its own, and whether it ends with a reset."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        head = [f"{method} {path} HTTP/1.1", "Host: pypi.test", *lines]
        writer.write("".join(f"{line}\r\n" for line in head).encode() + b"\r\n")
        came = bytearray()
        try:
            while chunk := await reader.read(1 << 16):
                came += chunk
        except ConnectionResetError:
            return bytes(came), True
        finally:
            writer.close()
        return bytes(came), False

    @property
    def json_path(self) -> str:
        """Where this site has the JSON of Flask."""
        return "/pypi/Flask/json" if self.name == "legacy" else "/pypi/flask/json"


FLASK = wheel("Flask", "1.0", {"Summary": "A framework", "Requires-Python": ">=3.8"})


def fill(store: Store) -> None:
    """Two releases of Flask, the older one yanked, and six."""
    stored(store, FLASK)
    stored(store, sdist("Flask", "0.9", {"Requires-Python": ">=2.7"}))
    store.yank("flask", "0.9", "too old", LAUNCH)
    stored(store, wheel("six", "1.17.0"))


@asynccontextmanager
async def faulty_site(name: str, store: FaultyStore) -> AsyncIterator[FaultySite]:
    time = Time()
    if name == "legacy":
        app, traits = make_legacy(store, lambda: LAUNCH), LEGACY
    else:
        app, traits = make_modern(store, Site(), lambda: LAUNCH), MODERN
    install(app, store, Token(TOKEN), traits, time)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with ClientSession() as session:
        yield FaultySite(name, time, session, runner, runner.addresses[0][1])
    await runner.cleanup()
