"""Exchanges of the cache that cross each other: on one connection, in one fetch, with a purge, with a client that leaves."""

from __future__ import annotations

import gzip
from pathlib import Path

from harness import request
from site_under_test import FRESH, Site, ok, site

from edgeproxy.caching.keys import Key
from edgeproxy.http.target import Scheme
from edgeproxy.proxy.cache.keeper import Keeper
from edgeproxy.proxy.plan import Pass, Planned

CHUNKED = f"HTTP/1.1 200 OK\r\n{FRESH}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
NOT_MODIFIED = f"HTTP/1.1 304 Not Modified\r\n{FRESH}\r\n\r\n".encode()
LANGUAGES = "Vary: Accept-Language"


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(content), content)


def keeper_of(its: Site) -> Keeper:
    keeper = its.edge.edge.keeper
    assert keeper is not None
    return keeper


def key_of(its: Site, target: str) -> Key:
    planned = its.edge.edge.planners[Scheme.HTTP].plan(f"GET {target} HTTP/1.1".encode(), "pypi.test")
    assert isinstance(planned, Planned)
    assert isinstance(planned.plan, Pass)
    assert planned.plan.cache is not None
    return planned.plan.cache.key({}, None)


def on_disk(tmp_path: Path) -> str:
    return f"cache: {{directory: {tmp_path / 'kept'}, disk: 1GiB}}"


# -- requests that are known by their octets ------------------------------------------------------------------------


async def test_what_one_url_was_answered_by_is_remembered_for_no_other() -> None:
    async with site() as its:
        its.origin.will_say(ok(b"one", FRESH), ok(b"two", FRESH))
        await its.get("/one")
        async with its.edge.client() as client:
            for target in ("/one", "/two", "/two", "/one"):  # the first is a hit whose fields nobody knew
                assert (await client.ask(request(target, "X-New: 1"))).body == target[1:].encode()


async def test_a_known_request_is_given_no_older_copy_than_it_asks_for() -> None:
    async with site("{heed_clients: true}") as its:
        its.origin.will_say(ok(b"old", FRESH), ok(b"new", FRESH))
        async with its.edge.client() as client:
            for _ in range(3):
                assert (await client.ask(request("/", "Cache-Control: max-age=30"))).body == b"old"
            its.time.now += 40
            assert (await client.ask(request("/", "Cache-Control: max-age=30"))).body == b"new"


async def test_a_coded_copy_goes_with_the_one_that_it_is_made_of() -> None:
    old, new = b"<p>old" * 100, b"<p>new" * 100
    async with site("{fresh: 1h, compress: [gzip], heed_clients: true}") as its:
        its.origin.will_say(ok(old, "Content-Type: text/html"), ok(new, "Content-Type: text/html"))
        async with its.edge.client() as client:
            for _ in range(3):
                zipped = await client.ask(request("/", "Accept-Encoding: gzip"))
                assert gzip.decompress(zipped.body) == old
            assert (await its.get("/", "Cache-Control: no-cache")).body == new
            zipped = await client.ask(request("/", "Accept-Encoding: gzip"))
            assert gzip.decompress(zipped.body) == new
        assert keeper_of(its).memory.count == 2
