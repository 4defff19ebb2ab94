"""The old site on its last day with uploads, over an index of two accounts and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from packages import LAUNCH

from backends.legacy.app import Settings, make_app
from backends.legacy.era import Era
from backends.store import Store, accounts
from backends.store.accounts import Account

LAST_DAY = Era(date(2017, 6, 27))
NOW = LAUNCH - timedelta(days=365)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        accounts.register(opened, Account("armin", "armin@pypi.test"), "correct horse 1")
        accounts.register(opened, Account("eve", "eve@pypi.test"), "battery staple 2")
        yield opened


@pytest.fixture
async def client(store: Store) -> AsyncIterator[TestClient]:
    app = make_app(store, lambda: NOW, Settings(LAST_DAY))
    async with TestClient(TestServer(app)) as asking:
        yield asking
