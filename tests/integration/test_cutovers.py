"""The controller: what it puts in force, when it steps, and what it does when gates fail, nodes race and stores are lost."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cutover_node import ON, READS, Node, a_node, running
from cutover_values import HOLD, START, cutover
from redis_server import programs, redis_server, while_away
from state_stores import SOON, heard, open_store

from edgeproxy.control.cutovers import Failed, Passed, Undecided
from edgeproxy.migration.commands import Finish, Pause, Refusal, Refused, Resume, Rollback, SetShare, Step
from edgeproxy.migration.cutover import decide
from edgeproxy.migration.journal import Entry, written
from edgeproxy.migration.phases import Phase, State, What
from edgeproxy.migration.rehearsal import Rehearsal
from edgeproxy.ruleset.arms import WHOLE, OnFail
from edgeproxy.state.sqlite import SqliteStore
from edgeproxy.state.store import StateLost
from edgeproxy.state.watching import Found, Lost


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with a_node(tmp_path / "state.db") as node:
        yield node


async def test_what_a_command_does_is_in_force_when_it_returns(node: Node) -> None:
    assert node.in_force == [READS.resting]
    await node.do(START, ON)
    assert node.share == 1_000
    await node.do(SetShare("di", "more", 12_345))
    assert node.share == 12_345
    await node.do(Rollback("di", "users complain"))
    assert node.share == 0


async def test_it_ramps_by_itself_when_holds_are_over_and_gates_pass_and_a_person_finishes_it(node: Node) -> None:
    node.judged = Passed({"errors": "pass"})
    await node.do(START)
    for share in READS.steps:
        assert node.share < share
        node.now += HOLD
        await node.until(lambda share=share: node.share == share)
    node.now += HOLD
    await node.until(lambda: node.state.phase is Phase.HOLDING)
    await node.do(Finish("di", "legacy may go"))
    journal = await node.store.journal("reads")
    assert [entry.what for entry in journal] == [
        What.START,
        *[What.GATES_PASSED] * 4,
        What.HOLD_IS_OVER,
        What.FINISH,
    ]
    assert journal[1].evidence == {"errors": "pass"}
    assert {entry.who for entry in journal[1:-1]} == {"edge-1"}


async def test_it_takes_no_step_by_itself_without_the_rehearsal_that_its_rules_ask_for(tmp_path: Path) -> None:
    rules = replace(READS, rehearsed_within=4 * HOLD)
    async with a_node(tmp_path / "state.db", rules=rules) as node:
        refused = await node.cutovers.do("reads", START)
        assert isinstance(refused, Refusal)
        assert refused.refused is Refused.NOT_REHEARSED
        passed = Rehearsal(node.now, "rules-1", {}, "di", True, walks=9, requests=9, errors=0, warnings=0)
        node.rehearsed = (passed,)
        node.judged = Passed()
        await node.do(START)
        node.now += HOLD
        await node.until(lambda: node.share == 1_000)
        node.now += 4 * HOLD  # the rehearsal is too old now, and the gates pass
        await node.until(lambda: node.state.phase is Phase.HOLDING)
        assert [line.partition(":")[2].strip() for line in node.lines] == [
            "its gates passed, and it takes no step: reads asks for a rehearsal of its rules, and the last one is "
            "50m old; it may be 40m: rehearse them: `edgeproxy rehearse RULES --state DIR`, with the DIR and the "
            "--backend of this edge."
        ]
        node.rehearsed = (replace(passed, at=node.now),)
        await node.until(lambda: node.share == 5_000)  # nobody has to say it again


async def test_it_waits_for_gates_that_have_not_enough_data(node: Node) -> None:
    await node.do(START, ON)
    node.now += HOLD
    await node.until(lambda: node.state.phase is Phase.HOLDING)
    seen: list[State] = []
    node.judges = seen.append
    await node.until(lambda: len(seen) > 3)
    assert node.share == 1_000
    node.judged = Passed()
    await node.until(lambda: node.share == 5_000)
    assert node.state.phase is Phase.STEPPING


async def test_a_gate_that_fails_rolls_back_before_the_hold_is_over_and_the_evidence_is_kept(node: Node) -> None:
    await node.do(START, ON, ON)
    node.judged = Failed("errors: 3 % against 0.1 %", {"old": 0.001, "new": float("inf")})
    await node.until(lambda: node.state.phase is Phase.ROLLED_BACK)
    last = (await node.store.journal("reads"))[-1]
    assert (last.what, last.who, last.why) == (What.GATE_FAILED, "edge-1", "errors: 3 % against 0.1 %")
    assert last.evidence == {"old": 0.001, "new": "inf"}
    assert node.share == 0


async def test_a_gate_that_fails_holds_where_the_rules_say_so_and_says_it_once(tmp_path: Path) -> None:
    async with a_node(tmp_path / "state.db", rules=cutover(1, 5, 100, on_fail=OnFail.HOLD)) as node:
        await node.do(START, ON)
        node.judged = Failed("latency")
        await node.until(lambda: node.state.phase is Phase.HOLDING)
        seen: list[State] = []
        node.judges = seen.append
        await node.until(lambda: len(seen) > 3)
        assert (node.share, node.state.is_paused, node.state.number) == (1_000, True, 3)
        node.judged = Passed()
        await node.do(Resume("di", "it was the probe"))
        node.now += HOLD
        await node.until(lambda: node.share == 5_000)


async def test_a_pause_stops_the_steps_and_not_a_rollback(node: Node) -> None:
    await node.do(START, ON, Pause("di", "lunch"))
    node.judged, node.now = Passed(), node.now + HOLD
    await node.until(lambda: node.state.phase is Phase.HOLDING)
    assert node.share == 1_000
    node.judged = Failed("errors")
    await node.until(lambda: node.share == 0)


async def test_what_cannot_be_judged_is_told_and_stays_as_it_is(node: Node) -> None:
    def breaks(_: State) -> None:
        raise ZeroDivisionError("no exchanges")

    await node.do(START, ON)
    node.judges = breaks
    await node.until(lambda: bool(node.lines))
    assert node.lines[0] == "cutover reads: it cannot be judged: ZeroDivisionError('no exchanges')"
    node.judges = lambda _: None
    node.judged = Failed("errors")
    await node.until(lambda: node.share == 0)


async def test_a_name_that_the_rules_do_not_have(node: Node) -> None:
    made = await node.cutovers.do("writes", START)
    assert str(made) == "no cutover is named 'writes': there are reads in the rules."


async def test_another_process_changes_what_is_in_force_here(node: Node, tmp_path: Path) -> None:
    async with a_node(tmp_path / "state.db", "edge-2") as other:
        await other.do(START, ON, ON)
        await node.until(lambda: node.share == 5_000)
        await node.do(Rollback("di", "users complain"))
        await other.until(lambda: other.share == 0)


@pytest.mark.parametrize("skew", [5 * HOLD, -5 * HOLD], ids=["its clock is ahead", "its clock is behind"])
async def test_a_hold_is_as_long_for_a_node_with_another_clock(node: Node, tmp_path: Path, skew: float) -> None:
    """Whatever the journal says when it began: it heard of that itself."""
    async with a_node(tmp_path / "state.db", "edge-2") as other:
        node.now += 10 * HOLD
        other.now = node.now + skew
        await node.do(START, ON)
        await other.until(lambda: other.share == 1_000)
        other.judged, looks = Passed(), list[State]()
        other.judges = looks.append
        other.now += HOLD - 1
        looks.clear()
        await other.until(lambda: len(looks) > 5)
        assert other.share == 1_000
        refused = await other.cutovers.do("reads", Step("di", "on we go"))
        assert isinstance(refused, Refusal)
        assert refused.refused is Refused.HOLD_RUNS
        other.now += 1
        await other.until(lambda: other.share == 5_000)
        await node.until(lambda: node.share == 5_000)


async def test_a_node_that_starts_puts_in_force_what_the_journal_says(node: Node, tmp_path: Path) -> None:
    await node.do(START, ON)
    async with a_node(tmp_path / "state.db", "edge-2") as later:
        assert [split.arms[1].share for split in later.in_force] == [1_000]


async def test_of_two_who_decide_at_once_the_second_is_told_what_the_first_did(node: Node) -> None:
    await node.do(START)
    first, second = await asyncio.gather(
        node.cutovers.do("reads", SetShare("di", "a little", 2_000)),
        node.cutovers.do("reads", SetShare("bo", "much", 60_000)),
    )
    won, lost = (first, second) if isinstance(first, Entry) else (second, first)
    assert isinstance(won, Entry)
    assert isinstance(lost, Refusal)
    assert lost.refused is Refused.OUTRUN
    assert (
        lost.reason == f"reads was changed at the same moment: set by {won.who} ({won.why}) to {won.share / 1000:g} %"
    )
    assert node.share == won.share


async def test_a_rollback_is_tried_until_it_is_taken(node: Node, tmp_path: Path) -> None:
    """While another process changes the share as fast as it can."""
    async with a_node(tmp_path / "state.db", "edge-2") as other:
        await node.do(START)

        async def keep_changing() -> None:
            share = 0
            while not isinstance(await other.cutovers.do("reads", START), Entry):
                share = share % 50_000 + 1
                await other.cutovers.do("reads", SetShare("bo", "it must go on", share))

        changing = asyncio.create_task(keep_changing())
        await node.until(lambda: node.share > 5)
        await node.do(Rollback("di", "users complain"))
        async with asyncio.timeout(SOON):
            await changing
        journal = await node.store.journal("reads")
        assert [entry.what for entry in journal].count(What.ROLLBACK) == 1


async def test_two_nodes_with_one_redis_ramp_together_while_it_is_killed(tmp_path: Path) -> None:
    """Each step is taken once, by whichever node; both put the same in force; a way back is open without the server."""
    program = next(iter(programs().values()))
    with redis_server(program) as server:
        async with a_node(server.url) as one, a_node(server.url, "edge-2") as two:
            await one.do(START)
            one.judged = two.judged = Passed()
            for share in READS.steps[:3]:
                one.now = two.now = one.now + HOLD
                await one.until(lambda share=share: one.share == share)
                await two.until(lambda share=share: two.share == share)
                with one.store.watch() as of_one, two.store.watch() as of_two:
                    server.kill()
                    await heard(of_one, Lost)
                    await heard(of_two, Lost)
                    server.start()
                    await heard(of_one, Found)
                    await heard(of_two, Found)
            assert [entry.share for entry in await two.store.journal("reads")] == [0, *READS.steps[:3]]
            with two.store.watch() as of_two:
                server.kill()
                await heard(of_two, Lost)
                two.judged = Failed("errors")
                await two.until(lambda: two.share == 0)
            assert (one.share, two.share) == (20_000, 0)
            server.start()
            await one.until(lambda: one.share == 0)
            assert any(line.startswith("state: the Redis server at ") for line in one.lines)
            assert (await one.store.journal("reads"))[-1].what is What.GATE_FAILED


@pytest.mark.parametrize("is_later", [True, False], ids=["theirs came before", "theirs came after"])
async def test_a_rollback_here_is_undone_by_another_node_only_if_that_decided_later(is_later: bool) -> None:
    with redis_server(next(iter(programs().values())), is_kept=True) as server:
        async with a_node(server.url) as node:
            await node.do(START, SetShare("di", "half of them", WHOLE // 2))
            theirs = decide(READS, node.state, SetShare("bo", "we are sure", 60_000), 1_500.0)
            assert isinstance(theirs, Entry)
            with node.store.watch() as news:
                server.kill()
                await heard(news, Lost)
            node.now = 2_000.0 if is_later else 1_200.0
            await node.do(Rollback("di", "its clients get 503s"))
            async with while_away(server) as other:
                await other.rpush("{edgeproxy}:journal:reads", written(theirs))
            await node.until(lambda: any("two histories" in line for line in node.lines))
            if is_later:
                await node.until(lambda: node.state.phase is Phase.ROLLED_BACK and node.state.number == 4)
                assert node.in_force[-1] == READS.resting
                assert all(each.arms[1].share != 60_000 for each in node.in_force), "nobody was moved there meanwhile"
                last = (await node.store.journal("reads"))[-1]
                assert (last.who, last.why) == ("di", "its clients get 503s (while the store was lost)")
            else:
                await node.until(lambda: node.share == 60_000)
                assert node.state.number == 3


async def test_without_its_store_a_node_that_starts_puts_nothing_in_force_until_it_knows(tmp_path: Path) -> None:
    program = next(iter(programs().values()))
    with redis_server(program, is_kept=True) as server:
        async with a_node(server.url) as before:
            await before.do(START, ON)
        server.kill()
        async with a_node(server.url) as node:
            assert node.in_force == []
            assert "Nothing is known of it yet" in node.lines[0]
            server.start()
            await node.until(lambda: bool(node.in_force))
            assert node.share == 1_000


async def test_a_rollback_is_in_force_before_a_store_that_hangs_is_given_up(tmp_path: Path) -> None:
    with redis_server(next(iter(programs().values()))) as server:
        async with a_node(server.url, patience=1.0) as node:
            await node.do(START, SetShare("di", "all of them", WHOLE))
            server.stop()
            asking = asyncio.create_task(node.cutovers.do("reads", Rollback("di", "users complain")))
            await node.until(lambda: node.share == 0)
            assert not asking.done()
            made = await asking
            assert isinstance(made, Entry)
            assert (made.what, node.share, node.state.phase) == (What.ROLLBACK, 0, Phase.ROLLED_BACK)
            server.go_on()
            await node.until(lambda: node.store.lost is None)
            assert (node.share, node.state.phase) == (0, Phase.ROLLED_BACK)


async def test_a_gate_that_fails_moves_everybody_back_before_a_store_that_hangs_is_given_up(tmp_path: Path) -> None:
    with redis_server(next(iter(programs().values()))) as server:
        async with a_node(server.url, patience=1.0) as node:
            await node.do(START, SetShare("di", "all of them", WHOLE))
            server.stop()
            node.judged = Failed("too many errors")
            await node.until(lambda: node.share == 0)
            assert node.state.share == WHOLE
            await node.until(lambda: node.state.phase is Phase.ROLLED_BACK)
            server.go_on()
            await node.until(lambda: node.store.lost is None)
            assert (node.share, node.state.phase) == (0, Phase.ROLLED_BACK)


@contextmanager
def locked(node: Node, path: Path) -> Iterator[None]:
    """Somebody else is writing to the state's file, and does not end. The node does not wait for that as long as it would."""
    assert isinstance(node.store, SqliteStore)
    node.store._db.execute("PRAGMA busy_timeout = 100")
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        yield


