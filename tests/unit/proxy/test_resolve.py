"""Names to addresses, by a real name server on loopback whose records change."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop
from dns_server import AAAA, SERVFAIL, A, NameServer, Record, name_server

from edgeproxy.proxy.resolve import CannotResolve, Resolved, ResolveLimits, Resolver, interleave

OLD, NEW = ["127.0.0.2"], ["127.0.0.3"]


@pytest.fixture(autouse=True)
def every_descriptor_is_closed() -> Iterator[None]:
    """Set up before the loop and looked at after it has closed. c-ares closes from a thread of its own, of which
    nobody is told: hence the looking again.
    """
    uvloop.new_event_loop().close()  # libuv opens a pipe for signals with its first loop and keeps it
    before = set(os.listdir("/proc/self/fd"))
    yield
    until = time.monotonic() + 10.0
    while set(os.listdir("/proc/self/fd")) != before and time.monotonic() < until:
        time.sleep(0.002)
    assert set(os.listdir("/proc/self/fd")) == before


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def resolver(server: NameServer, hands: Callable[[], float], **limits: float) -> AsyncIterator[Resolver]:
    resolver = Resolver(ResolveLimits(**limits), hands, [server.address])
    try:
        yield resolver
    finally:
        await resolver.close()


def records(addresses: list[str], ttl: int) -> list[Record]:
    return [Record(ttl, address) for address in addresses]


async def addresses_of(names: Resolver, host: str = "backend.test") -> list[str]:
    return list((await names.resolve(host)).addresses)


async def failure_of(names: Resolver, host: str = "backend.test") -> CannotResolve:
    with pytest.raises(CannotResolve) as raised:
        await names.resolve(host)
    return raised.value


# -- lifetimes ----------------------------------------------------------------------------------------------------


async def test_a_changed_record_is_seen_after_its_ttl_and_not_before() -> None:
    hands = Hands()
    async with name_server(backend=records(OLD, 30)) as server, resolver(server, hands) as names:
        assert await names.resolve("backend.test") == Resolved(("127.0.0.2",), 1030.0)
        server.zone["backend.test"] = records(NEW, 30)
        hands.now = 1029.9
        assert await addresses_of(names) == OLD
        assert server.asked["backend.test", A] == 1
        hands.now = 1030.0
        assert await names.resolve("backend.test") == Resolved(("127.0.0.3",), 1060.0)
        assert names.counts.look_ups == 2


async def test_no_answer_is_pinned_for_ever() -> None:
    """Nor in a cache below: a TTL of a day is cut, and then the name server is really asked."""
    hands = Hands()
    async with name_server() as server, resolver(server, hands, most=60.0) as names:
        for number in range(2, 20):
            server.zone["backend.test"] = [Record(86_400, f"127.0.0.{number}")]
            assert await names.resolve("backend.test") == Resolved((f"127.0.0.{number}",), hands.now + 60.0)
            hands.now += 60.0


async def test_a_ttl_of_nothing_is_kept_for_the_least_lifetime() -> None:
    hands = Hands()
    async with name_server(backend=records(OLD, 0)) as server, resolver(server, hands, least=2.0) as names:
        assert await names.resolve("backend.test") == Resolved(("127.0.0.2",), 1002.0)


async def test_an_alias_lives_as_long_as_its_shortest_record() -> None:
    zone = {"backend": [Record(7, to="pool.test")], "pool": [Record(60, "127.0.0.2"), Record(90, "::1")]}
    async with name_server(**zone) as server, resolver(server, Hands()) as names:
        assert await names.resolve("backend.test") == Resolved(("::1", "127.0.0.2"), 1007.0)


async def test_both_families_are_asked_and_taken_by_turns() -> None:
    zone = records(["127.0.0.2", "127.0.0.3", "::1"], 30)
    async with name_server(backend=zone) as server, resolver(server, Hands()) as names:
        assert await addresses_of(names) == ["::1", "127.0.0.2", "127.0.0.3"]
        assert server.asked == {("backend.test", A): 1, ("backend.test", AAAA): 1}


def test_the_family_that_comes_first_is_the_first_by_turns() -> None:
    four, six = socket.AF_INET, socket.AF_INET6
    assert interleave([(four, "a"), (four, "b"), (four, "b"), (six, "x"), (six, "y")]) == ("a", "x", "b", "y")


# -- what needs no name server ------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "2001:db8::1"])
async def test_an_address_is_its_own_and_for_ever(address: str) -> None:
    async with name_server() as server, resolver(server, Hands()) as names:
        assert await names.resolve(address) == Resolved((address,), float("inf"))
        assert names.counts.look_ups == 0


async def test_localhost_is_this_machine() -> None:
    async with name_server() as server, resolver(server, Hands()) as names:
        found = await names.resolve("localhost")
        assert "127.0.0.1" in found.addresses
        assert found.expires == 1030.0
        assert not server.asked


async def test_the_hosts_file_comes_first_and_is_read_again(tmp_path: Path) -> None:
    hosts, hands = tmp_path / "hosts", Hands()
    async with name_server(static=records(NEW, 0)) as server:
        names = Resolver(now=hands, servers=[server.address], hosts=hosts)
        hosts.write_text("127.0.0.2 old.test Static.test # a comment\nnonsense static.test\n::1\tstatic.test\n")
        assert await names.resolve("static.test") == Resolved(("127.0.0.2", "::1"), 1030.0)
        hosts.write_text("127.0.0.4 static.test\n# 127.0.0.5 static.test\n")
        assert await addresses_of(names, "static.test") == ["127.0.0.2", "::1"]
        hands.now = 1030.0
        assert await addresses_of(names, "static.test") == ["127.0.0.4"]
        assert not server.asked
        hosts.unlink()
        hands.now = 1060.0
        assert await names.resolve("static.test") == Resolved(("127.0.0.3",), 1061.0)
        await names.close()


# -- failures -----------------------------------------------------------------------------------------------------


async def test_a_failing_name_server_leaves_the_old_addresses_for_a_bounded_time() -> None:
    hands = Hands()
    async with (
        name_server(backend=records(OLD, 10)) as server,
        resolver(server, hands, stale=100.0, recheck=30.0) as names,
    ):
        assert await addresses_of(names) == OLD
        server.zone["backend.test"] = SERVFAIL
        hands.now = 1010.0
        assert await names.resolve("backend.test") == Resolved(("127.0.0.2",), 1040.0, is_stale=True)
        assert await addresses_of(names) == OLD  # known by now
        assert (names.counts.look_ups, names.counts.failures, names.counts.stale) == (2, 1, 1)
        hands.now = 1100.0
        assert await names.resolve("backend.test") == Resolved(("127.0.0.2",), 1110.0, is_stale=True)
        hands.now = 1110.0
        failure = await failure_of(names)
        assert failure.is_temporary
        assert names.counts.stale == 2
        server.zone["backend.test"] = records(NEW, 10)
        hands.now = 1111.0
        assert await names.resolve("backend.test") == Resolved(("127.0.0.3",), 1121.0)


async def test_old_addresses_end_when_the_name_server_is_back() -> None:
    hands = Hands()
    async with name_server(backend=records(OLD, 10)) as server, resolver(server, hands) as names:
        await names.resolve("backend.test")
        server.zone["backend.test"] = SERVFAIL
        hands.now = 1010.0
        assert (await names.resolve("backend.test")).is_stale
        server.zone["backend.test"] = records(NEW, 10)
        hands.now = 1040.0
        assert await names.resolve("backend.test") == Resolved(("127.0.0.3",), 1050.0)


async def test_a_name_that_was_removed_has_no_addresses_any_more() -> None:
    hands = Hands()
    async with name_server(backend=records(OLD, 10)) as server, resolver(server, hands) as names:
        await names.resolve("backend.test")
        del server.zone["backend.test"]
        hands.now = 1010.0
        failure = await failure_of(names)
        assert not failure.is_temporary
        assert names.counts.stale == 0


async def test_a_failure_says_what_and_whether_to_try_again() -> None:
    async with name_server(empty=[], broken=SERVFAIL) as server, resolver(server, Hands()) as names:
        missing, empty, broken, bad = [
            await failure_of(names, host) for host in ("missing.test", "empty.test", "broken.test", "a..b.test")
        ]
        assert str(missing) == (
            "cannot resolve missing.test: there is no such name: look at the backend's name in the rule file"
        )
        assert (empty.host, empty.why, empty.is_temporary) == ("empty.test", "the name has no address", False)
        assert broken.is_temporary
        assert (bad.why, bad.is_temporary) == ("it cannot be a name", False)


async def test_a_failure_is_remembered_for_the_least_lifetime() -> None:
    hands = Hands()
    async with name_server() as server, resolver(server, hands, least=2.0) as names:
        for _ in range(3):
            await failure_of(names)
        assert names.counts.look_ups == 1
        server.zone["backend.test"] = records(OLD, 10)
        hands.now = 1002.0
        assert await addresses_of(names) == OLD


async def test_a_silent_name_server_is_not_waited_for_longer_than_the_timeout() -> None:
    async with name_server(backend=records(OLD, 10)) as server, resolver(server, Hands(), timeout=1.0) as names:
        server.is_silent = True
        failure = await failure_of(names)
        assert failure.is_temporary
        assert server.asked["backend.test", A] == 2  # one datagram may get lost


# -- several at once ----------------------------------------------------------------------------------------------


async def test_those_who_ask_at_once_share_a_look_up() -> None:
    async with name_server(backend=records(OLD, 10)) as server, resolver(server, Hands()) as names:
        server.is_silent = True
        asking = [asyncio.create_task(addresses_of(names)) for _ in range(20)]
        await server.heard.wait()
        asking[0].cancel()  # one of them leaves, the first
        server.speak()
        assert await asyncio.gather(*asking[1:]) == [OLD] * 19
        assert names.counts.look_ups == 1


async def test_closing_gives_up_what_is_being_looked_up() -> None:
    async with name_server(backend=records(OLD, 10)) as server, resolver(server, Hands()) as names:
        server.is_silent = True
        asking = [asyncio.create_task(failure_of(names)) for _ in range(2)]
        await server.heard.wait()
        await names.close()
        assert [failure.why for failure in await asyncio.gather(*asking)] == ["the edge is stopping"] * 2
        assert (await failure_of(names)).is_temporary


def test_a_loop_ends_cleanly_in_the_middle_of_a_look_up() -> None:
    async def main() -> None:
        async with name_server(backend=records(OLD, 10)) as server:
            server.is_silent = True
            names = Resolver(servers=[server.address])
            asking = asyncio.create_task(failure_of(names))
            await server.heard.wait()
            await names.close()
            await asking

    for _ in range(5):
        uvloop.run(main())
