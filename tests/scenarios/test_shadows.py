"""What a shadow is: whose requests have one, what the other backend is asked, and what is handed on to be compared."""

from __future__ import annotations

import asyncio
from hashlib import sha256

import pytest
from harness import BackendPeer, Script, always, request
from shadow_site import CACHED, answer, shadowed

from edgeproxy.migration.specimen import Part
from edgeproxy.telemetry.counters import Drop

WHOLE_OLD = Part(200, b"Content-Length: 3\r\n", b"old")
WHOLE_NEW = Part(200, b"Content-Length: 3\r\n", b"new")
PIP = ("User-Agent: pip/26.3", "Accept: application/vnd.pypi.simple.v1+json", "Accept-Encoding: gzip")


def asked_as_shadow(seen: list[bytes]) -> list[bytes]:
    return [head for head in seen if b"\r\nEdge-Shadow: 1\r\n" in head]


async def in_pieces(peer: BackendPeer) -> None:
    while True:
        await peer.head()
        await peer.send(b"HTTP/1.1 200 It\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nol\r\n")
        await asyncio.sleep(0)
        await peer.send(b"1\r\nd\r\n0\r\n\r\n")


# -- what is asked, and what comes of it ----------------------------------------------------------------------------


@pytest.mark.parametrize("more", ["", CACHED], ids=["passed", "cached"])
async def test_a_request_is_asked_of_the_other_backend_too_and_both_answers_are_handed_on(more: str) -> None:
    async with shadowed(more=more) as site:
        site.running.edge.move({}, 7)
        before = site.running.edge.clock.wall()
        got = await site.running.ask(request("/simple/six/?a=1", *PIP))
        assert (got.status, got.body) == (200, b"old")
        specimen = await site.handed_on()
        assert (specimen.old, specimen.new, specimen.again) == (WHOLE_OLD, WHOLE_NEW, WHOLE_OLD)
        assert (specimen.rule, specimen.number, specimen.generation) == ("pages", 7, 1)
        assert (specimen.method, specimen.host, specimen.asked) == ("GET", "pypi.test", "/simple/six/?a=1")
        assert before <= specimen.at <= site.running.edge.clock.wall()
        (head,) = site.new.seen
        assert head.startswith(b"GET /simple/six/?a=1 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % site.new.port)
        assert head.partition(b"\r\n")[2].partition(b"\r\n")[2] == specimen.lines + b"\r\n"
        assert b"User-Agent: pip/26.3\r\n" in specimen.lines
        assert b"X-Forwarded-For: 127.0.0.1\r\n" in specimen.lines
        assert b"Edge-Shadow: 1\r\n" in specimen.lines
        assert site.counters.shadows == site.counters.shadows_delivered == {"pages": 1}
        assert not site.drops()


@pytest.mark.parametrize("more", ["", CACHED], ids=["passed", "cached"])
async def test_an_answer_in_pieces_is_held_whole(more: str) -> None:
    async with shadowed(in_pieces, more=more) as site:
        assert (await site.running.ask(request("/simple/six/"))).body == b"old"
        assert (await site.handed_on()).old == Part(200, b"", b"old")


@pytest.mark.parametrize("more", ["", CACHED], ids=["passed", "cached"])
async def test_a_head_has_a_shadow_without_content(more: str) -> None:
    head = always(b"HTTP/1.1 200 It\r\nContent-Length: 3\r\n\r\n")
    async with shadowed(head, head, more=more) as site:
        assert (await site.running.ask(request("/simple/six/", method="HEAD"))).status == 200
        specimen = await site.handed_on()
        assert (specimen.method, specimen.old, specimen.new) == (
            "HEAD",
            Part(200, b"Content-Length: 3\r\n"),
            specimen.old,
        )


@pytest.mark.parametrize("framing", ["Content-Length: 20000", "Transfer-Encoding: chunked", "Content-Length: 0"])
@pytest.mark.parametrize("more", ["", f"{CACHED[:-1]}, key: [body]}}"], ids=["passed", "cached"])
async def test_the_body_of_a_post_that_only_reads_goes_along(framing: str, more: str) -> None:
    bodies: list[bytes] = []

    async def reads(peer: BackendPeer) -> None:
        while True:
            head = await peer.head()
            if b"chunked" in head:
                await peer.reader.readuntil(b"0\r\n\r\n")
            else:
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                bodies.append(await peer.reader.readexactly(length))
            await peer.send(answer("old"))

    content = b"" if framing.endswith(" 0") else bytes(range(250)) * 80
    sent = b"4e20\r\n" + content + b"\r\n0\r\n\r\n" if "chunked" in framing else content
    async with shadowed(reads, reads, more=f"safety: safe\n    {more}") as site:
        got = await site.running.ask(request("/simple/", "Content-Type: text/xml", framing, method="POST") + sent)
        assert got.body == b"old"
        assert (await site.handed_on()).method == "POST"
        assert set(bodies) == {content}
        assert b"Content-Length: %d\r\n" % len(content) in site.new.seen[0]
        assert b"chunked" not in site.new.seen[0]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_what_may_write_has_no_shadow(method: str) -> None:
    async with shadowed() as site:
        asked = request("/simple/six/", "Content-Length: 0", method=method)
        assert (await site.running.ask(asked)).body == b"old"
        assert await site.is_quiet()
        assert site.new.connections == 0


@pytest.mark.parametrize("more", ["", CACHED], ids=["passed", "cached"])
async def test_a_shadow_asks_for_the_whole_whatever_its_client_has(more: str) -> None:
    has = (
        'If-None-Match: "1"',
        "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT",
        'If-Range: "1"',
        "Range: bytes=0-1",
    )
    more_lines = ("TE: trailers", "Connection: TE", "X-HTTP-Method-Override: DELETE", "Edge-Shadow: 0")
    async with shadowed(more=more) as site:
        await site.running.ask(request("/simple/six/", *has, *more_lines))
        names = {line.partition(b":")[0].lower() for line in (await site.handed_on()).lines.splitlines()}
        assert names == {
            *(b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"forwarded", b"via"),
            *(b"cdn-loop", b"edge-shadow"),
        }


async def test_a_rule_rewrites_for_a_shadow_as_for_its_own_backend() -> None:
    more = 'rewrite: {path: "/v2/{rest}", host: both.pypi.test, headers: {X-Edge: "1"}}\n    query: drop'
    async with shadowed(more=more) as site:
        await site.running.ask(request("/simple/six/?a=1"))
        specimen = await site.handed_on()
        assert specimen.asked == "/simple/six/?a=1"
        assert site.new.seen[0].startswith(b"GET /v2/simple/six/ HTTP/1.1\r\nHost: both.pypi.test\r\n")
        assert b"X-Edge: 1\r\n" in specimen.lines


# -- credentials ----------------------------------------------------------------------------------------------------


SECRETS = {
    "a password": "Authorization: Basic c2VjcmV0",
    "a session": "Cookie: session=secret",
    "a key of somebody's own": "X-Api-Key: secret",
    "a token of the backend": "Backend-Token: secret",
}


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("more", ["", CACHED], ids=["passed", "cached"])
async def test_who_has_a_credential_is_not_shadowed(secret: str, more: str) -> None:
    async with shadowed(more=more) as site:
        assert (await site.running.ask(request("/simple/six/", SECRETS[secret]))).body == b"old"
        assert await site.is_quiet()
        assert site.drops() == {Drop.CREDENTIALS: 1}
        assert site.new.connections == 0


async def test_a_secret_in_the_query_or_of_the_rule_is_not_shadowed_either() -> None:
    async with shadowed(more='rewrite: {headers: {X-Plain: "1"}}') as site:
        await site.running.ask(request("/simple/six/?token=secret"))
        assert site.drops() == {Drop.CREDENTIALS: 1}
    async with shadowed(more='rewrite: {headers: {Authorization: "Bearer secret"}}') as site:
        await site.running.ask(request("/simple/six/"))
        assert site.drops() == {Drop.CREDENTIALS: 1}
        assert site.new.connections == 0


@pytest.mark.parametrize("more", ["", CACHED], ids=["passed", "cached"])
async def test_a_content_host_asks_without_credentials_anyway(more: str) -> None:
    async with shadowed(more=more) as site:
        asked = request(
            "/simple/six/", "Authorization: Basic c2VjcmV0", "Cookie: a=secret", host="files.pypihosted.test"
        )
        await site.running.ask(asked)
        specimen = await site.handed_on()
        everything = b"".join([*site.new.seen, *site.old.seen, specimen.lines]).lower()
        assert b"authorization" not in everything
        assert b"cookie" not in everything


async def test_a_rule_that_takes_a_credential_away_asks_for_everybody() -> None:
    async with shadowed(more="rewrite: {headers: {Cookie: {remove: true}}}") as site:
        await site.running.ask(request("/simple/six/", "Cookie: a=secret"))
        assert (await site.handed_on()).old == WHOLE_OLD
        assert b"secret" not in site.new.seen[0]


# -- whose turn it is -----------------------------------------------------------------------------------------------


async def test_the_dice_say_which_share_is_shadowed() -> None:
    throws = [0.0, 0.04999, 0.05, 0.5, 0.99999]
    async with (
        shadowed(percent="5", dice=lambda: throws.pop(0) if throws else 0.5) as site,
        site.running.client() as client,
    ):
        for number in range(5):
            await client.ask(request(f"/{number}"))
            if number < 2:
                assert (await site.handed_on()).asked == f"/{number}"
        assert await site.is_quiet()
        assert len(site.new.seen) == 2


async def test_who_is_on_the_new_arm_has_no_shadow() -> None:
    async with shadowed(forward="{cutover: reads}") as site, site.running.client() as client:
        for number in range(40):
            site.running.edge.move({"reads": 50_000}, 3)
            got = await client.ask(request("/page", f"User-Agent: {number}"))
            if got.body == b"old":
                specimen = await site.handed_on()
                assert (specimen.old, specimen.new, specimen.number) == (WHOLE_OLD, WHOLE_NEW, 3)
        assert 0 < site.counters.shadows["pages"] < 40
        assert await site.is_quiet()
        assert len(asked_as_shadow(site.new.seen)) == site.counters.shadows["pages"]


async def test_without_somebody_who_compares_there_are_no_shadows() -> None:
    async with shadowed() as site:
        site.running.edge.deliver = None
        await site.running.ask(request("/simple/six/"))
        assert await site.is_quiet()
        assert (site.new.connections, site.drops()) == (0, {})
    async with shadowed(takes=lambda _: False) as site:
        await site.running.ask(request("/simple/six/"))
        assert await site.is_quiet()
        assert (len(site.new.seen), site.drops()) == (1, {Drop.COMPARER_BUSY: 1})
        assert not site.counters.shadows_delivered


# -- what a cache asks ----------------------------------------------------------------------------------------------


async def test_a_hit_and_who_waits_for_anothers_fetch_cause_none() -> None:
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def slow(peer: BackendPeer) -> None:
        while True:
            await peer.head()
            asked.set()
            await may_answer.wait()
            await peer.send(answer("old"))

    async with shadowed(slow, more=CACHED) as site:
        waiting = [asyncio.ensure_future(site.running.ask(request("/simple/six/"))) for _ in range(5)]
        await asked.wait()
        while len(site.running.edge.keeper.fills) != 1 or site.counters.requests < 5:  # type: ignore[union-attr]
            await asyncio.sleep(0)
        may_answer.set()
        assert {each.body for each in await asyncio.gather(*waiting)} == {b"old"}
        assert (await site.running.ask(request("/simple/six/"))).body == b"old"
        await site.handed_on()
        assert await site.is_quiet()
        assert len(site.new.seen) == 1


@pytest.mark.parametrize(
    "old", [always(answer("old", "Cache-Control: private")), in_pieces], ids=["whole", "in pieces"]
)
async def test_an_answer_that_is_not_kept_is_compared_all_the_same(old: Script) -> None:
    async with shadowed(old, more='cache: {fresh: 1h}\n    rewrite: {answer_headers: {X: "1"}}') as site:
        got = await site.running.ask(request("/simple/six/", "Cache-Control: no-store"))
        assert got.body == b"old"
        assert (await site.handed_on()).old.content == b"old"
        assert await site.is_quiet()


async def test_an_answer_in_pieces_for_one_client_only_is_heard_to_its_end() -> None:
    async def private(peer: BackendPeer) -> None:
        while True:
            await peer.head()
            await peer.send(b"HTTP/1.1 200 It\r\nSet-Cookie: a=b\r\nTransfer-Encoding: chunked\r\n\r\n")
            await asyncio.sleep(0)
            await peer.send(b"3\r\nold\r\n0\r\n\r\n")

    async with shadowed(private, more=CACHED) as site:
        got = await site.running.ask(request("/simple/six/"))
        assert got.body == b"old"
        assert (await site.handed_on()).old == Part(200, b"Set-Cookie: a=b\r\n", b"old")
        assert "hit" not in (got.field("Cache-Status") or "")


async def validated(peer: BackendPeer) -> None:
    while True:
        head = await peer.head()
        is_known = b'If-None-Match: "1"\r\n' in head
        await peer.send(answer("" if is_known else "old", 'ETag: "1"', status=304 if is_known else 200))


@pytest.mark.parametrize(
    "more", ['cache: {fresh: "0s"}', 'cache: {fresh: "0s", stale_while_revalidate: 1h}'], ids=["waited for", "behind"]
)
async def test_when_a_copy_is_asked_for_anew_the_old_side_is_asked_for_the_whole(more: str) -> None:
    async with shadowed(validated, more=more) as site:
        await site.running.ask(request("/simple/six/"))
        first = await site.handed_on()
        assert (await site.running.ask(request("/simple/six/"))).body == b"old"
        second = await site.handed_on()
        assert (first.old.content, second.old) == (b"old", first.old)
        assert len(asked_as_shadow(site.old.seen)) == 3  # twice for the noise, once for the whole


async def test_what_a_head_renews_is_asked_by_get_as_its_shadow_is() -> None:
    async with shadowed(validated, more='cache: {fresh: "0s", stale_while_revalidate: 1h}') as site:
        await site.running.ask(request("/simple/six/"))
        await site.handed_on()
        assert (await site.running.ask(request("/simple/six/", method="HEAD"))).status == 200
        specimen = await site.handed_on()
        assert (specimen.method, specimen.new) == ("GET", WHOLE_NEW)


# -- answers that cannot be compared as they passed -----------------------------------------------------------------


async def test_an_answer_to_a_condition_or_a_range_is_asked_for_again() -> None:
    async def old(peer: BackendPeer) -> None:
        while True:
            head = await peer.head()
            if b"Range:" in head:
                await peer.send(answer("ol", "Content-Range: bytes 0-1/3", status=206))
            elif b"If-None-Match:" in head:
                await peer.send(answer(status=304))
            else:
                await peer.send(answer("old"))

    async with shadowed(old) as site, site.running.client() as client:
        for line, status in (("Range: bytes=0-1", 206), ('If-None-Match: "1"', 304)):
            assert (await client.ask(request("/simple/six/", line))).status == status
            specimen = await site.handed_on()
            assert (specimen.old, specimen.new, specimen.again) == (WHOLE_OLD, WHOLE_NEW, WHOLE_OLD)


async def test_the_old_sides_noise_is_asked_for_at_first_each_time_and_then_by_dice() -> None:
    throws = [0.9] * 5 + [0.01]
    async with shadowed(dice=lambda: throws.pop(0)) as site, site.running.client() as client:
        pairs = []
        for number in range(26):
            await client.ask(request(f"/{number}"))
            pairs.append((await site.handed_on()).again)
        assert pairs == [WHOLE_OLD] * 20 + [None] * 5 + [WHOLE_OLD]


async def test_a_file_is_hashed_and_not_held() -> None:
    content = "x" * 300_000
    async with shadowed(always(answer(content)), always(answer("y")), compare="file") as site:
        assert (await site.running.ask(request("/file"))).body == content.encode()
        specimen = await site.handed_on()
        digest = sha256(content.encode()).hexdigest()
        assert specimen.old == Part(200, b"Content-Length: 300000\r\n", digest=digest, size=300_000)
        assert isinstance(specimen.new, Part)
        assert (specimen.new.digest, specimen.new.size) == (sha256(b"y").hexdigest(), 1)
        head = await site.running.ask(request("/file", method="HEAD"))
        assert head.status == 200


async def test_what_a_file_says_of_its_size_is_compared_where_there_is_no_content() -> None:
    head = always(b"HTTP/1.1 200 It\r\nContent-Length: 3\r\n\r\n")
    async with shadowed(head, head, compare="file") as site:
        await site.running.ask(request("/file", method="HEAD"))
        assert (await site.handed_on()).old == Part(200, b"Content-Length: 3\r\n")


async def test_coded_content_of_a_file_is_held_so_that_it_can_be_decoded() -> None:
    async with shadowed(always(answer("old", "Content-Encoding: gzip")), compare="file") as site:
        await site.running.ask(request("/file"))
        specimen = await site.handed_on()
        assert (specimen.old.content, specimen.old.digest) == (b"old", "")


# -- old answers that nothing is held to ----------------------------------------------------------------------------


async def breaking_off(peer: BackendPeer) -> None:
    await peer.head()
    await peer.send(b"HTTP/1.1 200 It\r\nContent-Length: 100\r\n\r\nonly this")


async def leaving(peer: BackendPeer) -> None:
    await peer.head()


LARGE = always(answer("x" * (5 << 20)))


@pytest.mark.parametrize("more", ["", CACHED], ids=["passed", "cached"])
@pytest.mark.parametrize(
    ("old", "why"),
    [
        pytest.param(always(answer("old", status=500)), Drop.OLD_FAILED, id="an error"),
        pytest.param(breaking_off, Drop.OLD_FAILED, id="it breaks off"),
        pytest.param(leaving, Drop.OLD_FAILED, id="no answer"),
        pytest.param(always(answer("", "Location: http://pypi.test/page", status=302)), Drop.OLD_FAILED, id="a loop"),
        pytest.param(LARGE, Drop.TOO_LARGE, id="large"),
    ],
)
async def test_such_an_answer_is_dropped(old: Script, why: Drop, more: str) -> None:
    async with shadowed(old, more=more) as site:
        try:
            await site.running.ask(request("/page"))
        except asyncio.IncompleteReadError:
            assert old is breaking_off
        assert await site.is_quiet()
        assert site.drops() == {why: 1}
        assert site.new.connections == 0
        assert site.held == 0


async def test_an_answer_in_pieces_that_grows_too_large_is_dropped_and_reaches_its_client() -> None:
    async def old(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 200 It\r\n\r\n")
        for _ in range(80):
            await peer.send(bytes(65_536))

    async with shadowed(old) as site:
        assert len((await site.running.ask(request("/page"))).body) == 80 * 65_536
        assert (site.drops(), site.held) == ({Drop.TOO_LARGE: 1}, 0)


@pytest.mark.parametrize("more", ["", CACHED], ids=["passed", "cached"])
async def test_what_a_fallback_answers_is_no_answer_of_the_old_side(more: str) -> None:
    fallback = f"fallback: {{to: spare, on: [5xx, connect]}}\n    {more}"

    async def old(peer: BackendPeer) -> None:
        while True:
            is_spare = b"Host: spare.pypi.test" in await peer.head()
            await peer.send(answer("spare") if is_spare else answer("old", status=503))

    async with shadowed(old, more=fallback) as site:
        assert (await site.running.ask(request("/page"))).body == b"spare"
        assert await site.is_quiet()
        assert site.drops() == {Drop.OLD_FAILED: 1}


async def test_a_body_that_is_too_long_is_not_shadowed() -> None:
    async def reads(peer: BackendPeer) -> None:
        await peer.head()
        await peer.reader.readexactly(70_000)
        await peer.send(answer("old"))

    async with shadowed(reads) as site:
        got = await site.running.ask(request("/pypi", "Content-Length: 70000", method="POST") + bytes(70_000))
        assert (got.body, site.drops("calls")) == (b"old", {Drop.TOO_LARGE: 1})


async def test_an_old_side_that_answers_before_it_has_the_body_is_not_compared() -> None:
    async def early(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(answer("old"))
        await peer.reader.read()

    async with shadowed(early) as site, site.running.client() as client:
        await client.send(request("/pypi", "Content-Length: 10", method="POST") + b"12345")
        assert (await client.answer()).body == b"old"
        assert site.drops("calls") == {Drop.EARLY: 1}


@pytest.mark.parametrize("more", ["", CACHED], ids=["passed", "cached"])
async def test_a_client_that_leaves_takes_what_was_heard_with_it(more: str) -> None:
    has_begun, may_go_on = asyncio.Event(), asyncio.Event()

    async def old(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 200 It\r\nCache-Control: no-store\r\nContent-Length: 6\r\n\r\nold")
        has_begun.set()
        await may_go_on.wait()
        await peer.send(b"old")

    async with shadowed(old, more=more) as site:
        async with site.running.client() as client:
            await client.send(request("/page"))
            assert (await client.head()).status == 200
            await has_begun.wait()
        while not site.drops():
            await asyncio.sleep(0)
        may_go_on.set()
        assert (site.drops(), site.held) == ({Drop.CLIENT_GONE: 1}, 0)
