"""A rule's fallback: who is asked when the first backend fails, what of the request it gets, and what the client sees."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import pytest
from harness import QUICK, Backend, BackendPeer, RunningEdge, Script, always, backend, request, running_edge

from edgeproxy.telemetry.counters import FallbackReason
from loadtests.bench.processes import free_port

RULES = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
hosts:
  app: {{names: [pypi.test]}}
backends:
  modern: {modern}
  legacy: {{url: "http://127.0.0.1:{legacy}", host: legacy.pypi.test}}
rules:
  - name: simple
    match: {{path: "/simple/{{project}}/"}}
    forward: {{backend: modern}}
    fallback: {{to: legacy, on: [{on}]}}
    {more}
  - {{name: rest, match: {{path: "/{{rest*}}"}}, forward: {{backend: modern}}}}
"""
MODERN = '{{url: "http://127.0.0.1:{port}", timeouts: {{head: {patience}, between: {patience}}}}}'
SHORT, LONG = "300ms", "20s"  # the latter for backends that are not to be too late
EVERYTHING = "connect, tls, timeout, reset, 5xx, 404"


def ok(text: str, lines: str = "") -> bytes:
    return f"HTTP/1.1 200 OK\r\n{lines}Content-Length: {len(text)}\r\n\r\n{text}".encode()


def status(number: int, text: str = "") -> bytes:
    return f"HTTP/1.1 {number} It\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()


@dataclass
class Site:
    edge: RunningEdge
    modern: Backend
    legacy: Backend

    def falls(self, reason: FallbackReason) -> int:
        return self.edge.edge.counters.fallbacks["simple", reason]


@asynccontextmanager
async def site(
    modern: Script, *, legacy: Script | None = None, on: str = EVERYTHING, more: str = "", patience: str = ""
) -> AsyncIterator[Site]:
    """`patience`: with the new one; "": enough, if it answers at all."""
    patience = patience or (SHORT if modern is silent else LONG)
    async with backend(modern) as first, backend(legacy or always(ok("legacy"))) as second:
        rules = RULES.format(
            modern=MODERN.format(port=first.port, patience=patience), legacy=second.port, on=on, more=more
        )
        async with running_edge(rules) as edge:
            yield Site(edge, first, second)


async def silent(peer: BackendPeer) -> None:
    await peer.head()
    await peer.reader.read()


async def resets(peer: BackendPeer) -> None:
    await peer.head()
    peer.reset()


async def breaks_off_in_its_head(peer: BackendPeer) -> None:
    await peer.head()
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-")


TROUBLES = {
    "it is silent": (silent, FallbackReason.TIMEOUT),
    "it resets": (resets, FallbackReason.RESET),
    "it breaks off in its head": (breaks_off_in_its_head, FallbackReason.RESET),
    "it has no page": (always(status(404, "no such page")), FallbackReason.STATUS),
    "it is broken": (always(status(500, "a traceback")), FallbackReason.STATUS),
    "it is overloaded": (always(status(503)), FallbackReason.STATUS),
}


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("cache", ["", "cache: {fresh: 1h, stale_if_error: 0s}"], ids=["passed", "cached"])
async def test_the_client_gets_what_the_other_backend_says(trouble: str, cache: str) -> None:
    script, reason = TROUBLES[trouble]
    async with site(script, more=cache) as its, its.edge.client() as client:
        answer = await client.ask(request("/simple/flask/", "Accept: text/html"))
        assert (answer.status, answer.body) == (200, b"legacy")
        assert (await client.ask(request("/simple/flask/"))).body == b"legacy"  # the connection goes on
        assert its.falls(reason) == 2
        head = its.legacy.seen[0].decode()
        assert head.startswith("GET /simple/flask/ HTTP/1.1\r\nHost: legacy.pypi.test\r\n")
        assert "Accept: text/html" in head


async def test_a_backend_that_is_not_there() -> None:
    async with backend(always(ok("legacy"))) as legacy:
        rules = RULES.format(
            modern=MODERN.format(port=free_port(), patience=LONG), legacy=legacy.port, on="connect", more=""
        )
        async with running_edge(rules) as edge:
            assert (await edge.ask(request("/simple/flask/"))).body == b"legacy"
            assert (await edge.ask(request("/simple/flask/", method="HEAD"))).status == 200
            assert (await edge.ask(request("/other"))).status == 502
            assert edge.edge.counters.fallbacks == {("simple", FallbackReason.CONNECT): 2}


