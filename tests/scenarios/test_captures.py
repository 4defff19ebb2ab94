"""What an edge captures of real exchanges on real sockets."""

from __future__ import annotations

import asyncio
import io
import json
import time
from hashlib import sha256
from pathlib import Path

import pytest
from captured_traffic import HELLO, OK, capturing
from captures import SECRETS
from harness import BackendPeer, request

from edgeproxy.capture.rows import AT_ONCE
from edgeproxy.capture.safety import SafetyClass
from edgeproxy.capture.settings import Settings
from edgeproxy.proxy.capture import taking
from edgeproxy.telemetry.access_log import AccessLog


async def test_an_exchange_is_a_record(tmp_path: Path) -> None:
    async with capturing(tmp_path) as captures:
        lines = ("User-Agent: pip/24.0", "Accept: */*", "X-Odd: 1", "Authorization: Basic c2VjcmV0")
        assert (await captures.ask(request("/Simple/six/?q=1", *lines))).status == 200
        record = await captures.the_one()
    assert (record.method, record.url) == ("GET", "http://pypi.test/Simple/six/?q=1")
    assert record.headers == {"user-agent": "pip/24.0", "accept": "*/*"}
    assert (record.credentials, record.client) == (("authorization",), "127.0.0.0")
    assert (record.rule, record.shape, record.safety) == ("rest", "/{name}/{name}/", SafetyClass.SAFE)
    assert (record.backend, record.status, record.whole) == ("origin", 200, True)
    assert (record.octets, record.digest) == (5, HELLO)
    assert record.head_ms is not None
    assert record.ms is not None
    assert 0 <= record.head_ms <= record.ms < 60_000


