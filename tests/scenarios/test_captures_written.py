"""How what an edge captures gets to its writer, and to the disk: what is large, and what cannot be taken."""

from __future__ import annotations

import io
from contextlib import AsyncExitStack
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest
from captured_traffic import OK, RULES, capturing
from harness import BackendPeer, request

from edgeproxy.capture import rows
from edgeproxy.capture.columns import AT_ONCE, NUMBERS
from edgeproxy.capture.settings import Settings
from edgeproxy.capture.work import Work
from edgeproxy.proxy import answering
from edgeproxy.proxy.capture import writing
from edgeproxy.telemetry.access_log import AccessLog

CLIENTS: Final = 2  # at once
LARGE = b"x" * 100_000
IN_PIECES = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%b\r\n" % (len(LARGE), LARGE) * 5


async def test_large_content_is_digested_in_pieces(tmp_path: Path) -> None:
    content = bytes(range(256)) * 12_000

    async def slowly(peer: BackendPeer) -> None:
        while True:
            await peer.head()
            await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for at in range(0, len(content), 100_000):
                piece = content[at : at + 100_000]
                await peer.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            await peer.send(b"0\r\n\r\n")

    async with capturing(tmp_path, slowly) as captures, captures.edge.client() as client:
        for _ in range(3):
            assert (await client.ask(request())).body == content
        records = await captures.end()
    assert [(each.octets, each.digest) for each in records] == [(len(content), sha256(content).hexdigest())] * 3


async def test_what_the_writer_cannot_take_is_dropped_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MOST_WAITING", 0)
    async with capturing(tmp_path) as captures:
        for _ in range(5):
            assert (await captures.ask(request())).status == 200
        capture = await captures.edge.edge.end_capture()
        assert capture is not None
        assert (capture.numbers()["dropped"], capture.numbers()["written"]) == (5, 0)


async def test_a_disk_that_takes_nothing_ends_the_capture_and_not_the_traffic(tmp_path: Path) -> None:
    async with capturing(tmp_path) as captures:
        edge = captures.edge.edge
        capture = edge.capture
        assert capture is not None
        captures.directory.rmdir()
        captures.directory.write_text("no directory any more")
        assert (await captures.ask(request())).status == 200
        capture.tend()
        assert (await captures.ask(request())).status == 200
        ended = await edge.end_capture()
        assert ended is capture
        assert (capture.problem or "").startswith(f"{captures.directory}: ")
        assert (capture.numbers()["written"], capture.numbers()["lost"]) == (0, 2)


async def test_files_are_changed_and_the_oldest_make_room(tmp_path: Path) -> None:
    async with capturing(tmp_path) as captures:
        edge = captures.edge.edge
        await edge.end_capture()
        settings = Settings("20180416T150001Z", str(captures.directory), 1.0, 12_000, 1)
        edge.begin_capture(settings, lambda: 0.0)
        assert edge.capture is not None
        async with captures.edge.client() as client:
            for number in range(120):
                assert (await client.ask(request(f"/{number}/{sha256(b'%d' % number).hexdigest()}"))).status == 200
                if number % 4 == 3:
                    edge.capture.tend()
        numbers = edge.capture
        records = await captures.end()
    sizes = [path.stat().st_size for path in captures.directory.iterdir()]
    assert sum(sizes) <= settings.most
    assert max(sizes) <= settings.file_limit + 200
    assert numbers.numbers()["files"] > len(sizes)
    assert 0 < len(records) < 120
    assert [each.target.split("/")[1] for each in records] == [str(n) for n in range(120 - len(records), 120)]


