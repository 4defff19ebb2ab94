"""The command that purges: what it takes, what it says, and the log that all workers have."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from disk_copies import content_of, key_of, opened, put, stored_of

from edgeproxy.caching.keys import address_digest, path_digest, tag_digest
from edgeproxy.caching.purging import Mode, Purge, What
from edgeproxy.control.control_socket import Refused
from edgeproxy.control.purging import Purging, read_purges
from edgeproxy.control.sockets import Offer
from edgeproxy.proxy.cache.purges import PurgeLog
from edgeproxy.ruleset.caches import CacheSettings
from edgeproxy.ruleset.load import parse_ruleset

RULES = """
edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
rules: [{name: all, match: {host: app, path: "/{rest*}"}, respond: {status: 204}}]
"""
RULESET = parse_ruleset(RULES, "rules.yaml", base=Path())
NOW = 1_700_000_000.0


@pytest.fixture
def purging() -> Iterator[Purging]:
    with closing(Purging(None, lambda: RULESET)) as purging:
        yield purging


def log_of(purging: Purging) -> PurgeLog:
    """As a worker has it."""
    return PurgeLog.adopt(os.dup(purging.fd))


def test_urls_and_tags_are_purged_together_and_once() -> None:
    urls = ["https://pypi.test/a", "http://pypi.test/a", "https://pypi.test/b?c=d"]
    assert read_purges({"urls": urls, "tags": ["x"], "hard": True}, RULESET, NOW) == (
        Purge(What.PATH, Mode.HARD, path_digest("pypi.test", "/a"), NOW),
        Purge(What.ADDRESS, Mode.HARD, address_digest("pypi.test", "/b", "c=d"), NOW),
        Purge(What.TAG, Mode.HARD, tag_digest("x"), NOW),
    )


def test_everything_is_one_purge_and_soft_unless_said_otherwise() -> None:
    assert read_purges({"all": True}, RULESET, NOW) == (Purge(What.ALL, Mode.SOFT, at=NOW),)
    assert read_purges({"all": True, "hard": True, "urls": []}, RULESET, NOW) == (Purge(What.ALL, Mode.HARD, at=NOW),)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({}, "nothing is named"),
        ({"urls": [], "tags": [], "all": False}, "nothing is named"),
        ({"all": True, "tags": ["x"]}, "say one of both"),
        ({"url": "https://pypi.test/"}, "unknown key 'url': there are all, hard, tags, urls"),
        ({"urls": "https://pypi.test/"}, "`urls` is a list of strings"),
        ({"tags": [1]}, "`tags` is a list of strings"),
        ({"tags": [""]}, "`tags` is a list of strings"),
        ({"tags": None}, "`tags` is a list of strings"),
        ({"all": 1}, "`all` is true or false"),
        ({"all": True, "hard": "yes"}, "`hard` is true or false"),
        ({"urls": ["/simple/"]}, "/simple/: it is not a URL such as"),
        ({"urls": ["https://pypi.test/", "https://other.test/"]}, "https://other.test/: no host of the rules has"),
        ({"tags": ["x"] * 1001}, "more than 1000 names"),
    ],
)
async def test_what_cannot_be_understood_purges_nothing(
    purging: Purging, words: Mapping[str, object], why: str
) -> None:
    with pytest.raises(Refused) as refused:
        await purging.purge(words)
    assert why in str(refused.value)
    with closing(log_of(purging)) as log:
        assert log.seq == 0


async def test_when_it_returns_everybody_hears_of_it(purging: Purging) -> None:
    with closing(log_of(purging)) as log:
        before = time.time()
        assert await purging.purge({"tags": ["x", "y"]}) == {"purged": True, "disk": None}
        purges = log.since(0)
        assert purges is not None
        assert [each.digest for each in purges] == [tag_digest("x"), tag_digest("y")]
        assert all(before <= each.at <= time.time() for each in purges)


@pytest.mark.parametrize(("hard", "left"), [(True, 0), (False, 1)])
async def test_what_workers_have_on_disk_is_purged_before_they_hear_of_it(
    tmp_path: Path, *, hard: bool, left: int
) -> None:
    rules = replace(RULESET, cache=CacheSettings(directory=tmp_path / "cache"))
    with closing(Purging(None, lambda: rules)) as purging, closing(log_of(purging)) as log:
        assert await purging.purge({"all": True}) == {"purged": True, "disk": 0}  # there is no directory yet
        with opened(tmp_path / "cache", log=log) as disk:
            for path in ("/flask", "/django"):
                content = content_of(path, 100)
                assert await put(disk, path, content, stored_of(content, f"project{path}"), since=log.seq)
            words = {"urls": ["https://pypi.test/none"], "tags": ["project/flask"], "hard": hard}
            assert await purging.purge(words) == {"purged": True, "disk": 1}
            found = disk.find(key_of("/flask").primary)
            assert len(found) == left
            assert all(copy.stored.purged is not None for copy in found)
            (other,) = disk.find(key_of("/django").primary)
            assert other.stored.purged is None


async def test_a_disk_that_cannot_be_purged_is_told_and_memory_is_purged_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cache").write_text("no directory")
    rules = replace(RULESET, cache=CacheSettings(directory=tmp_path / "cache"))
    with closing(Purging(None, lambda: rules)) as purging, closing(log_of(purging)) as log:
        with pytest.raises(Refused, match=r"cannot purge the disk.*In memory it is purged"):
            await purging.purge({"all": True})
        assert log.seq == 1
    assert "all copies on disk are thrown away instead" in capsys.readouterr().err


async def test_the_next_supervisor_has_the_same_log(purging: Purging) -> None:
    await purging.purge({"all": True})
    with closing(Purging(Offer(0, {}, {}, os.dup(purging.fd)), lambda: RULESET)) as successor:
        await successor.purge({"tags": ["x"]})
        with closing(log_of(purging)) as log:
            assert log.seq == 2


async def test_a_log_that_is_none_is_not_taken_and_not_held() -> None:
    with tempfile.TemporaryFile() as file:
        fd = os.dup(file.fileno())
        with closing(Purging(Offer(0, {}, {}, fd), lambda: RULESET)) as purging:
            assert (await purging.purge({"all": True}))["purged"]
            assert os.fstat(purging.fd).st_ino != os.fstat(file.fileno()).st_ino
