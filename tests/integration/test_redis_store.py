"""The store on Redis, with a real server that is killed, emptied, stopped, started again, and written to by others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cutover_values import START, cutover, ramp
from redis.asyncio import Redis
from redis_server import RedisProcess, programs, redis_server, while_away
from state_stores import PATIENT, READS, SOON, do, heard, heard_of, next_entry

from edgeproxy.migration.commands import GateFailed, Refusal, Rollback, SetShare, Step
from edgeproxy.migration.cutover import decide
from edgeproxy.migration.journal import Entry, written
from edgeproxy.migration.phases import Phase, What
from edgeproxy.state.memory import Memory
from edgeproxy.state.redis_store import RedisStore
from edgeproxy.state.store import CannotOpen, StateLost
from edgeproxy.state.watching import Changed, Conflict, Found, Lost, NotRemembered, Unreadable

ON = Step("di", "on we go", is_forced=True)
BACK = Rollback("di", "users complain")
JOURNAL = "{edgeproxy}:journal:reads"


@pytest.fixture(params=programs())
def program(request: pytest.FixtureRequest) -> str:
    return programs()[request.param]


@pytest.fixture
def server(program: str) -> Iterator[RedisProcess]:
    """One that forgets everything when it is killed."""
    with redis_server(program) as server:
        yield server


@asynccontextmanager
async def node(server: RedisProcess, name: str = "edge-1", patience: float = PATIENT) -> AsyncIterator[RedisStore]:
    store = await RedisStore.open(server.url, name, patience=patience, dice=lambda: 0.5)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def somebody(server: RedisProcess) -> AsyncIterator[Redis]:
    """Who has redis-cli and a free hand."""
    client = Redis.from_url(server.url, protocol=2)
    try:
        yield client
    finally:
        await client.aclose()


async def fill(store: RedisStore, *entries: Entry) -> None:
    for entry in entries:
        assert await store.append(entry)


async def journal_of(server: RedisProcess) -> list[str]:
    async with somebody(server) as client:
        return [text.decode() for text in await client.lrange(JOURNAL, 0, -1)]


async def test_a_lost_server_is_said_with_why_and_what_was_known_stays_readable(server: RedisProcess) -> None:
    async with node(server) as store:
        await fill(store, *ramp(READS, 2))
        with store.watch() as news:
            server.kill()
            lost = await heard(news, Lost)
        assert lost.why == store.lost
        assert store.lost is not None
        assert server.url in store.lost
        assert store.lost.endswith("look whether it runs, and who may use it")
        state = await store.read("reads")
        assert (state.phase, state.share) == (Phase.STEPPING, 5_000)
        assert len(await store.journal("reads")) == 3
        assert await store.names() == ("reads",)
        with pytest.raises(StateLost, match="Until then only a rollback is taken, and on this node alone"):
            await store.append(await next_entry(store, ON))
        with pytest.raises(StateLost, match="is lost"):
            await store.audit()
        assert (await store.read("reads")).number == 3


@pytest.mark.parametrize("is_kept", [True, False])
async def test_a_server_that_comes_back_has_again_what_the_nodes_know(program: str, is_kept: bool) -> None:
    with redis_server(program, is_kept=is_kept) as server:
        async with node(server) as one, node(server, "edge-2") as two:
            await fill(one, *ramp(READS, 2))
            before = await journal_of(server)
            with one.watch() as of_one, two.watch() as of_two:
                assert (await two.read("reads")).number == 3
                server.kill()
                await heard(of_one, Lost)
                await heard(of_two, Lost)
                server.start()
                await heard(of_one, Found)
                await heard(of_two, Found)
            assert (one.lost, two.lost) == (None, None)
            assert await journal_of(server) == before
            made = await do(two, ON)
            assert await one.append(made)
            assert [line.entry.number for line in await one.audit()] == [1, 2, 3, 4]


async def test_a_way_back_is_open_while_the_server_is_lost_and_reaches_the_others_on_its_return(program: str) -> None:
    with redis_server(program, is_kept=True) as server:
        async with node(server) as one, node(server, "edge-2") as two:
            await fill(one, *ramp(READS, 3))
            with one.watch() as of_one, two.watch() as of_two:
                assert (await two.read("reads")).number == 4
                server.kill()
                await heard(of_one, Lost)
                await heard(of_two, Lost)
                made = await do(one, GateFailed("edge-1", "errors: 3 % against 0.1 %"))
                await heard_of(of_one, 5)
                assert ((await one.read("reads")).share, (await two.read("reads")).share) == (0, 20_000)
                server.start()
                await heard_of(of_two, 5)
            assert await two.journal("reads", since=4) == (made,)


async def test_what_was_decided_meanwhile_is_never_undone_and_both_histories_are_told(program: str) -> None:
    with redis_server(program, is_kept=True) as server:
        async with node(server) as store:
            await fill(store, *ramp(READS, 2))
            ours, theirs = await next_entry(store, BACK), await next_entry(store, SetShare("bo", "we are sure", 50_000))
            with store.watch() as news:
                server.kill()
                await heard(news, Lost)
                assert await store.append(ours)
                async with while_away(server) as other:
                    await other.rpush(JOURNAL, written(theirs))
                assert await heard(news, Conflict) == Conflict("reads", 4, (ours,), (theirs,))
                await heard_of(news, 4)
            assert (await store.read("reads")).share == 50_000
            assert not await store.append(ours)
            await do(store, BACK)  # decided on what counts, it is taken


@pytest.mark.parametrize("left", [0, 1, 3])
async def test_a_server_that_comes_back_older_is_brought_up_to_date(program: str, left: int) -> None:
    with redis_server(program, is_kept=True) as server:
        async with node(server) as one, node(server, "edge-2") as two:
            await fill(one, *ramp(READS, 3))
            with one.watch() as of_one, two.watch() as of_two:
                assert (await two.read("reads")).number == 4
                server.kill()
                await heard(of_one, Lost)
                await heard(of_two, Lost)
                async with while_away(server) as other:
                    await (other.ltrim(JOURNAL, 0, left - 1) if left else other.flushall())
                await heard(of_one, Found)
                await heard(of_two, Found)
            assert await journal_of(server) == list(map(written, ramp(READS, 3)))


async def test_a_server_that_forgets_under_our_feet_is_brought_up_to_date_by_the_next_entry(
    server: RedisProcess,
) -> None:
    async with node(server) as store, somebody(server) as other:
        await fill(store, *ramp(READS, 2))
        made = await next_entry(store, ON)
        await other.flushall()
        assert await store.append(made)
        assert await journal_of(server) == list(map(written, (*ramp(READS, 2), made)))


async def test_a_history_that_was_exchanged_under_our_feet_is_told_and_counts(server: RedisProcess) -> None:
    async with node(server) as store, somebody(server) as other:
        await fill(store, *ramp(READS, 2))
        theirs = ramp(READS, 3, who="bo")
        with store.watch() as news:
            await other.delete(JOURNAL)
            await other.rpush(JOURNAL, *map(written, theirs))
            assert (await store.read("reads")).share == 20_000
            told = await heard(news, Conflict)
        assert (told.number, told.ours, told.theirs) == (2, ramp(READS, 2)[1:], theirs[1:])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"rubbish", "it is no JSON"),
        (b"\xff", "it is no text"),
        (b'{"v":2}', r"a newer edgeproxy has written it \(version 2; this one reads 1\): upgrade this node"),
        (written(ramp(READS, 1)[0]).encode(), "entry 1 of reads stands after entry 2 of reads"),
    ],
)
async def test_a_journal_that_cannot_be_read_is_told_and_left_as_it_is(
    server: RedisProcess, text: bytes, why: str
) -> None:
    async with node(server) as store, somebody(server) as other:
        await fill(store, *ramp(READS, 1))
        with store.watch() as news:
            await other.rpush(JOURNAL, text)
            await other.publish("{edgeproxy}:changes", "reads")
            told = await heard(news, Unreadable)
        with pytest.raises(StateLost, match=why):
            raise StateLost(told.why)
        # What was known counts here, and other cutovers go on.
        assert (await store.read("reads")).share == 1_000
        await do(store, START, cutover(name="files"))
        with pytest.raises(StateLost, match=why):
            await store.append(await next_entry(store, ON))
        assert await store.append(await next_entry(store, BACK))
        # A node that knows nothing of it does not take it for one that nobody has started.
        async with node(server, "edge-2") as later:
            with pytest.raises(StateLost, match=why):
                await later.read("reads")
            assert (await later.read("files")).number == 1
        assert (await other.lrange(JOURNAL, 0, -1))[2:] == [text]


async def test_what_a_newer_version_keeps_is_left_as_it_is(server: RedisProcess) -> None:
    async with somebody(server) as other:
        await other.set("{edgeproxy}:version", "2")
        async with node(server) as store:
            assert store.lost is not None
            assert "is of version 2, and this edge knows 1: nothing there was changed" in store.lost
            with pytest.raises(StateLost, match="Nothing is known of it yet"):
                await store.read("reads")
        assert await other.keys("*") == [b"{edgeproxy}:version"]


async def test_a_newer_version_that_comes_meanwhile_is_not_written_to(server: RedisProcess) -> None:
    async with node(server) as store, somebody(server) as other:
        await fill(store, *ramp(READS, 1))
        await other.set("{edgeproxy}:version", "2")
        with pytest.raises(StateLost, match="is of version another one"):
            await store.append(await next_entry(store, ON))
        assert len(await journal_of(server)) == 2


async def test_a_server_that_hangs_is_lost_and_found_again(server: RedisProcess) -> None:
    async with node(server, patience=1.0) as store:
        await fill(store, *ramp(READS, 1))
        made = await next_entry(store, ON)
        with store.watch() as news:
            server.stop()
            with pytest.raises(StateLost, match=r"Timeout.*It may have taken the entry all the same"):
                await store.append(made)
            await heard(news, Lost)
            server.go_on()
            await heard(news, Found)
        # The server may have taken it after all, which is said. To ask again is safe either way.
        assert await store.append(made)
        assert (await store.journal("reads"))[-1] == made


FULL = (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0"))
REPLICA = (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE"))


@pytest.mark.parametrize(("harm", "mend"), [FULL, REPLICA], ids=["full", "a replica"])
async def test_a_server_that_takes_nothing_is_lost_until_it_does_and_says_so_once(
    server: RedisProcess, harm: tuple[str, ...], mend: tuple[str, ...]
) -> None:
    async with node(server) as store, somebody(server) as redis:
        await fill(store, *ramp(READS, 1))
        with store.watch() as news:
            await redis.execute_command(*harm)
            with pytest.raises(StateLost, match=r"does not do what it is asked.*only a rollback is taken"):
                await do(store, ON)
            async with node(server, "edge-2") as other:  # a node that starts reads what is there
                assert other.lost is not None
                assert (await other.read("reads")).number == (await store.read("reads")).number
            assert isinstance(await anext(news), Lost)
            await do(store, BACK)
            assert isinstance(await anext(news), Changed)
            await redis.execute_command(*mend)
            assert isinstance(await anext(news), Found)
        assert len(await journal_of(server)) == (await store.read("reads")).number


async def test_who_only_looks_leaves_an_empty_server_empty(server: RedisProcess) -> None:
    async with node(server) as store, somebody(server) as redis:
        assert store.lost is None
        assert await store.names() == ()
        assert await redis.keys("*") == []
        assert (await redis.info("persistence"))["rdb_changes_since_last_save"] == 0
        await fill(store, *ramp(READS, 1))
        assert await redis.get("{edgeproxy}:version") == b"1"


async def test_an_empty_server_that_takes_nothing_is_lost(server: RedisProcess) -> None:
    async with somebody(server) as redis:
        await redis.execute_command(*FULL[0])
        async with node(server) as store:
            assert store.lost is not None
            assert "does not do what it is asked" in store.lost


async def test_a_node_that_starts_without_its_server_knows_nothing_and_says_so(server: RedisProcess) -> None:
    async with node(server, "edge-0") as before:
        await fill(before, *ramp(READS, 2))
    server.kill()
    async with node(server) as store:
        assert store.lost is not None
        for question in (store.read("reads"), store.journal("reads"), store.names(), store.append(ramp(READS, 0)[0])):
            with pytest.raises(StateLost, match="Nothing is known of it yet"):
                await question
        with store.watch() as news:
            server.start()
            await heard(news, Found)
        assert (await store.read("reads")).number == 0  # this server keeps nothing


async def test_a_node_that_starts_without_its_server_goes_on_from_what_it_knew(
    server: RedisProcess, tmp_path: Path
) -> None:
    memory = tmp_path / "var" / "known.jsonl"
    before = await RedisStore.open(server.url, "edge-1", memory=memory)
    await fill(before, *ramp(READS, 2))
    server.kill()
    await before.close()
    assert [entry.number for entry in Memory(memory).read()["reads"]] == [1, 2, 3]
    store = await RedisStore.open(server.url, "edge-1", memory=memory, dice=lambda: 0.5)
    assert store.lost is not None
    assert (await store.read("reads")).share == 5_000
    assert await store.names() == ("reads",)
    with pytest.raises(StateLost, match="Nothing is known of it yet"):
        await store.read("files")  # which may have been started meanwhile
    with pytest.raises(StateLost, match="only a rollback"):
        await store.append(await next_entry(store, ON))
    await do(store, BACK)
    with store.watch() as news:
        server.start()
        await heard(news, Found)
    assert len(await journal_of(server)) == 4
    assert (await store.read("files")).number == 0
    await store.close()


async def test_a_memory_that_cannot_be_read_or_written_is_said(server: RedisProcess, tmp_path: Path) -> None:
    memory = tmp_path / "known.jsonl"
    memory.write_text("rubbish\n")
    with pytest.raises(CannotOpen, match=r"known\.jsonl, cannot be read \(it is no JSON.*and was left as it is"):
        await RedisStore.open(server.url, "edge-1", memory=memory)
    assert memory.read_text() == "rubbish\n"
    (tmp_path / "folder.new").mkdir()
    store = await RedisStore.open(server.url, "edge-1", memory=tmp_path / "folder")
    with store.watch() as news:
        await fill(store, *ramp(READS, 1))
        assert "cannot be written to" in (await heard(news, NotRemembered)).why
    await store.close()


async def test_no_url_and_no_password_is_said_of_a_server_that_is_not_there() -> None:
    with pytest.raises(CannotOpen, match="is no URL of a Redis server"):
        await RedisStore.open("http://127.0.0.1:6379", "edge-1")
    store = await RedisStore.open("redis://edge:secret@127.0.0.1:1/0", "edge-1")
    assert store.lost is not None
    assert store.lost.startswith("the Redis server at redis://127.0.0.1:1/0 is lost")
    assert "secret" not in store.lost
    await store.close()


async def test_the_changes_of_another_prefix_are_another_edge(server: RedisProcess) -> None:
    async with node(server) as store:
        await fill(store, *ramp(READS, 1))
        other = await RedisStore.open(server.url, "edge-1", prefix="staging")
        assert (await other.read("reads")).number == 0
        await do(other, START)
        await other.close()
        assert (await store.read("reads")).number == 2


@pytest.mark.parametrize("is_kept", [True, False])
async def test_two_nodes_ramp_while_the_server_is_killed_again_and_again(program: str, is_kept: bool) -> None:
    """Both take steps as fast as they can. No step is lost and none is taken twice, whoever took it."""
    steps = cutover(*range(1, 41), 100)
    with redis_server(program, is_kept=is_kept) as server:
        async with node(server) as one, node(server, "edge-2") as two:
            await do(one, START)

            async def climb(store: RedisStore, who: str) -> None:
                while True:
                    made = decide(steps, await store.read("reads"), Step(who, "on", is_forced=True), 0.0)
                    if isinstance(made, Refusal):
                        return
                    with store.watch() as news:
                        try:
                            await store.append(made)
                        except StateLost:
                            if store.lost is not None:
                                await heard(news, Found)

            async def kill() -> None:
                for number in (5, 15, 25, 35):
                    with one.watch() as news:
                        while (await one.read("reads")).number < number:
                            await heard(news, Changed)
                        server.kill()
                        server.start()

            async with asyncio.timeout(SOON):
                await asyncio.gather(climb(one, "di"), climb(two, "bo"), kill())
            journal = await one.journal("reads")
            assert journal == await two.journal("reads")
            assert [entry.share for entry in journal] == [0, *steps.steps]
            assert {entry.what for entry in journal[1:]} == {What.STEP}
