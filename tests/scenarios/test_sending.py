"""The sender of replays against scripted targets: order, lateness, bounds, failures, the tripwire. Real sockets."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import Counter
from collections.abc import Iterable, Iterator

import pytest
import trustme
from harness import BackendPeer, always, backend
from site_under_test import ok

from replay.planned import Planned
from replay.sending.asking import Answered
from replay.sending.outcome import Failure, NotSent, Outcome
from replay.sending.run import Run, Settings, Target, send
from replay.sending.serial import CannotTell, ask_serial

QUICK = Settings(timeout=0.5, connect=0.5, patience=5, idle=5)


class Heard:
    def __init__(self) -> None:
        self.answers: list[Answered] = []
        self.not_sent: list[tuple[Planned, NotSent]] = []

    def on_answered(self, answered: Answered) -> None:
        self.answers.append(answered)

    def on_not_sent(self, planned: Planned, why: NotSent) -> None:
        self.not_sent.append((planned, why))


def plan(number: int, at: float = 0.0, lane: str = "", **more: object) -> Planned:
    return Planned(at, lane, "GET", f"http://pypi.test/{number}", label="/{number}", **more)  # type: ignore[arg-type]


def to(port: int) -> Target:
    return Target.of(f"http://127.0.0.1:{port}")


def counted(outcome: Outcome) -> int:
    """Each intended request once."""
    return outcome.answered + outcome.failed + sum(outcome.not_sent.values())


def targets(heads: Iterable[bytes]) -> list[int]:
    return [int(head.split(b" ")[1][1:]) for head in heads]


async def test_all_that_is_planned_is_asked_once() -> None:
    async with backend(always(ok(b"hello"))) as target:
        planned = [plan(number, number / 1_000, f"lane {number % 3}") for number in range(60)]
        outcome = await send(planned, to(target.port))
    assert (outcome.intended, outcome.sent, outcome.answered, outcome.octets) == (60, 60, 60, 300)
    assert outcome.statuses == Counter({200: 60})
    assert sorted(targets(target.seen)) == list(range(60))
    assert (outcome.connections, target.connections) == (3, 3)
    assert (outcome.corrected.total, outcome.plain.total) == (60, 60)
    assert outcome.timing.total + outcome.waited.total == 60
    assert outcome.labels["/{number}"].statuses == Counter({200: 60})
    assert sum(moment.answered for moment in outcome.timeline.moments) == 60
    assert b"Host: pypi.test\r\n" in target.seen[0]


async def test_a_lane_is_one_connection_in_order_however_late_that_makes_it() -> None:
    may_answer = asyncio.Event()

    async def slow_at_first(peer: BackendPeer) -> None:
        await peer.head()
        await may_answer.wait()
        while True:
            await peer.send(ok())
            await peer.head()

    async with backend(slow_at_first) as target:
        run = Run([plan(number, 0.0, "only") for number in range(10)], QUICK)
        sender = run.add(to(target.port))
        going = asyncio.create_task(run.go())
        while run.in_hand < 10:
            await asyncio.sleep(0)
        assert targets(target.seen) in ([], [0])  # the others wait: they are due, and their connection is busy
        may_answer.set()
        await going
    outcome = sender.outcome
    assert (targets(target.seen), outcome.connections) == (list(range(10)), 1)
    assert (outcome.waited.total, outcome.timing.total) == (9, 1)
    assert outcome.corrected.total == 10


async def test_what_any_connection_may_carry_goes_over_a_free_one() -> None:
    async with backend(always(ok())) as target:
        planned = [plan(number, number * 0.05) for number in range(5)]
        outcome = await send(planned, to(target.port))
    assert outcome.answered == 5
    assert outcome.connections < 5


async def test_a_sender_that_cannot_keep_up_knows_it_whatever_the_target_does() -> None:
    def slowly() -> Iterator[Planned]:
        for number in range(5):
            time.sleep(0.06)  # it is busy, and a request is due each hundredth of a second
            yield plan(number, number / 100)

    async with backend(always(ok())) as target:
        outcome = await send(slowly(), to(target.port))
    assert outcome.scheduled == pytest.approx(0.04)
    assert outcome.taken >= 0.2
    assert outcome.rate_reached < outcome.rate / 2
    assert (outcome.timing.quantile(0.99) or 0) >= 0.1


async def test_no_request_is_sent_before_it_is_due() -> None:
    async with backend(always(ok())) as target:
        outcome = await send([plan(number, number * 0.02, "a") for number in range(10)], to(target.port))
    assert min(outcome.timing.counts) >= 0
    assert outcome.seconds >= 0.18


async def test_a_target_that_stalls_shows_in_corrected_latency_and_not_in_plain() -> None:
    """Coordinated omission: what was due during the stall was not sent then, and is counted from when it was due."""
    stall = 0.6

    async def stalling(peer: BackendPeer) -> None:
        for number in range(1_000):
            await peer.head()
            if number == 5:
                await asyncio.sleep(stall)
            await peer.send(ok())

    async with backend(stalling) as target:
        planned = [plan(number, number * 0.005, "only") for number in range(200)]
        outcome = await send(planned, to(target.port), Settings(timeout=30))
    corrected, plain = outcome.corrected, outcome.plain
    assert (outcome.answered, plain.total, corrected.total) == (200, 200, 200)
    slow = [sum(count for at, _, count in _above(each, stall / 4)) for each in (plain, corrected)]
    assert slow[1] - slow[0] >= 50  # of 120 that were due while it stalled, those that waited a quarter of that
    assert (corrected.quantile(0.9) or 0) > 4 * (plain.quantile(0.9) or 0)


def _above(histogram: object, seconds: float) -> list[tuple[float, float, int]]:
    before, found = 0, []
    for at, share, count in histogram.percentiles():  # type: ignore[attr-defined]
        if at > seconds:
            found.append((at, share, count - before))
        before = count
    return found


async def test_few_long_ones_that_wait_are_too_many_too() -> None:
    async def never(peer: BackendPeer) -> None:
        await peer.head()
        await asyncio.Event().wait()

    long = (("accept", "x" * (1 << 20)),)
    async with backend(never) as target:
        run = Run([plan(number, 0, "a", headers=long) for number in range(70)], Settings(timeout=30, patience=30))
        sender = run.add(to(target.port))
        going = asyncio.create_task(run.go())
        while sender.outcome.intended < 70:
            await asyncio.sleep(0)
        assert sender.outcome.not_sent[NotSent.OVERLOAD] == 70 - 63
        run.stop()
        assert sender.outcome.not_sent[NotSent.STOPPED] in (62, 63)  # the first one may be on its way
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)
    assert (sender._waiting, sender._waiting_octets) == (0, 0)


async def test_too_many_that_wait_are_not_sent_and_what_waits_too_long_neither() -> None:
    async def never(peer: BackendPeer) -> None:
        await peer.head()
        await asyncio.Event().wait()

    heard = Heard()
    settings = Settings(timeout=1.5, waiting=4, patience=0.3)
    async with backend(never) as target:
        outcome = await send([plan(number, 0, "a") for number in range(10)], to(target.port), settings, listener=heard)
    assert outcome.not_sent == Counter({NotSent.OVERLOAD: 6, NotSent.LATE: 3})
    assert outcome.failures == Counter({Failure.TIMEOUT: 1})
    assert counted(outcome) == outcome.intended == 10
    assert len(heard.not_sent) == 9
    assert (outcome.corrected.quantile(1.0) or 0) >= 1.5  # what hangs does not look fast
    assert (outcome.corrected.total, outcome.plain.total) == (4, 1)  # nor does what waits for it
    assert outcome.labels["/{number}"].corrected.total == 4
    assert min(at for at, _, _ in outcome.corrected.percentiles()) >= 0.29
    assert (outcome.at_least, outcome.without_latency) == (4, 6)


async def test_no_more_connections_are_open_than_may_be() -> None:
    async with backend(always(ok())) as target:
        settings = Settings(connections=3)
        planned = [plan(number, 0, f"lane {number % 20}") for number in range(100)]
        outcome = await send(planned, to(target.port), settings)
        free = await send([plan(number, 0) for number in range(100)], to(target.port), settings)
    assert (outcome.answered, outcome.most_open) == (100, 3)
    assert outcome.connections >= 20  # each lane has its own, one after the other
    assert (free.answered, free.most_open, free.connections) == (100, 3, 3)


@pytest.mark.parametrize(
    ("script", "failure"),
    [
        (b"", Failure.CLOSED),
        (b"HTTP/1.1 200 OK\r\nContent-Len", Failure.CLOSED),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", Failure.TRUNCATED),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", Failure.TRUNCATED),
        (b"nonsense\r\n\r\n", Failure.BAD_ANSWER),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", Failure.BAD_ANSWER),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Failure.BAD_ANSWER),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 101 + ok(), Failure.BAD_ANSWER),
    ],
)
async def test_what_is_no_whole_answer_is_a_failure_of_its_kind(script: bytes, failure: Failure) -> None:
    async def broken(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(script)

    heard = Heard()
    async with backend(broken) as target:
        outcome = await send([plan(1)], to(target.port), QUICK, listener=heard)
    assert outcome.failures == Counter({failure: 1})
    assert [each.failure for each in heard.answers] == [failure]
    assert counted(outcome) == 1


async def test_nobody_listens_at_the_target() -> None:
    async with backend(always(ok())) as target:
        pass
    outcome = await send([plan(number, 0, f"{number % 2}") for number in range(6)], to(target.port), QUICK)
    assert outcome.failures == Counter({Failure.CONNECT: 6})
    assert outcome.corrected.total == 0


async def test_a_kept_connection_that_was_closed_is_asked_again_once_as_clients_do() -> None:
    async def closes_after_the_first(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(ok())
        await peer.head()  # and leaves without a word

    async with backend(closes_after_the_first) as target:
        outcome = await send([plan(1, 0, "a"), plan(2, 0.1, "a")], to(target.port), QUICK)
    assert (outcome.answered, outcome.resent, outcome.connections) == (2, 1, 2)
    assert targets(target.seen) == [1, 2, 2]


async def test_answers_of_every_framing_are_read_to_their_end_and_the_connection_goes_on() -> None:
    answers = [
        b"HTTP/1.1 100 Continue\r\n\r\n" + ok(b"after an interim one"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: 1\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n',
        ok(b"x" * 300_000),
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
    ]

    async def all_of_them(peer: BackendPeer) -> None:
        for each in answers:
            await peer.head()
            for at in range(0, len(each), 60_001):
                await peer.send(each[at : at + 60_001])

    heard = Heard()
    settings = Settings(keep=100_000, digests=True)
    async with backend(all_of_them) as target:
        planned = [plan(number, 0, "a") for number in range(len(answers))]
        outcome = await send(planned, to(target.port), settings, listener=heard)
    assert [each.status for each in heard.answers] == [200, 200, 204, 304, 200, 200]
    assert [each.octets for each in heard.answers] == [20, 5, 0, 0, 300_000, 2]
    assert [each.content for each in heard.answers][:2] == [b"after an interim one", b"hello"]
    assert len(heard.answers[4].content) == 100_000
    assert heard.answers[3].lines == b'ETag: "a"\r\n'
    assert len({each.digest for each in heard.answers}) == 5  # two are without content
    assert (outcome.answered, outcome.connections) == (6, 1)


async def test_an_answer_without_a_length_ends_with_its_connection_and_head_has_none() -> None:
    async def until_close(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.0 200 OK\r\n\r\nall of it")

    async with backend(until_close) as target:
        outcome = await send([plan(1)], to(target.port), QUICK)
    assert (outcome.answered, outcome.octets) == (1, 9)
    async with backend(always(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")) as target:
        heads = [Planned(0, "a", "HEAD", f"http://pypi.test/{number}") for number in range(2)]
        outcome = await send(heads, to(target.port), QUICK)
    assert (outcome.answered, outcome.octets, outcome.connections) == (2, 0, 1)


async def test_a_write_ends_the_run_at_once() -> None:
    async def writes_at_the_third(peer: BackendPeer) -> None:
        for number in range(1_000):
            await peer.head()
            await peer.send(ok(b"", f"backend-writes: {int(number == 2)}"))

    async with backend(writes_at_the_third) as target:
        outcome = await send([plan(number, number * 0.01, "a") for number in range(1_000)], to(target.port))
    assert "/2: its answer says that it wrote 1" in outcome.writes
    assert outcome.intended < 100
    assert outcome.telling >= 3
    assert counted(outcome) == outcome.intended
    async with backend(always(ok(b"", "X-Wrote: 4"))) as target:
        outcome = await send([plan(1)], to(target.port), writes_header="X-Wrote")
        unheard = await send([plan(1)], to(target.port))
    assert outcome.writes
    assert (unheard.writes, unheard.telling) == ("", 0)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 201 Created\r\nContent-Length: 20\r\nBackend-Writes: 1\r\n\r\nok",
        CHUNKED + b"Backend-Writes: 1\r\n\r\nzz\r\n",
        CHUNKED + b"\r\n2\r\nok\r\n0\r\nBackend-Writes: 1\r\n\r\n",
        CHUNKED + b"\r\n2\r\nok\r\n0\r\nBackend-Writes: 1\r\nno field\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\nBackend-Writes: 1\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nConnection: Backend-Writes\r\nBackend-Writes: 1\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 201 Created\r\nBackend-Writes: 1\r\nContent-Len",
        b"HTTP/1.1 201 Created\r\nBackend-Writes: 1",
        b"HTTP/1.1 103 Early Hints\r\nBackend-Writes: 1\r\n\r\n" + ok(b"", "Backend-Writes: 0"),
        ok(b"", "Backend-Writes: 0\r\nBackend-Writes: 1"),
    ],
    ids=[
        *("truncated", "bad_chunk", "trailer", "bad_trailer", "bad_head", "hop_by_hop", "half_head", "half_line"),
        *("interim", "twice"),
    ],
)
async def test_a_write_is_heard_wherever_an_answer_tells_of_it_and_whatever_becomes_of_that(answer: bytes) -> None:
    async def tells(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(answer)

    async with backend(tells) as target:
        outcome = await send([plan(number, number * 0.01, "a") for number in range(1_000)], to(target.port), QUICK)
    assert "/0: its answer says that it wrote 1" in outcome.writes
    assert outcome.intended < 100
    assert counted(outcome) == outcome.intended


async def test_a_write_ends_the_run_when_its_head_is_there() -> None:
    async def hangs(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 201 Created\r\nContent-Length: 20\r\nBackend-Writes: 1\r\n\r\nok")
        await asyncio.Event().wait()

    async with backend(hangs) as target:
        planned = [plan(number, number * 0.01, f"lane {number}") for number in range(1_000)]
        outcome = await send(planned, to(target.port), QUICK)
    assert outcome.writes
    assert outcome.intended < 40  # within less than the timeout


async def test_a_head_that_stops_within_its_line_of_a_write_is_given_up_in_time() -> None:
    async def hangs(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 201 Created\r\nBackend-Writes: 1")
        await asyncio.Event().wait()

    async with backend(hangs) as target:
        outcome = await asyncio.wait_for(send([plan(1)], to(target.port), QUICK), 10)
    assert outcome.writes
    assert counted(outcome) == outcome.intended == 1


async def test_a_secret_in_a_url_is_not_told_with_the_write() -> None:
    async with backend(always(ok(b"", "Backend-Writes: 1"))) as target:
        planned = Planned(0, "", "GET", "http://pypi.test/?token=hunter2-and-more")
        outcome = await send([planned], to(target.port))
    assert "its answer says" in outcome.writes
    assert "hunter2" not in outcome.writes


async def test_it_can_be_stopped_and_tells_of_what_there_is() -> None:
    async with backend(always(ok())) as target:
        run = Run((plan(number, number * 0.01, "a") for number in range(100_000)), QUICK)
        sender = run.add(to(target.port))
        going = asyncio.create_task(run.go())
        while not sender.outcome.answered:
            await asyncio.sleep(0.01)
        run.stop()
        await going
    assert 0 < sender.outcome.answered < 1_000
    assert counted(sender.outcome) == sender.outcome.intended


async def test_one_schedule_for_two_targets() -> None:
    async with backend(always(ok(b"one"))) as one, backend(always(ok(b"other"))) as other:
        run = Run([plan(number, 0, "a") for number in range(20)], QUICK)
        senders = [run.add(to(each.port)) for each in (one, other)]
        await run.go()
    assert [each.outcome.answered for each in senders] == [20, 20]
    assert [each.outcome.octets for each in senders] == [60, 100]
    assert targets(one.seen) == targets(other.seen) == list(range(20))


async def test_a_planned_request_that_is_none_is_told() -> None:
    async with backend(always(ok())) as target:
        with pytest.raises(ValueError, match="its URL is none"):
            await send([Planned(0, "", "GET", "nothing")], to(target.port))


async def test_tls_asks_for_the_name_of_the_request() -> None:
    authority = trustme.CA()
    served, trusts = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("pypi.test").configure_cert(served)
    authority.configure_trust(trusts)
    async with backend(always(ok()), tls=served) as target:
        https = Target.of(f"https://127.0.0.1:{target.port}", trusts)
        good = [Planned(0, "a", "GET", "https://pypi.test/"), Planned(0.01, "a", "GET", "https://pypi.test:8443/")]
        outcome = await send(good, https, QUICK)
        other = await send([Planned(0, "a", "GET", "https://other.test/")], https, QUICK)
    assert (outcome.answered, outcome.connections) == (2, 2)  # a lane for each name
    assert other.failures == Counter({Failure.CONNECT: 1})


async def test_a_host_that_tls_cannot_ask_for_is_no_connection_and_holds_up_nothing() -> None:
    authority = trustme.CA()
    served, trusts = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("pypi.test").configure_cert(served)
    authority.configure_trust(trusts)
    hosts = ("a..b", ".foo", "a" * 64, "pypi.test")
    async with backend(always(ok()), tls=served) as target:
        planned = [Planned(0, "", "GET", f"https://{host}/") for host in hosts]
        outcome = await send(planned, Target.of(f"https://127.0.0.1:{target.port}", trusts), QUICK)
    assert (outcome.answered, outcome.failures) == (1, Counter({Failure.CONNECT: 3}))
    assert counted(outcome) == outcome.intended == 4


async def test_what_goes_wrong_while_a_connection_is_opened_ends_the_run_and_is_told() -> None:
    async with backend(always(ok())) as target:
        nowhere = Target("127.0.0.1", target.port, "no context")  # type: ignore[arg-type]
        with pytest.raises(AttributeError, match="wrap_bio"):
            await send([Planned(0, "", "GET", "https://pypi.test/")], nowhere, QUICK)


async def test_what_goes_wrong_while_an_answer_is_read_ends_the_run_and_is_told() -> None:
    class Forgetful(Heard):
        def on_answered(self, answered: Answered) -> None:
            raise LookupError("which one was it?")

    async with backend(always(ok())) as target:
        with pytest.raises(LookupError, match="which one"):
            await send([plan(1)], to(target.port), QUICK, listener=Forgetful())


async def test_a_page_that_tells_of_writes() -> None:
    async with backend(always(ok(b"17", "X-PyPI-Last-Serial: 42"))) as target:
        assert await ask_serial(to(target.port), "/serial", "pypi.test") == "42"
    async with backend(always(ok(b"17\n"))) as target:
        assert await ask_serial(to(target.port), "/serial", "pypi.test") == "17"
    async with backend(always(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")) as target:
        with pytest.raises(CannotTell, match="404"):
            await ask_serial(to(target.port), "/serial", "pypi.test")
    with pytest.raises(CannotTell):
        await ask_serial(to(target.port), "/serial", "pypi.test")