@pytest.mark.parametrize(
    ("script", "on", "expected"),
    [
        (silent, "connect, reset, 5xx", 504),
        (resets, "connect, timeout, 5xx", 502),
        (always(status(404)), "5xx, 410", 404),
        (always(status(503)), "404, 500", 503),
    ],
)
async def test_what_the_rule_does_not_name_is_the_clients_to_see(script: Script, on: str, expected: int) -> None:
    async with site(script, on=on) as its:
        assert (await its.edge.ask(request("/simple/flask/"))).status == expected
        assert its.legacy.connections == 0


async def test_what_it_answers_well_is_nobody_elses() -> None:
    async with site(always(ok("modern"))) as its:
        assert (await its.edge.ask(request("/simple/flask/"))).body == b"modern"
        assert its.legacy.connections == 0


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_an_unsafe_request_is_never_asked_of_another(method: str) -> None:
    async with site(always(status(500))) as its:
        asked = request("/simple/flask/", "Content-Length: 5", method=method) + b"12345"
        assert (await its.edge.ask(asked)).status == 500
        assert its.legacy.connections == 0


@pytest.mark.parametrize("cache", ["", "cache: {fresh: 1h, key: [body]}"], ids=["passed", "cached"])
async def test_a_body_that_only_reads_goes_along_whole(cache: str) -> None:
    bodies = []

    async def legacy(peer: BackendPeer) -> None:
        await peer.head()
        bodies.append(await peer.reader.readexactly(20_000))
        await peer.send(ok("legacy"))

    async def modern(peer: BackendPeer) -> None:
        await peer.head()
        await peer.reader.readexactly(20_000)
        await peer.send(status(503))

    async with site(modern, legacy=legacy, more=f"safety: safe\n    {cache}") as its, its.edge.client() as client:
        await client.send(request("/simple/flask/", "Content-Length: 20000", method="POST"))
        for number in range(20):
            await client.send(b"%1000d" % number)
        assert (await client.answer()).body == b"legacy"
    assert bodies == [b"".join(b"%1000d" % number for number in range(20))]


async def test_a_body_that_still_comes_goes_on_to_the_other() -> None:
    """The first backend answers before it has all of it."""

    async def modern(peer: BackendPeer) -> None:
        await peer.head()
        await peer.reader.readexactly(5)
        await peer.send(status(503))

    async def legacy(peer: BackendPeer) -> None:
        await peer.head()
        has_begun.set()
        await peer.send(ok((await peer.reader.readexactly(10)).decode()))

    has_begun = asyncio.Event()
    async with site(modern, legacy=legacy, more="safety: safe") as its, its.edge.client() as client:
        await client.send(request("/simple/flask/", "Content-Length: 10", method="POST") + b"12345")
        await has_begun.wait()
        await client.send(b"67890")
        assert (await client.answer()).body == b"1234567890"


async def test_a_body_that_is_too_long_to_hold_is_the_first_ones_alone() -> None:
    async def modern(peer: BackendPeer) -> None:
        await peer.head()
        await peer.reader.readexactly(200_000)
        await peer.send(status(503))

    async with site(modern, more="safety: safe") as its:
        asked = request("/simple/flask/", "Content-Length: 200000", method="POST") + bytes(200_000)
        assert (await its.edge.ask(asked)).status == 503
        assert its.legacy.connections == 0