async def test_connections_and_their_order_are_told(tmp_path: Path) -> None:
    async with capturing(tmp_path) as captures, captures.edge.client() as one, captures.edge.client() as two:
        for client, target in ((one, "/1"), (two, "/2"), (one, "/3")):
            await client.ask(request(target))
        await one.send(request("/4") + request("/5"))
        await one.answer()
        await one.answer()
        records = await captures.end()
    assert [each.target for each in records] == ["/1", "/2", "/3", "/4", "/5"]
    names = [each.connection for each in records]
    assert names[0] == names[2] == names[3] == names[4] != names[1]


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        CHUNKED,
        CHUNKED.replace(
            b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", b"Connection: close\r\n\r\nhello"
        ),
    ],
)
async def test_a_digest_is_of_the_content_however_it_came(tmp_path: Path, answer: bytes) -> None:
    async def once(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(answer)

    async with capturing(tmp_path, once) as captures:
        assert (await captures.ask(request())).body == b"hello"
        assert (await captures.ask(request().replace(b"HTTP/1.1", b"HTTP/1.0"))).body == b"hello"
        records = await captures.end()
    assert [(each.octets, each.digest) for each in records] == [(5, HELLO)] * 2


async def test_what_did_not_pass_whole_has_no_digest(tmp_path: Path) -> None:
    async def breaks(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello")

    async with capturing(tmp_path, breaks) as captures:
        assert not (await captures.ask(request())).is_whole
        record = await captures.the_one()
    assert (record.status, record.whole, record.octets, record.digest) == (200, False, None, None)


async def test_nor_has_a_file_that_goes_past_the_edge_nor_an_answer_to_head(tmp_path: Path) -> None:
    async with capturing(tmp_path) as captures:
        assert (await captures.ask(request("/file"))).body == b"hello"
        assert (await captures.ask(request(method="HEAD"))).status == 200
        file, head = await captures.end()
    assert (file.rule, file.status, file.whole, file.octets, file.digest) == ("file", 200, True, None, None)
    assert (head.method, head.status, head.whole, head.octets, head.digest) == ("HEAD", 200, True, None, None)


async def test_outcomes_are_told_apart(tmp_path: Path) -> None:
    async with capturing(tmp_path) as captures:
        assert [(await captures.ask(request("/kept/a"))).status for _ in range(2)] == [200, 200]
        statuses = [(await captures.ask(request(each))).status for each in ("/split", "/gone", "/refused")]
        assert statuses == [200, 410, 502]
        assert (await captures.ask(request(host="other.test"))).status == 421
        records = await captures.end()
    told = [(each.rule, each.arm, each.backend, each.cache, each.why, each.status) for each in records]
    assert told == [
        ("kept", None, "origin", "miss", None, 200),
        ("kept", None, "origin", "hit", None, 200),
        ("split", "origin", "origin", None, None, 200),
        ("gone", None, None, None, None, 410),
        ("refused", None, "none", None, "refused", 502),
        (None, None, None, None, None, 421),
    ]
    assert [each.digest for each in records[:3]] == [HELLO] * 3
    assert records[-1].safety is SafetyClass.UNKNOWN


async def test_safety_is_as_the_rules_declare_it(tmp_path: Path) -> None:
    call = b"<?xml version='1.0'?><methodCall><methodName>search</methodName><params></params></methodCall>"
    head = request("/RPC2", "Content-Type: text/xml", f"Content-Length: {len(call)}", method="POST")

    async def reads(peer: BackendPeer) -> None:
        while True:
            seen = await peer.head()
            if b"POST" in seen:
                await peer.reader.readuntil(b"</methodCall>")
            await peer.send(OK)

    async with capturing(tmp_path, reads) as captures:
        assert (await captures.ask(head + call)).status == 200
        assert (await captures.ask(request("/pypi?:action=submit"))).status == 200
        assert (await captures.ask(request("/pypi?:action=display"))).status == 200
        assert (await captures.ask(request("/other", method="DELETE"))).status == 200
        records = await captures.end()
    assert [(each.rule, each.safety) for each in records] == [
        ("call", SafetyClass.SAFE),
        ("display", SafetyClass.UNSAFE),
        ("rest", SafetyClass.SAFE),
        ("rest", SafetyClass.UNSAFE),
    ]
    assert (records[0].xmlrpc, records[0].sent) == ("search", len(call))
    assert (records[1].xmlrpc, records[1].sent) == (None, None)


async def test_what_the_edge_answers_itself_is_as_safe_as_the_other_scheme_has_it(tmp_path: Path) -> None:
    """It may be replayed to the site behind the edge, which asks for no https."""
    async with capturing(tmp_path) as captures:
        for target in ("/act?:action=purge", "/act?:action=show", "/look"):
            assert (await captures.ask(request(target))).status in (301, 403)
        records = await captures.end()
    assert [(each.rule, each.safety) for each in records] == [
        ("plain-acts", SafetyClass.UNSAFE),
        ("plain-acts", SafetyClass.SAFE),
        ("plain-reads", SafetyClass.SAFE),
    ]


async def test_connections_are_taken_whole_by_dice(tmp_path: Path) -> None:
    rolls = iter([0.3, 0.1, 0.25, 0.2499])
    async with capturing(tmp_path, dice=lambda: next(rolls), share=0.25) as captures:
        for number in range(4):
            async with captures.edge.client() as client:
                for _ in range(3):
                    assert (await client.ask(request(f"/{number}"))).status == 200
        records = await captures.end()
    assert [each.target for each in records] == ["/1"] * 3 + ["/3"] * 3


async def test_it_begins_and_ends_while_connections_are_there(tmp_path: Path) -> None:
    """What runs at that moment is not captured; traffic does not notice."""
    async with capturing(tmp_path) as captures, captures.edge.client() as client:
        edge = captures.edge.edge
        await edge.end_capture()
        assert (await client.ask(request("/before"))).status == 200
        edge.begin_capture(Settings("20180416T150001Z", str(captures.directory), 1.0, 1 << 24, 4), lambda: 0.0)
        assert (await client.ask(request("/within"))).status == 200
        assert [each.target for each in await captures.end()] == ["/within"]
        assert (await client.ask(request("/after"))).status == 200
        assert client.writer.get_extra_info("peername") is not None
        assert (await edge.end_capture()) is None


async def test_an_exchange_that_runs_when_it_ends_goes_on(tmp_path: Path) -> None:
    async def halves(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(OK[:-3])
        await peer.head()  # never: until the edge leaves

    async with capturing(tmp_path, halves) as captures, captures.edge.client() as client:
        await client.send(request())
        assert (await client.head()).status == 200
        assert await captures.end() == []
        assert (await client.reader.readexactly(2)) == b"he"


async def test_a_request_that_is_not_understood_is_not_recorded(tmp_path: Path) -> None:
    async with capturing(tmp_path) as captures:
        assert (await captures.ask(b"GET / HTTP/1.1\r\nX: a\r\n\r\n")).status == 400
        assert (await captures.ask(request("/a%2Fb"))).status == 400
        assert await captures.end() == []


async def test_beside_an_access_log_both_say_the_same(tmp_path: Path) -> None:
    out = io.StringIO()
    async with capturing(tmp_path, log=AccessLog(out)) as captures:
        assert (await captures.ask(request("/kept/a", "User-Agent: pip/24.0"))).status == 200
        assert (await captures.ask(b"nonsense\r\n\r\n")).status == 400
        record = await captures.the_one()
    first, second = map(json.loads, out.getvalue().splitlines())
    assert (first["path"], first["user_agent"], second["status"]) == ("/kept/a", "pip/24.0", 400)
    assert (first["rule"], first["cache"]) == (record.rule, record.cache)
    assert abs(first["time"] - record.time) < 2e-6  # both were rounded


async def test_planted_secrets_are_in_no_octet_of_the_files(tmp_path: Path) -> None:
    async with capturing(tmp_path) as captures:
        for secret in SECRETS:
            lines = (f"Authorization: Bearer {secret}", f"Cookie: session={secret}", f"X-Api-Key: {secret}")
            more = (f"Referer: http://u:{secret}@pypi.test/?token={secret}", f"User-Agent: Basic {secret}")
            target = f"/a/reset/{secret}/b?access_token={secret}&x=1;sid={secret}"
            assert (await captures.ask(request(target, *lines, *more))).status == 200
            assert (await captures.ask(request(f"http://pypi.test{target}", *lines))).status == 200
        records = await captures.end()
    assert len(records) == 2 * len(SECRETS)
    text = repr(records)
    assert not [secret for secret in SECRETS if secret in text]


def posted(path: str, body: bytes, *lines: str) -> bytes:
    return request(path, f"Content-Length: {len(body)}", *lines, method="POST") + body


def call_of(method: str, param: str) -> bytes:
    text = f"<methodCall><methodName>{method}</methodName><params><param><value>{param}</value></param></params></methodCall>"
    return text.encode()


async def takes_bodies(peer: BackendPeer) -> None:
    while True:
        length = int((await peer.head()).partition(b"Content-Length: ")[2].split(b"\r\n")[0])
        await peer.reader.readexactly(length)
        await peer.send(OK)


async def test_the_body_of_a_post_is_kept_where_it_is_declared_safe_and_holds_no_secret(tmp_path: Path) -> None:
    xml, form, search = (
        "Content-Type: text/xml",
        "Content-Type: application/x-www-form-urlencoded",
        call_of("search", "six"),
    )
    async with capturing(tmp_path, takes_bodies) as captures, captures.edge.client() as client:
        for content in (search, b"q=six", b"a" * 20_000):
            assert (await client.ask(posted("/read", content, form))).status == 200
        assert (await client.ask(posted("/RPC2", search, xml))).status == 200
        assert (await client.ask(posted("/RPC2", call_of("search", "a" * 20_000), xml))).status == 200
        assert (await client.ask(posted("/other", search, xml))).status == 200  # unsafe
        await client.send(request("/read", "Content-Length: 5", form, method="POST") + b"q=")
        await client.send(b"six")
        assert (await client.answer()).status == 200
        capture = captures.edge.edge.capture
        assert capture is not None
        assert capture.bodies == 0
        records = await captures.end()
    assert [each.body for each in records] == [search.decode(), "q=six", None, search.decode(), None, None, "q=six"]
    assert [each.sent for each in records] == [
        len(search),
        5,
        20_000,
        len(search),
        20_000 + len(search) - 3,
        len(search),
        5,
    ]


async def test_planted_secrets_in_bodies_are_in_no_octet_of_the_files(tmp_path: Path) -> None:
    async with capturing(tmp_path, takes_bodies) as captures:
        for secret in SECRETS:
            member = f"<struct><member><name>token</name><value>{secret}</value></member></struct>"
            for path, content, kind in (
                ("/RPC2", call_of("search", member), "text/xml"),
                ("/read", json.dumps({"password": secret}).encode(), "application/json"),
                ("/read", f"q=a&access_token={secret}".encode(), "application/x-www-form-urlencoded"),
                ("/other", call_of("search", secret), "text/xml"),
                ("/other", f"q={secret}".encode(), "application/x-www-form-urlencoded"),
            ):
                assert (await captures.ask(posted(path, content, f"Content-Type: {kind}"))).status == 200
        records = await captures.end()
    assert [each.body for each in records] == [None] * 5 * len(SECRETS)
    assert all(each.sent for each in records)
    assert not [secret for secret in SECRETS if secret in repr(records)]


async def test_bodies_that_are_too_many_at_once_are_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "MOST_BODIES", 9_003)
    arrived: asyncio.Queue[int] = asyncio.Queue()

    async def tells(peer: BackendPeer) -> None:
        await peer.head()
        arrived.put_nowait(len(await peer.reader.readexactly(3_000)))
        await peer.reader.readexactly(1)
        await peer.send(OK)

    async with capturing(tmp_path, tells) as captures:
        begun = request("/read", "Content-Length: 3001", method="POST") + b"x" * 3_000
        async with captures.edge.client() as one, captures.edge.client() as two, captures.edge.client() as three:
            capture = captures.edge.edge.capture
            assert capture is not None
            for client in (one, two, three):
                await client.send(begun)
                await arrived.get()
            assert capture.bodies == 9_000
            async with captures.edge.client() as four:
                assert (await four.ask(begun + b"x")).status == 200
            for client in (one, two, three):
                await client.send(b"x")
                assert (await client.answer()).status == 200
        records = await captures.end()
    assert sorted(each.body is None for each in records) == [False, False, False, True]


async def test_arms_and_limits_are_told_of_plain_exchanges_too(tmp_path: Path) -> None:
    """As many as are made into rows at once, and more."""
    async with capturing(tmp_path) as captures, captures.edge.client() as client:
        for _ in range(40):
            assert (await client.ask(request("/split"))).status == 200
            assert (await client.ask(request("/plain"))).status == 200
        records = await captures.end()
    assert [(each.rule, each.arm, each.backend) for each in records] == [
        ("split", "origin", "origin"),
        ("rest", None, "origin"),
    ] * 40
    assert {(each.status, each.whole, each.digest) for each in records} == {(200, True, HELLO)}
    assert all(each.head_ms is not None and each.head_ms == each.ms for each in records)


async def test_what_takes_too_long_to_look_through_is_dropped_for_a_while_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with capturing(tmp_path) as captures, captures.edge.client() as client:
        assert (await client.ask(request("/page"))).status == 200
        capture = captures.edge.edge.capture
        assert capture is not None
        capture.tend()
        capture._purse.pay(10**10)  # as much as somebody's long URL took
        for target in ("/page", "/other", "/page"):
            assert (await client.ask(request(target))).status == 200
        records = await captures.end()
    assert [each.target for each in records] == ["/page", "/page", "/page"], "what is known costs nothing"
    assert capture.numbers()["dropped"] == 1


async def test_a_capture_that_has_ended_leaves_nothing_with_what_is_known(tmp_path: Path) -> None:
    async with capturing(tmp_path) as captures, captures.edge.client() as client:
        for _ in range(AT_ONCE):
            assert (await client.ask(request("/page"))).status == 200
        kind = captures.edge.edge.planners["http"].repeats[request("/page")].kind
        assert kind is not None
        assert kind.content == b"hello"
        assert len(await captures.end()) == AT_ONCE
        assert (kind.content, kind.kept, set(kind.entries)) == (None, None, {b"{}"})


async def test_what_was_said_of_an_exchange_that_began_before_is_not_told_of_the_next_one(tmp_path: Path) -> None:
    """Its call becomes known, and its body ends, when the capture has begun; it is not captured."""
    content = call_of("search", "six")
    head = request("/RPC2", "Content-Type: text/xml", f"Content-Length: {len(content)}", method="POST")

    async def reads(peer: BackendPeer) -> None:
        while True:
            if b"POST" in await peer.head():
                await peer.reader.readexactly(len(content))
            await peer.send(OK)

    async with capturing(tmp_path, reads) as captures, captures.edge.client() as client:
        edge = captures.edge.edge
        assert (await client.ask(request("/first"))).status == 200
        await edge.end_capture()
        await client.send(head)
        while not edge.running():
            await asyncio.sleep(0)
        edge.begin_capture(Settings("20180416T150001Z", str(captures.directory), 1.0, 1 << 24, 4), lambda: 0.0)
        await client.send(content)
        assert (await client.answer()).status == 200
        assert (await client.ask(request("/kept/next"))).status == 200
        records = await captures.end()
    assert [(each.target, each.sent, each.xmlrpc) for each in records] == [
        ("/first", None, None),
        ("/kept/next", None, None),
    ]


@pytest.mark.parametrize("target", ["/pieces", "/kept/pieces"])
@pytest.mark.parametrize(("under_way", "status"), [("/slow", 200), ("/late", 504)])
async def test_an_answer_that_was_under_way_is_not_told_of_the_next_exchange(
    tmp_path: Path, under_way: str, status: int, target: str
) -> None:
    """It came whole, from the backend or of the edge's own, and is not captured; the next one comes in pieces."""
    go = asyncio.Event()

    async def in_pieces(peer: BackendPeer) -> None:
        while True:
            head = await peer.head()
            if b"/late" in head:
                await peer.reader.read()
                return
            if b"/slow" in head:
                await go.wait()
            if b"pieces" in head:
                await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
                await peer.send(b"0\r\n\r\n")
            else:
                await peer.send(OK)

    async with capturing(tmp_path, in_pieces) as captures, captures.edge.client() as client:
        edge = captures.edge.edge
        assert (await client.ask(request("/first"))).status == 200
        await edge.end_capture()
        await client.send(request(under_way))
        while not edge.running():
            await asyncio.sleep(0)
        edge.begin_capture(Settings("20180416T150001Z", str(captures.directory), 1.0, 1 << 24, 4), lambda: 0.0)
        go.set()
        assert (await client.answer()).status == status
        before = time.time()
        assert (await client.ask(request(target))).body == b"abc"
        records = await captures.end()
    assert [(each.target, each.octets) for each in records] == [("/first", 5), (target, 3)]
    assert records[1].digest == sha256(b"abc").hexdigest()
    assert records[1].ms is not None
    assert records[1].time + records[1].ms / 1_000 >= before
