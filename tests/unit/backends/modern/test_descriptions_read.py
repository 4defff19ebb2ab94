"""A description may have megabytes, and a project many releases: what tells of many of them reads none of these."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from counting import Counting, with_flask
from packages import LAUNCH

from backends.modern.app import make_app
from backends.modern.site import Site

SITE = Site(files_url="http://files.pypihosted.test")
VERSIONS = ("1.0", "1.1", "1.2", "2.0")


@pytest.fixture
def counting(tmp_path: Path) -> Iterator[Counting]:
    with with_flask(tmp_path / "store", VERSIONS) as opened:
        yield opened


@pytest.fixture
async def reader(counting: Counting) -> AsyncIterator[TestClient]:
    async with TestClient(TestServer(make_app(counting, SITE, lambda: LAUNCH))) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "count", "said"),
    [
        ("/", 0, "Says 1.1"),
        ("/rss/updates.xml", 0, "Says 1.1"),
        ("/rss/packages.xml", 0, "Says 1.0"),
        ("/rss/project/flask/releases.xml", 0, "a@pypi.test"),
        ("/project/flask/", 1, "Long 2.0"),
        ("/project/flask/1.1/", 1, "Long 1.1"),
        ("/pypi/flask/json", 1, "Long 2.0"),
        ("/pypi/flask/1.1/json", 1, "Long 1.1"),
    ],
)
async def test_no_more_descriptions_are_read_than_told(
    reader: TestClient, counting: Counting, path: str, count: int, said: str
) -> None:
    assert said in await counting.told_by(reader.get(path))
    assert counting.told == count


def test_a_release_without_its_description_is_as_it_is_with_it_in_all_else(counting: Counting) -> None:
    for briefly, whole in zip(counting.releases("flask", described=False), counting.releases("flask"), strict=True):
        assert briefly.metadata == {key: value for key, value in whole.metadata.items() if key != "description"}
        assert (briefly.version, briefly.uploaded) == (whole.version, whole.uploaded)


def test_a_bare_release_says_nothing_of_itself_and_is_the_same_in_all_else(counting: Counting) -> None:
    counting.yank("flask", "1.1", "broken", LAUNCH)
    whole = counting.releases("flask")
    assert counting.bare_releases("flask") == [replace(release, metadata={}) for release in whole]
