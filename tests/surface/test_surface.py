"""Each row of the facts about the two sites, asked of them on a socket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from multidict import CIMultiDict
from packages import LAUNCH
from surface_rows import Ask, Got, Row, ask_of, differences, read_rows
from yarl import URL

from backends.legacy import app as legacy
from backends.legacy.era import Era
from backends.modern import app as modern
from backends.modern.era import Era as NewEra
from backends.modern.site import Site
from backends.store import Store

HERE = Path(__file__).parent
SITE = Site(files_url="http://files.pypihosted.test", upload_token="secret")


async def asked(app: web.Application, ask: Ask) -> Got:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        url = URL(f"http://{host}:{port}{ask.target}", encoded=True)
        headers = CIMultiDict({"Accept": "*/*"} if "Accept" not in ask.headers else {})
        for name, value in ask.headers.items():
            headers.extend((name, each) for each in (value if isinstance(value, list) else [value]))
        async with ClientSession(skip_auto_headers=("User-Agent", "Accept")) as session:
            async with session.request(
                ask.method, url, headers=headers, data=ask.body or None, allow_redirects=False
            ) as answer:
                told = {name.lower(): value for name, value in answer.headers.items()}
                return Got(answer.status, answer.reason or "", told, await answer.read())
    finally:
        await runner.cleanup()


def rows_of(name: str) -> list[object]:
    return [pytest.param(row, id=str(row)) for row in read_rows(HERE / name)]


@pytest.mark.parametrize("row", rows_of("legacy.yaml"))
async def test_legacy(row: Row, world: tuple[Store, Mapping[str, str]]) -> None:
    store, values = world
    got = await asked(legacy.make_app(store, lambda: LAUNCH), ask_of(row, values))
    assert list(differences(row, values, got)) == []


@pytest.mark.parametrize("row", rows_of("legacy_eras.yaml"))
async def test_legacy_of_another_day(row: Row, world: tuple[Store, Mapping[str, str]]) -> None:
    """The day is the first word of what a row names of the facts."""
    store, values = world
    day = date.fromisoformat(row.facts.partition(" ")[0])
    settings = legacy.Settings(Era(day))
    got = await asked(legacy.make_app(store, lambda: LAUNCH, settings), ask_of(row, values))
    assert list(differences(row, values, got)) == []


@pytest.mark.parametrize("row", rows_of("legacy_tls.yaml"))
async def test_legacy_that_requires_tls(row: Row, world: tuple[Store, Mapping[str, str]]) -> None:
    store, values = world
    settings = legacy.Settings(needs_tls=True)
    got = await asked(legacy.make_app(store, lambda: LAUNCH, settings), ask_of(row, values))
    assert list(differences(row, values, got)) == []


@pytest.mark.parametrize("row", rows_of("modern_eras.yaml"))
async def test_modern_of_another_day(row: Row, world: tuple[Store, Mapping[str, str]]) -> None:
    store, values = world
    day = date.fromisoformat(row.facts.partition(" ")[0])
    site = replace(SITE, era=NewEra(day))
    got = await asked(modern.make_app(store, site, lambda: LAUNCH), ask_of(row, values))
    assert list(differences(row, values, got)) == []


@pytest.mark.parametrize("row", rows_of("modern.yaml"))
async def test_modern(row: Row, world: tuple[Store, Mapping[str, str]]) -> None:
    store, values = world
    got = await asked(modern.make_app(store, SITE, lambda: LAUNCH), ask_of(row, values))
    assert list(differences(row, values, got)) == []