async def test_an_answer_that_breaks_off_in_its_body_is_broken() -> None:
    async def modern(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123")

    async with site(modern) as its:
        answer = await its.edge.ask(request("/simple/flask/"))
        assert (answer.body, answer.is_whole) == (b"123", False)
        assert its.legacy.connections == 0


async def test_the_error_of_the_other_backend_is_told_as_its_own() -> None:
    async with site(always(status(404, "not here")), legacy=always(status(410, "gone"))) as its:
        answer = await its.edge.ask(request("/simple/flask/"))
        assert (answer.status, answer.body) == (410, b"gone")  # also one that would be met by a fallback
    async with site(always(status(404, "not here")), legacy=resets) as its:
        answer = await its.edge.ask(request("/simple/flask/"))
        assert answer.status == 502
        assert b"legacy" in answer.body


async def test_the_rest_of_an_answer_that_is_not_given_is_not_waited_for() -> None:
    async def modern(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 1000000\r\n\r\nno")
        await peer.reader.read()

    async with site(modern) as its:
        assert (await its.edge.ask(request("/simple/flask/"))).body == b"legacy"
        await its.modern.gone.wait()


async def test_what_the_other_backend_answers_is_kept_as_its_own() -> None:
    """And it does not stand in for the first one, once that answers again."""
    answers = [status(503), status(503), ok("modern")]

    async def modern(peer: BackendPeer) -> None:
        while True:
            await peer.head()
            await peer.send(answers.pop(0))

    async with site(modern, more="cache: {fresh: 1h}") as its, its.edge.client() as client:
        got = [await client.ask(request("/simple/flask/")) for _ in range(4)]
        assert [answer.body for answer in got] == [b"legacy", b"legacy", b"modern", b"modern"]
        assert len(its.legacy.seen) == 1
        assert "hit" in (got[1].field("Cache-Status") or "")
        assert len(its.modern.seen) == 3


async def test_that_there_is_no_page_is_remembered_as_its_rule_says() -> None:
    """The first backend is not asked again so soon, and the client never sees what is remembered."""
    async with site(always(status(404)), more="cache: {fresh: 1h, negative: 1h}") as its, its.edge.client() as client:
        got = [await client.ask(request("/simple/flask/")) for _ in range(4)]
        assert {answer.body for answer in got} == {b"legacy"}
        assert (len(its.modern.seen), len(its.legacy.seen)) == (1, 1)
        assert its.falls(FallbackReason.STATUS) == 4


async def test_all_who_wait_for_one_fetch_fall_back_together() -> None:
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def modern(peer: BackendPeer) -> None:
        await peer.head()
        asked.set()
        await may_answer.wait()
        await peer.send(status(404))

    async with site(modern, more="cache: {fresh: 1h}") as its:
        asking = [asyncio.ensure_future(its.edge.ask(request("/simple/flask/"))) for _ in range(5)]
        await asked.wait()
        while its.edge.edge.counters.requests < 5:
            await asyncio.sleep(0)
        may_answer.set()
        assert {answer.body for answer in await asyncio.gather(*asking)} == {b"legacy"}
        assert (len(its.modern.seen), len(its.legacy.seen)) == (1, 1)


async def test_a_stale_copy_comes_first_where_the_rule_lets_it_stand_in() -> None:
    for second, expected in ((status(503), b"modern"), (status(404), b"legacy")):  # that there is no page is no failure
        answers = [ok("modern", "Cache-Control: max-age=0\r\n"), second]

        async def modern(peer: BackendPeer, answers: list[bytes] = answers) -> None:
            while True:
                await peer.head()
                await peer.send(answers.pop(0))

        cache = "cache: {stale_while_revalidate: 0s, stale_if_error: 1d, negative: 0s}"
        async with site(modern, more=cache) as its, its.edge.client() as client:
            assert (await client.ask(request("/simple/flask/"))).body == b"modern"
            assert (await client.ask(request("/simple/flask/"))).body == expected


async def test_a_redirect_that_leads_back_is_met_whatever_the_rule_names() -> None:
    looping = b"HTTP/1.1 301 Moved\r\nLocation: http://pypi.test/simple/flask/\r\nContent-Length: 0\r\n\r\n"
    async with site(always(looping), on="410") as its:
        assert (await its.edge.ask(request("/simple/flask/"))).body == b"legacy"
        assert its.falls(FallbackReason.LOOP) == 1
    async with site(always(looping), legacy=always(looping), on="410") as its:
        assert (await its.edge.ask(request("/simple/flask/"))).status == 508


@pytest.mark.parametrize("cache", ["", "cache: {fresh: 1h}"], ids=["passed", "cached"])
async def test_the_rules_time_is_for_both_together(cache: str) -> None:
    limits = f"limits: {{time: 1s}}\n    {cache}"
    async with site(silent, legacy=silent, more=limits, patience="700ms") as its:
        began = asyncio.get_running_loop().time()
        assert (await its.edge.ask(request("/simple/flask/"))).status == 504
        assert asyncio.get_running_loop().time() - began < 1.6  # 700 ms of the first one's head, 300 ms are left


async def test_a_file_that_is_not_what_its_path_asks_for_is_asked_of_the_other() -> None:
    right = sha256(b"right").hexdigest()
    cache = 'cache: {fresh: 1h, verify: {sha256: "{project}"}}'
    async with site(always(ok("wrong")), legacy=always(ok("right")), more=cache) as its:
        assert (await its.edge.ask(request(f"/simple/{right}/"))).body == b"right"
        assert its.falls(FallbackReason.STATUS) == 1


async def test_a_directory_is_not_asked_for_what_it_has_no_answer_to(tmp_path: Path) -> None:
    """A call that only reads gets the error that it had, not that files cannot be posted to."""
    async with backend(always(status(503, "down"))) as modern:
        rules = RULES.format(
            modern=MODERN.format(port=modern.port, patience=LONG), legacy=1, on="5xx", more="safety: safe"
        )
        rules = rules.replace('{url: "http://127.0.0.1:1", host: legacy.pypi.test}', "{directory: .}")
        async with running_edge(rules, base=tmp_path) as edge:
            asked = request("/simple/flask/", "Content-Length: 0", method="POST")
            assert (await edge.ask(asked)).status == 503
            assert (await edge.ask(request("/simple/flask/"))).status == 404


async def test_a_directory_falls_back_for_files_that_it_has_not(tmp_path: Path) -> None:
    (tmp_path / "simple" / "flask").mkdir(parents=True)
    (tmp_path / "simple" / "flask" / "index.html").write_text("here")
    async with backend(always(ok("legacy"))) as legacy:
        for cache in ("", "cache: {fresh: 1h}"):
            rules = RULES.format(modern="{directory: .}", legacy=legacy.port, on="404", more=cache)
            async with running_edge(rules, base=tmp_path) as edge:
                assert (await edge.ask(request("/simple/django/"))).body == b"legacy"
                assert edge.edge.counters.fallbacks == {("simple", FallbackReason.STATUS): 1}
        rules = RULES.format(modern="{directory: .}", legacy=legacy.port, on="5xx", more="")
        async with running_edge(rules, base=tmp_path) as edge:
            assert (await edge.ask(request("/simple/django/"))).status == 404


async def test_a_client_that_leaves_takes_both_along() -> None:
    async with site(silent, legacy=silent) as its, its.edge.client() as client:
        await client.send(request("/simple/flask/"))
        async with asyncio.timeout(10):
            while not its.legacy.seen:
                await asyncio.sleep(0.01)
        await client.close()
        await its.legacy.gone.wait()


async def test_quick_limits_hold_for_a_fallback_too() -> None:
    async with backend(always(status(404))) as modern, backend(silent) as legacy:
        rules = RULES.format(
            modern=MODERN.format(port=modern.port, patience=LONG), legacy=legacy.port, on="404", more=""
        )
        rules = rules.replace("host: legacy.pypi.test", "timeouts: {head: 200ms}")
        async with running_edge(rules, limits=replace(QUICK)) as edge:
            assert (await edge.ask(request("/simple/flask/"))).status == 504


@pytest.mark.parametrize("cache", ["", "cache: {fresh: 1h, key: [body]}"], ids=["passed", "past the cache"])
async def test_a_backend_that_takes_no_more_is_known_before_the_body_is_read(cache: str) -> None:
    """The fallback begins as the request does, gets all of the body, and a request behind it is the next one's."""
    bodies = []

    async def legacy(peer: BackendPeer) -> None:
        while True:
            await peer.head()
            bodies.append(await peer.reader.readexactly(20))
            await peer.send(ok("legacy"))

    modern = '{{url: "http://127.0.0.1:{port}", timeouts: {{connect: 10s, head: 10s}}, limits: {{connections: 1, pending: 1}}}}'
    async with backend(silent) as first, backend(legacy) as second:
        more = f"safety: safe\n    {cache}"
        rules = RULES.format(modern=modern.format(port=first.port), legacy=second.port, on="connect", more=more)
        async with running_edge(rules) as edge, edge.client() as one, edge.client() as two, edge.client() as client:
            for each in (one, two):  # one is asked, one waits
                await each.send(request("/other"))
            while edge.edge.counters.numbers()["pools/modern"]["waiting"] < 1:  # type: ignore[index, operator]
                await asyncio.sleep(0)
            asked = request("/simple/flask/", "Content-Length: 20", "If-Match: x", method="POST")
            await client.send(asked + b"12345678901234567890" + asked + b"1234567890")
            assert (await client.answer()).body == b"legacy"
            await client.send(b"abcdefghij")
            assert (await client.answer()).body == b"legacy"
    assert bodies == [b"12345678901234567890", b"1234567890abcdefghij"]