async def test_a_rollback_that_the_store_cannot_take_stays_in_force_until_it_can(node: Node, tmp_path: Path) -> None:
    await node.do(START, SetShare("di", "all of them", WHOLE))
    with locked(node, tmp_path / "state.db"):
        first = asyncio.create_task(node.cutovers.do("reads", Rollback("di", "users complain")))
        second = asyncio.create_task(node.cutovers.do("reads", Rollback("ed", "they do")))
        for asked in (first, second):
            with pytest.raises(StateLost, match="everybody is on legacy here, and stays there"):
                await asked
            assert node.share == 0
        with pytest.raises(StateLost, match="stays there"):
            await node.cutovers.do("reads", SetShare("ed", "again", WHOLE))
        assert node.share == 0
    await node.until(lambda: node.state.phase is Phase.ROLLED_BACK)
    assert node.share == 0
    assert node.in_force[-1] == READS.resting


async def test_a_rollback_that_is_handed_on_is_written_down_once_and_undoes_nothing_later(
    node: Node, tmp_path: Path
) -> None:
    await node.do(START, SetShare("di", "all of them", WHOLE))
    with locked(node, tmp_path / "state.db"):
        with pytest.raises(StateLost):
            await node.cutovers.do("reads", Rollback("di", "users complain"))
        handed_on = node.cutovers.hand_on()
    store = await open_store(str(tmp_path / "state.db"), "edge-1")
    async with running(Node(store, ways_back=handed_on)) as successor:
        await successor.until(lambda: not successor.cutovers.ways_back)
        await successor.do(START, ON)
        await node.cutovers._refresh("reads")
        assert (node.state.share, node.share) == (1_000, 0)  # its clients are on their way out, and stay where they are
        whats = [each.what for each in await store.journal("reads")]
    await store.close()
    assert whats == [What.START, What.SET, What.ROLLBACK, What.START, What.STEP]