async def test_nothing_is_put_for_a_writer_that_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What its disk makes wait would grow without end."""

    async def answers(peer: BackendPeer) -> None:
        while True:
            whole = b"/whole" in await peer.head()
            await peer.send(OK[:-10] + b" 100000\r\n\r\n" + LARGE if whole else IN_PIECES + b"0\r\n\r\n")

    async with capturing(tmp_path, answers) as captures, captures.edge.client() as client:
        capture = captures.edge.edge.capture
        assert capture is not None
        put: list[Work] = []
        with monkeypatch.context() as stuck:
            stuck.setattr(writing, "MOST_WAITING", 0)
            stuck.setattr(capture._writing, "put", put.append)
            for target in ("/pieces", "/whole", "/kept/pieces", "/kept/pieces", "/kept/whole", "/kept/whole"):
                assert (await client.ask(request(target))).status == 200
            capture.tend()
        assert put == []
        assert capture.numbers()["dropped"] == 6


async def test_a_head_that_is_large_itself_is_no_content(tmp_path: Path) -> None:
    head = b"".join([b"X-%d: %b\r\n" % (number, b"y" * 1_000) for number in range(20)])

    async def answers(peer: BackendPeer) -> None:
        while True:
            await peer.head()
            await peer.send(b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (head, len(LARGE), LARGE))

    async with capturing(tmp_path, answers) as captures, captures.edge.client() as client:
        for target in ("/kept/a", "/kept/a", "/pieces"):
            assert (await client.ask(request(target))).body == LARGE
        records = await captures.end()
    assert [each.cache for each in records] == ["miss", "hit", None]
    assert {(each.octets, each.digest) for each in records} == {(len(LARGE), sha256(LARGE).hexdigest())}


async def test_rows_that_wait_are_few(tmp_path: Path) -> None:
    """However long the loop does not come to anything else: 20,000 connections at once held it for 37 s."""
    async with capturing(tmp_path) as captures, captures.edge.client() as client:
        capture, most = captures.edge.edge.capture, 0
        assert capture is not None
        for _ in range(3 * AT_ONCE):
            assert (await client.ask(request("/plain"))).status == 200
            most = max(most, len(capture.rows.flat))
        assert 0 < most < AT_ONCE * NUMBERS
        assert len(await captures.end()) == 3 * AT_ONCE


async def test_connections_that_are_gone_are_told_of_and_hold_nothing(tmp_path: Path) -> None:
    async with capturing(tmp_path) as captures:
        capture = captures.edge.edge.capture
        assert capture is not None
        for _ in range(12):
            async with captures.edge.client() as client:
                assert (await client.ask(request("/plain"))).status == 200
            await captures.edge.edge._no_clients.wait()
        assert capture.rows._connections.left == 12
        capture.tend()
        assert (capture.rows._connections.left, capture.rows._connections.entries) == (0, {})
        assert len({each.connection for each in await captures.end()}) == 12


async def test_numbers_of_kinds_that_begin_anew_lose_no_exchange(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither of a connection that goes on, nor of hits that are known by their octets."""
    monkeypatch.setattr(rows, "_MOST_NUMBERS", 2)
    monkeypatch.setattr(rows, "ROWS", 1)
    for each in (rows, answering):
        monkeypatch.setattr(each, "FULL", NUMBERS)
    async with capturing(tmp_path) as captures, captures.edge.client() as client:
        capture = captures.edge.edge.capture
        assert capture is not None
        for number in range(12):
            for target in ("/plain", "/kept/a", f"/{number}"):
                assert (await client.ask(request(target))).status == 200
            capture.tend()
        assert capture.rows._last < 6
        records = await captures.end()
    assert len(records) == 36
    assert {each.target for each in records} == {"/plain", "/kept/a", *[f"/{number}" for number in range(12)]}


@pytest.mark.parametrize("has_log", [False, True])
async def test_an_answer_that_went_out_whole_ended_then(tmp_path: Path, has_log: bool) -> None:
    """That its head went out with the end takes no words: there are as many as rows."""
    log = AccessLog(io.StringIO()) if has_log else None
    async with capturing(tmp_path, log=log) as captures, captures.edge.client() as client:
        capture = captures.edge.edge.capture
        assert capture is not None
        for target, status in (("/plain", 200), ("/gone", 410), ("/kept/a", 200), ("/kept/a", 200)):
            assert (await client.ask(request(target))).status == status
        assert len(capture.rows) == 4
        assert set(capture.rows.block.more) <= {2}, "the miss was answered as it came"
        records = await captures.end()
    assert [each.head_ms == each.ms for each in records if each.cache != "miss"] == [True] * 3


async def test_clients_behind_a_trusted_proxy_are_held_apart(tmp_path: Path) -> None:
    """Each exchange on a connection may be another client's, whose number another one has in the next block."""
    rules = RULES.replace("hosts:", "trusted_proxies: [127.0.0.0/8]\nhosts:", 1)
    async with capturing(tmp_path, rules=rules) as captures, AsyncExitStack() as stack:
        capture = captures.edge.edge.capture
        assert capture is not None
        clients = [await stack.enter_async_context(captures.edge.client()) for _ in range(CLIENTS)]
        for number in range(60):
            for each, client in enumerate(clients):
                whose = (f"X-Forwarded-For: 10.{number % 5}.{each}.1", f"User-Agent: a{number % 5}-{each}")
                target = f"/{'kept/' if number % 3 == 0 else ''}{number % 7}"
                assert (await client.ask(request(target, *whose))).status == 200
            if number % 10 == 0:
                capture.tend()
        assert len(capture.rows._connections.entries) < 60
        records = await captures.end()
    assert len(records) == 60 * CLIENTS
    for record in records:
        network, each = record.headers["user-agent"][1:].split("-")
        assert record.client == f"10.{network}.{each}.0"
    assert len({(each.connection, each.headers["user-agent"][-1]) for each in records}) == CLIENTS
