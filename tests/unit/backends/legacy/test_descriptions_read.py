"""A description may have megabytes, and a project many releases: what tells of many of them reads none of these."""

from __future__ import annotations

import xmlrpc.client
from collections.abc import AsyncIterator, Iterator
from datetime import date
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from counting import Counting, with_flask
from packages import LAUNCH

from backends.legacy.app import Settings, make_app
from backends.legacy.era import Era
from backends.legacy.library import Library
from backends.legacy.methods import reply
from backends.legacy.site import Site
from backends.marshalling import Arguments


@pytest.fixture
def counting(tmp_path: Path) -> Iterator[Counting]:
    with with_flask(tmp_path / "store", ("1.0", "1.1", "1.2", "2.0")) as opened:
        yield opened


@pytest.fixture
async def reader(counting: Counting) -> AsyncIterator[TestClient]:
    settings = Settings(Era(date(2013, 5, 1)))  # simple pages name home pages
    async with TestClient(TestServer(make_app(counting, lambda: LAUNCH, settings))) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "count", "said"),
    [
        ("/simple/flask/", 0, "http://home.test/1.1"),
        ("/pypi/flask", 0, "Says 1.1"),
        ("/pypi/flask/1.1", 1, "Long 1.1"),
        ("/pypi/flask/json", 1, "Long 2.0"),
        ("/pypi/flask/1.1/json", 1, "Long 1.1"),
        ("/pypi?:action=doap&name=flask", 1, "Long 2.0"),
        ("/pypi?:action=display_pkginfo&name=flask&version=1.1", 1, "Long 1.1"),
        ("/pypi?:action=browse&c=1", 0, "Says 2.0"),
        ("/pypi?:action=rss", 0, "Says 1.1"),
        ("/pypi?:action=packages_rss", 0, "Says 2.0"),
    ],
)
async def test_no_more_descriptions_are_read_than_told(
    reader: TestClient, counting: Counting, path: str, count: int, said: str
) -> None:
    assert said in await counting.told_by(reader.get(path))
    assert counting.told == count


@pytest.mark.parametrize(
    ("method", "arguments", "count", "said"),
    [
        ("package_releases", ("flask", True), 0, "1.1"),
        ("release_data", ("flask", "1.1"), 1, "Long 1.1"),
        ("updated_releases", (0,), 0, "1.1"),
        ("browse", (["Topic :: Internet"],), 0, "2.0"),
    ],
)
def test_calls_read_no_more_of_them_either(
    counting: Counting, method: str, arguments: Arguments, count: int, said: str
) -> None:
    counting.told = 0
    assert said in reply(xmlrpc.client.dumps(arguments, method).encode(), Library(counting, Site("https"))).decode()
    assert counting.told == count