async def test_a_rollback_that_two_try_again_is_written_down_once(node: Node, tmp_path: Path) -> None:
    await node.do(START, SetShare("di", "all of them", WHOLE))
    with locked(node, tmp_path / "state.db"), pytest.raises(StateLost):
        await node.cutovers.do("reads", Rollback("di", "users complain"))
    store = await open_store(str(tmp_path / "state.db"), "edge-1")
    async with running(Node(store, ways_back={"reads": ("di", "users complain")})) as other:
        for each in (node, other):
            await each.until(lambda each=each: not each.cutovers.ways_back)
        whats = [each.what for each in await store.journal("reads")]
    await store.close()
    assert whats == [What.START, What.SET, What.ROLLBACK]


async def test_a_gate_that_failed_is_not_forgotten_by_a_store_that_cannot_take_it(node: Node, tmp_path: Path) -> None:
    await node.do(START, SetShare("di", "all of them", WHOLE))
    with locked(node, tmp_path / "state.db"):
        node.judged = Failed("too many errors", "the evidence")
        await node.until(lambda: node.share == 0)
        node.judged = Undecided()  # nobody is on the new arm by whom it could fail again
        with pytest.raises(StateLost):
            await node.cutovers.do("reads", SetShare("ed", "half of them", WHOLE // 2))
        assert node.share == 0
    await node.until(lambda: node.state.phase is Phase.ROLLED_BACK)
    last = (await node.store.journal("reads"))[-1]
    assert (last.what, last.evidence) == (What.GATE_FAILED, "the evidence")


async def test_a_rollback_that_is_refused_moves_nobody(node: Node) -> None:
    await node.do(START, SetShare("di", "all of them", WHOLE))
    before = list(node.in_force)
    made = await node.cutovers.do("reads", Rollback("", ""))
    assert isinstance(made, Refusal)
    assert made.refused is Refused.NAMELESS
    assert node.in_force == before
