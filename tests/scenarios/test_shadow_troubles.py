"""A shadow's backend may be dead, slow, silent or endless: clients notice nothing, and what it costs has a bound."""

from __future__ import annotations

import asyncio
import socket

import pytest
from harness import BackendPeer, Script, always, request, running_edge
from shadow_site import CACHED, OLD, RULES, answer, shadowed

from edgeproxy.migration.specimen import Part, Silence, Specimen
from edgeproxy.proxy.shadow.hearing import MOST
from edgeproxy.proxy.shadow.shadower import AT_ONCE, MOST_WAITING
from edgeproxy.telemetry.counters import Drop


async def silent(peer: BackendPeer) -> None:
    await peer.head()
    await peer.reader.read()


async def closing(peer: BackendPeer) -> None:
    await peer.head()


async def resetting(peer: BackendPeer) -> None:
    await peer.head()
    await peer.send(b"HTTP/1.1 200 It\r\nContent-Length: 10\r\n\r\nabc")
    peer.reset()


async def stuck(peer: BackendPeer) -> None:
    await peer.head()
    await peer.send(b"HTTP/1.1 200 It\r\nContent-Length: 10\r\n\r\nabc")
    await peer.reader.read()


async def no_http(peer: BackendPeer) -> None:
    await peer.head()
    await peer.send(b"220 mail.test ESMTP\r\n\r\n")
    await peer.reader.read()


async def only_interim(peer: BackendPeer) -> None:
    await peer.head()
    for _ in range(100_000):
        await peer.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await asyncio.sleep(0)


async def endless(peer: BackendPeer) -> None:
    await peer.head()
    await peer.send(b"HTTP/1.1 200 It\r\n\r\n")
    while True:
        await peer.send(bytes(65_536))


async def endless_head(peer: BackendPeer) -> None:
    await peer.head()
    await peer.send(b"HTTP/1.1 200 It\r\n")
    while True:
        await peer.send(b"X-Babble: more and more\r\n" * 100)


@pytest.mark.parametrize("more", ["", CACHED], ids=["passed", "cached"])
@pytest.mark.parametrize(
    ("new", "silence"),
    [
        (silent, Silence.TIMEOUT),
        (closing, Silence.BROKEN),
        (resetting, Silence.BROKEN),
        (stuck, Silence.TIMEOUT),
        (no_http, Silence.BROKEN),
        (only_interim, Silence.TIMEOUT),
        (endless_head, Silence.BROKEN),
    ],
)
async def test_that_there_is_no_answer_is_handed_on_and_the_client_has_its_own(
    new: Script, silence: Silence, more: str
) -> None:
    patience = "300ms" if silence is Silence.TIMEOUT else "20s"
    async with shadowed(new=new, more=more, patience=patience) as site, site.running.client() as client:
        assert (await client.ask(request("/page"))).body == b"old"
        specimen = await site.handed_on()
        assert (specimen.old.content, specimen.new) == (b"old", silence)
        assert (await client.ask(request("/page"))).body == b"old"  # the connection goes on
        assert site.counters.shadow_silences["pages", silence] >= 1
        assert not site.drops()


async def test_a_backend_that_is_not_there() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        specimens: asyncio.Queue[Specimen] = asyncio.Queue()
        async with shadowed() as site:
            values = {
                "more": "",
                "percent": "100",
                "compare": "exact",
                "forward": "{backend: legacy}",
                "patience": "9s",
            }
            rules = RULES.format(old=site.old.port, new=unused.getsockname()[1], **values)
            async with running_edge(rules, deliver=lambda each: specimens.put_nowait(each) is None) as edge:
                assert (await edge.ask(request("/page"))).body == b"old"
                assert (await specimens.get()).new is Silence.CONNECT


@pytest.mark.parametrize("compare", ["exact", "file"])
async def test_what_never_ends_is_cut(compare: str) -> None:
    async with shadowed(new=endless, compare=compare) as site:
        assert (await site.running.ask(request("/page"))).body == b"old"
        new = (await site.handed_on()).new
        assert isinstance(new, Part)
        assert new.is_cut
        if compare == "file":
            assert new.content == b""
            assert 3 < (new.size or 0) <= 1 << 20  # no more than was read with what went beyond the old side's
        else:
            assert len(new.content) <= 16_384
        await site.new.gone.wait()
        assert site.held == 0


async def test_a_backend_whose_answers_never_end_is_left_alone_for_a_second() -> None:
    async with shadowed(new=endless) as site, site.running.client() as client:
        for _ in range(5):
            await client.ask(request("/page"))
            await site.handed_on()
        await client.ask(request("/page"))
        assert site.drops() == {Drop.DOWN: 1}


