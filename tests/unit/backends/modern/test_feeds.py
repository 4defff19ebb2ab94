"""How much a feed tells: the newest of what there is, and no more than readers expect."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from aiohttp.test_utils import TestClient
from packages import LAUNCH

from backends.store import Store


@pytest.fixture
def crowded(store: Store) -> Store:
    """41 projects, the last of which has 101 releases."""
    for number in range(40):
        store.store_release({"name": f"p{number}", "version": "1"}, LAUNCH)
    for number in range(101):
        store.store_release({"name": "last", "version": str(number)}, LAUNCH + timedelta(minutes=number))
    return store


@pytest.mark.parametrize(
    ("path", "count", "first"),
    [
        ("/rss/updates.xml", 100, "last 100"),
        ("/rss/packages.xml", 40, "last added to PyPI"),
        ("/rss/project/last/releases.xml", 40, "100"),
    ],
)
async def test_a_feed_has_the_newest(client: TestClient, crowded: Store, path: str, count: int, first: str) -> None:
    async with client.get(path) as answer:
        titles = re.findall(r"<item>.*?<title>(.*?)</title>", await answer.text(), re.DOTALL)
    assert (len(titles), titles[0]) == (count, first)
