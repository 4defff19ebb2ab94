"""A shadow that is compared by where its redirects lead: both sides are followed, each on its own arm."""

from __future__ import annotations

import asyncio
from hashlib import sha256

import pytest
from harness import BackendPeer, Script
from harness import request as asking
from shadow_site import Site, answer, shadowed

from edgeproxy.migration.comparing.comparer import Comparer
from edgeproxy.migration.comparing.differences import Difference
from edgeproxy.migration.comparing.shadowed import shadowed_of
from edgeproxy.migration.specimen import Astray, Ending, Part, Silence, Specimen


def site_of(**pages: bytes) -> Script:
    """Pages by path, `_` for `/`."""

    async def answers(peer: BackendPeer) -> None:
        while True:
            head = await peer.head()
            path = head.split(b" ")[1].partition(b"?")[0].decode().strip("/").replace("/", "_")
            await peer.send(pages.get(path, answer("not here", status=404)))

    return answers


def to(location: str, status: int = 301) -> bytes:
    return answer("", f"Location: {location}", status=status)


async def compared(site: Site, path: str, *fields: str) -> tuple[Specimen, tuple[Difference, ...]]:
    await site.running.ask(asking(path, *fields))
    specimen = await site.handed_on()
    return specimen, Comparer(shadowed_of(site.running.edge.ruleset), {}).look(specimen).differences


def end_of(side: Part | Silence | None) -> Ending | None:
    assert isinstance(side, Part)
    return side.ending


async def test_two_sides_that_lead_to_the_same_octets_are_the_same_whatever_the_way() -> None:
    old = site_of(old=to("/older"), older=to("http://pypi.test/page", 302), page=answer("six"))
    new = site_of(old=to("/renamed", 308), renamed=answer("six", "Server: new"))
    async with shadowed(old, new, compare="redirect") as site:
        specimen, differences = await compared(site, "/old", "Accept-Encoding: gzip")
        assert differences == ()
        digest = sha256(b"six").hexdigest()
        before, after = end_of(specimen.old), end_of(specimen.new)
        assert before is not None
        assert after is not None
        assert before.url == "http://pypi.test/page"
        assert after.url == "http://pypi.test/renamed"
        for end in (before, after):
            assert isinstance(end.what, Part)
            assert (end.what.status, end.what.digest, end.what.content) == (200, digest, b"")
        assert end_of(specimen.again) == before
        assert site.counters.shadow_hops == {"pages": 5}
        hop = site.new.seen[1]
        assert hop.startswith(b"GET /renamed HTTP/1.1\r\nHost: 127.0.0.1:")
        assert b"\r\nEdge-Shadow: 1\r\n" in hop
        assert b"accept-encoding" not in hop.lower()
        assert hop.count(b"X-Forwarded-For: 127.0.0.1\r\n") == hop.lower().count(b"forwarded: ") == 1


async def test_a_redirect_that_leads_to_other_octets_differs_though_it_is_the_same_redirect() -> None:
    old, new = site_of(a=to("/b"), b=answer("six")), site_of(a=to("/b"), b=answer("seven"))
    async with shadowed(old, new, compare="redirect") as site:
        _, differences = await compared(site, "/a")
        assert [each.path for each in differences] == ["final:content"]


async def test_each_side_is_followed_on_its_own_arm_of_a_cutover() -> None:
    old, new = site_of(a=to("/b"), b=answer("old b")), site_of(a=to("/b"), b=answer("new b"))
    async with shadowed(old, new, compare="redirect", forward="{cutover: reads}") as site:
        specimen, _ = await compared(site, "/a")
        digests = [
            end.what.digest for end in map(end_of, (specimen.old, specimen.new)) if end and isinstance(end.what, Part)
        ]
        assert digests == [sha256(text).hexdigest() for text in (b"old b", b"new b")]


@pytest.mark.parametrize(
    ("page", "pattern"),
    [
        (to("/gone"), "final:status/200/404"),
        (to("/a"), "final:status/200/loop"),
        (to("http://elsewhere.test/b"), "final:status/200/elsewhere"),
        (answer("six", status=503), "final:status/200/503"),
    ],
)
async def test_what_goes_wrong_on_the_new_way_is_named(page: bytes, pattern: str) -> None:
    old, new = site_of(a=to("/b"), b=answer("six")), site_of(a=to("/b"), b=page)
    async with shadowed(old, new, compare="redirect") as site:
        _, differences = await compared(site, "/a")
        assert [each.pattern for each in differences] == [pattern]


async def test_a_hop_that_never_answers_is_a_difference_and_holds_nobody_up() -> None:
    async def hangs(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(to("/b"))
        await peer.head()
        await peer.reader.read()

    old = site_of(a=to("/b"), b=answer("six"))
    async with shadowed(old, hangs, compare="redirect", patience="300ms") as site:
        specimen, differences = await compared(site, "/a")
        end = end_of(specimen.new)
        assert end is not None
        assert end.what is Silence.TIMEOUT
        assert [each.pattern for each in differences] == ["final:status/200/timeout"]


async def test_a_circle_ends_after_as_many_hops_as_clients_take() -> None:
    async def on_and_on(peer: BackendPeer) -> None:
        while True:
            head = await peer.head()
            number = int(head.split(b" ")[1].rpartition(b"/")[2])
            await peer.send(to(f"/{number + 1}"))

    async with shadowed(on_and_on, on_and_on, compare="redirect") as site:
        specimen, differences = await compared(site, "/1")
        assert end_of(specimen.new) == Ending("http://pypi.test/22", Astray.TOO_MANY)
        assert differences == ()


async def test_two_ways_off_the_site_are_compared_by_where_they_lead() -> None:
    old = site_of(a=to("/b"), b=to("https://elsewhere.test/x"), c=to("https://elsewhere.test/x"))
    new = site_of(a=to("https://elsewhere.test/x"), c=to("https://elsewhere.test/y"))
    async with shadowed(old, new, compare="redirect") as site:
        assert (await compared(site, "/a"))[1] == ()
        assert [each.path for each in (await compared(site, "/c"))[1]] == ["final:url"]
        assert site.new.connections == 1


async def test_a_target_that_holds_a_secret_is_not_asked() -> None:
    old = site_of(a=to("/b?token=0123456789"), b=answer("six"))
    new = site_of(a=to("/b?token=9876543210"), b=answer("six"))
    async with shadowed(old, new, compare="redirect") as site:
        specimen, differences = await compared(site, "/a")
        assert end_of(specimen.old) is end_of(specimen.new) is None
        assert [each.path for each in differences] == ["header:location"]
        assert not site.counters.shadow_hops


async def test_an_old_side_that_fails_on_the_way_says_nothing_of_the_new_one() -> None:
    old, new = site_of(a=to("/b"), b=answer("", status=502)), site_of(a=to("/b"), b=answer("six"))
    async with shadowed(old, new, compare="redirect") as site:
        await site.running.ask(asking("/a"))
        specimen = await site.handed_on()
        seen = Comparer(shadowed_of(site.running.edge.ruleset), {}).look(specimen)
        assert seen.unjudged is not None


async def test_an_edge_that_ends_follows_no_further() -> None:
    async def hangs(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(to("/b"))
        await peer.head()
        await peer.reader.read()

    async with shadowed(site_of(a=to("/b"), b=answer("six")), hangs, compare="redirect", patience="10s") as site:
        await site.running.ask(asking("/a"))
        async with asyncio.timeout(10):
            while len(site.new.seen) < 2:
                await asyncio.sleep(0)
        site.running.edge.shadower.close()
        assert await site.is_quiet()
        assert site.held == 0