async def test_a_length_beyond_the_bound_is_not_waited_for() -> None:
    async def large(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 200 It\r\nContent-Length: %d\r\n\r\n" % (MOST + 1))
        await peer.reader.read()

    async with shadowed(new=large) as site:
        await site.running.ask(request("/page"))
        new = (await site.handed_on()).new
        assert isinstance(new, Part)
        assert (new.is_cut, new.content) == (True, b"")
        await site.new.gone.wait()


async def test_a_kept_connection_that_was_closed_meanwhile_is_no_answer_that_is_missing() -> None:
    async def once(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(answer("new"))

    async with shadowed(new=once) as site, site.running.client() as client:
        for _ in range(3):
            await client.ask(request("/page"))
            new = (await site.handed_on()).new
            assert isinstance(new, Part)
            assert new.content == b"new"


async def test_nothing_of_a_shadow_is_counted_as_a_clients() -> None:
    async with shadowed(new=resetting, forward="{cutover: reads}") as site, site.running.client() as client:
        site.running.edge.move({"reads": 1})
        for number in range(8):  # more failures than eject an endpoint
            await client.ask(request(f"/{number}"))
            if number < 5:
                await site.handed_on()
        assert site.drops() == {Drop.DOWN: 3}
        counters = site.counters
        assert not counters.backend_failures
        assert counters.pools["modern"].connections == 0
        assert counters.pools["legacy"].connections == 1
        assert {name for name in counters.numbers() if name.startswith("pools/")} == {
            *("pools/legacy", "pools/modern", "pools/spare")
        }
        taken = site.running.edge.tally.take()["reads"]
        assert taken["old"]["exchanges"] == 8
        assert not taken["new"]["exchanges"]


async def test_a_backend_that_answers_nobody_is_left_alone_for_a_second() -> None:
    is_well = asyncio.Event()

    async def new(peer: BackendPeer) -> None:
        await peer.head()
        if is_well.is_set():
            await peer.send(answer("new"))

    async with shadowed(new=new) as site, site.running.client() as client:
        clock = site.running.edge.clock
        loop_time = clock.now
        for _ in range(5):
            await client.ask(request("/page"))
            assert (await site.handed_on()).new is Silence.BROKEN
        is_well.set()
        await client.ask(request("/page"))
        assert (site.drops(), site.counters.shadows) == ({Drop.DOWN: 1}, {"pages": 5})
        clock.now = lambda: loop_time() + 1
        for unasked in (1, 0, 0, 0, 0):  # the next one that is asked tells of those that were not
            await client.ask(request("/page"))
            specimen = await site.handed_on()
            assert isinstance(specimen.new, Part)
            assert specimen.unasked == unasked
        assert site.drops() == {Drop.DOWN: 1}


async def test_so_many_are_asked_at_once_so_many_wait_and_the_rest_is_dropped() -> None:
    async with shadowed(new=silent_for_ever, patience="30s") as site, site.running.client() as client:
        for number in range(AT_ONCE + MOST_WAITING + 5):
            assert (await client.ask(request(f"/{number}"))).body == b"old"
        shadower = site.running.edge.shadower
        assert (shadower.running, shadower.waiting) == (AT_ONCE, MOST_WAITING)
        assert site.drops() == {Drop.QUEUE_FULL: 5}
        assert site.counters.shadows == {"pages": AT_ONCE}


async def test_those_that_found_no_place_are_told_of_with_the_next_one() -> None:
    may_answer = asyncio.Event()

    async def waits(peer: BackendPeer) -> None:
        while True:
            await peer.head()
            await may_answer.wait()
            await peer.send(answer("new"))

    async with shadowed(new=waits, patience="30s") as site, site.running.client() as client:
        for number in range(AT_ONCE + MOST_WAITING + 5):
            await client.ask(request(f"/{number}"))
        may_answer.set()
        assert (await site.handed_on()).lost == 5
        assert (await site.handed_on()).lost == 0
        assert site.drops() == {Drop.QUEUE_FULL: 5}


async def silent_for_ever(peer: BackendPeer) -> None:
    await peer.head()
    await asyncio.Event().wait()


async def test_a_backend_that_hangs_is_in_no_other_ones_way() -> None:
    other = "shadow: {to: spare, percent: 100}"
    async with shadowed(new=silent_for_ever, patience="30s") as site:
        values = {"more": "", "percent": "100", "compare": "exact", "forward": "{backend: legacy}", "patience": "9s"}
        rules = RULES.format(old=site.old.port, new=site.new.port, **values)
        rules = rules.replace("safety: safe\n    shadow: {to: modern, percent: 100}", f"safety: safe\n    {other}")
        specimens: asyncio.Queue[Specimen] = asyncio.Queue()
        async with running_edge(rules, deliver=lambda each: specimens.put_nowait(each) is None) as edge:
            async with edge.client() as client:
                for number in range(AT_ONCE + 5):
                    await client.ask(request(f"/{number}"))
                await client.ask(request("/pypi"))
                async with asyncio.timeout(10):
                    assert (await specimens.get()).rule == "calls"


async def test_what_waited_for_too_long_is_not_asked_any_more() -> None:
    async with shadowed(new=silent, patience="30s") as site, site.running.client() as client:
        for number in range(AT_ONCE + 3):
            await client.ask(request(f"/{number}"))
        clock = site.running.edge.clock
        loop_time = clock.now
        clock.now = lambda: loop_time() + 60
        for _ in range(AT_ONCE):
            assert (await site.handed_on()).new is Silence.TIMEOUT
        assert await site.is_quiet()
        assert site.drops() == {Drop.LATE: 3}


async def test_all_together_hold_no_more_than_there_is_room_for() -> None:
    async with (
        shadowed(always(answer("x" * 10_000)), silent_for_ever, patience="30s") as site,
        site.running.client() as client,
    ):
        site.running.edge.shadower.room.limit = 35_000
        for number in range(10):
            assert len((await client.ask(request(f"/{number}"))).body) == 10_000
        assert 30_000 < site.held <= 35_000
        assert site.drops() == {Drop.NO_ROOM: 7}


async def test_an_answer_for_which_there_is_no_room_is_no_difference() -> None:
    async with shadowed(OLD, endless) as site:
        site.running.edge.shadower.room.limit = 100_000
        assert (await site.running.ask(request("/page"))).body == b"old"
        assert await site.is_quiet()
        assert (site.drops(), site.held) == ({Drop.NO_ROOM: 1}, 0)


async def test_an_old_side_that_fails_the_second_time_is_a_lesson_of_no_noise() -> None:
    async def old(peer: BackendPeer) -> None:
        if b"Edge-Shadow" not in await peer.head():
            await peer.send(answer("old"))
            await peer.head()

    async with shadowed(old) as site:
        await site.running.ask(request("/page"))
        assert (await site.handed_on()).again is Silence.BROKEN
        await site.running.ask(request("/page", "Range: bytes=0-1"))


@pytest.mark.parametrize("status", [206, 304])
async def test_an_old_side_that_does_not_give_the_whole_is_not_compared(status: int) -> None:
    async def old(peer: BackendPeer) -> None:
        if b"Edge-Shadow" not in await peer.head():
            await peer.send(answer(status=status))
            await peer.head()

    async with shadowed(old) as site:
        await site.running.ask(request("/page", 'If-None-Match: "1"'))
        assert await site.is_quiet()
        assert (site.drops(), site.held) == ({Drop.OLD_FAILED: 1}, 0)


# -- an edge that ends ----------------------------------------------------------------------------------------------


async def test_an_edge_that_drains_drops_its_shadows_at_once_and_waits_for_none() -> None:
    async with shadowed(new=silent_for_ever, patience="30s") as site:
        edge = site.running.edge
        async with site.running.client() as client:
            for number in range(AT_ONCE + 3):
                await client.ask(request(f"/{number}"))
            await client.send(request("/pypi", "Content-Length: 1", method="POST"))
            edge.drain()
            assert site.drops() == {Drop.DRAINING: AT_ONCE + 3}
            assert (edge.shadower.running, edge.shadower.waiting) == (0, 0)
        async with asyncio.timeout(5):
            assert await edge.stop(grace=60) == 0
        assert site.held == 0
        assert site.specimens.empty()


async def test_what_its_client_waits_for_meanwhile_ends_as_it_would_and_has_no_shadow() -> None:
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def old(peer: BackendPeer) -> None:
        await peer.head()
        asked.set()
        await may_answer.wait()
        await peer.send(answer("old"))

    async with shadowed(old) as site, site.running.client() as client:
        await client.send(request("/page"))
        await asked.wait()
        site.running.edge.drain()
        may_answer.set()
        assert (await client.answer()).body == b"old"
        assert (site.drops(), site.new.connections) == ({Drop.DRAINING: 1}, 0)
