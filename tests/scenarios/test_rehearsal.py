"""A whole rehearsal over backends that do what a test says: what they are asked, and within which bounds."""

from __future__ import annotations

import json
from pathlib import Path
from xmlrpc.client import Fault, dumps

from harness import BackendPeer, Script, always, backend

from edgeproxy.cli.rehearsing.captured import captured, read_lines
from edgeproxy.cli.rehearsing.rehearsal import Given, Rehearsed, rehearse
from edgeproxy.cli.rehearsing.report import as_text
from edgeproxy.cli.rehearsing.walk import Answered, Failed, Undecided
from edgeproxy.cli.rehearsing.wire import Bounds
from edgeproxy.migration.comparing.outcomes import Result
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.probing.witnesses import Known
from edgeproxy.ruleset.problems import Code
from edgeproxy.telemetry.counters import BackendFailure

RULES = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
hosts: {{app: {{names: [pypi.test]}}, content: {{names: [files.pypihosted.test], kind: content}}}}
backends: {{origin: {{url: "http://127.0.0.1:{port}", host: origin.test}}}}
rules:
{rules}
"""
ALL = '{{name: all, match: {{host: app, path: "/{{rest*}}"{more}}}, forward: {{backend: origin}}}}'
USUAL = Bounds()
OK = always(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok")


async def rehearsed(port: int, *rules: str, bounds: Bounds = USUAL, paths: tuple[str, ...] = ()) -> Rehearsed:
    lines = "\n".join(f"  - {rule}" for rule in rules or (ALL.format(more=""),))
    ruleset = parse_ruleset(RULES.format(port=port, rules=lines), "rules.yaml", base=Path("/srv"))
    return await rehearse(ruleset, Given([Known(path) for path in paths], bounds=bounds))


async def first_ending(script: Script, bounds: Bounds = USUAL) -> object:
    async with backend(script) as origin:
        return (await rehearsed(origin.port, bounds=bounds)).walks[0].ending


async def test_a_backend_is_asked_what_the_edge_would_ask_it() -> None:
    rule = (
        '{name: all, match: {host: app, path: "/{rest*}"}, forward: {backend: origin}, query: [q], '
        'rewrite: {path: "/v2/{rest}", headers: {x-own: "yes"}}, '
        'expect: ["GET https://pypi.test/a?x=1&q=2 with header Authorization=secret with header Accept=a/b -> forward origin"]}'
    )
    async with backend(OK) as origin:
        told = await rehearsed(origin.port, rule)
        head = origin.seen[0].decode()
    assert told.has_passed
    assert head.startswith("GET /v2/a?q=2 HTTP/1.1\r\nHost: origin.test\r\n")
    fields = {line.partition(": ")[0].lower(): line.partition(": ")[2] for line in head.split("\r\n")[1:-2]}
    assert {name: fields[name] for name in ("accept", "x-own", "edge-rehearsal", "user-agent")} == {
        "accept": "a/b",
        "x-own": "yes",
        "edge-rehearsal": "1",
        "user-agent": "edgeproxy-rehearse",
    }
    assert (fields["x-forwarded-host"], fields["x-forwarded-proto"]) == ("pypi.test", "https")
    assert "secret" not in head


async def test_of_a_captured_request_nothing_is_sent_that_lets_anybody_in_or_makes_a_write_of_it() -> None:
    given = {
        "X-HTTP-Method-Override": "DELETE",
        "X_HTTP_Method": "DELETE",
        "X-Original-Host": "other.test",
        "X-Original-URL": "/other.test/",
        "X-Rewrite-URL": "/other.test/",
        "X-SSL-Client-Cert": "SECRET",
        "X-Remote-User": "SECRET",
        "DPoP": "SECRET",
        "X-Tool": "npm_aBcDeFgHiJkLmNoPqRsTuVwXySECRET",
        "X-Api-Key": "SECRET",
        "X-Auth-Token": "SECRET",
        "Cookie": "sid=SECRET",
        "Edge-Arm": "to SECRET",
        "Backend-Fault": "error=500",
        "Backend-Token": "SECRET",
        "X-Note": "token=SECRET",
        "If-None-Match": '"a"',
        "Range": "bytes=0-1",
        "User-Agent": "pip/26.1",
    }
    lines = [
        json.dumps({"method": "GET", "url": "http://pypi.test/six", "headers": given}),
        json.dumps({"method": "GET", "url": "http://pypi.test/six?token=SECRET&a=1"}),
        json.dumps({"method": "GET", "url": "http://pypi.test/yarl?to=x&api%5Fkey=SECRET"}),
    ]
    rule = ALL.format(more="")
    async with backend(OK) as origin:
        ruleset = parse_ruleset(RULES.format(port=origin.port, rules=f"  - {rule}"), "rules.yaml", base=Path("/srv"))
        capture = captured(ruleset, read_lines(lines, 1_700_000_000.0), 10)
        told = await rehearse(ruleset, Given(capture=capture))
        heads = b"".join(origin.seen).decode().lower()
    assert "get /six http/1.1" in heads
    assert "user-agent: pip/26.1\r\n" in heads
    for kept_back in ("secret", "delete", "other.test", "fault", "if-none-match", "range", "/yarl"):
        assert kept_back not in heads
    (said,) = [each for each in told.problems if each.code is Code.NOT_WALKED]
    assert said.message == "2 captured requests of the rule 'all' were not walked"
    assert "captured: 1 shape walked, 33.3 % of 3 requests; 2 requests not walked, for a secret in the URL" in as_text(
        told, "rules.yaml"
    )
    assert "SECRET" not in as_text(told, "rules.yaml", every_walk=True)


async def test_nothing_is_asked_twice() -> None:
    rules = [
        f"{{name: {name}, match: {{host: app, path: /{name}}}, forward: {{backend: origin}}, rewrite: {{path: /one}}}}"
        for name in ("a", "b", "c")
    ]
    async with backend(OK) as origin:
        told = await rehearsed(origin.port, *rules)
        assert (len(told.walks), told.requests, len(origin.seen)) == (3, 1, 1)


async def test_one_that_hangs_is_given_up_in_time() -> None:
    async def hang(peer: BackendPeer) -> None:
        await peer.head()
        await peer.reader.read()

    assert await first_ending(hang, Bounds(timeout=0.2)) == Failed("origin", BackendFailure.HEAD_TIMEOUT)


async def test_an_answer_that_breaks_off_is_none() -> None:
    async def break_off(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")

    async def stall(peer: BackendPeer) -> None:
        await break_off(peer)
        await peer.reader.read()

    assert await first_ending(break_off) == Failed("origin", BackendFailure.TRUNCATED)
    assert await first_ending(stall, Bounds(timeout=0.2)) == Failed("origin", BackendFailure.BODY_TIMEOUT)
    assert await first_ending(always(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")) == Failed(
        "origin", BackendFailure.BAD_ANSWER
    )


async def test_of_a_long_answer_the_beginning_is_read() -> None:
    async def flood(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            await peer.send(bytes(65_536))

    assert await first_ending(flood) == Answered(200)


async def test_what_is_beyond_a_bound_is_no_pass() -> None:
    async with backend(OK) as origin:
        told = await rehearsed(origin.port, bounds=Bounds(most=2), paths=("/a", "/b", "/c", "/d"))
        assert len(origin.seen) == told.requests == 2
    assert (told.left_out, told.has_passed, told.problems) == (3, False, [])
    ends = [walk.ending for walk in told.walks]
    assert ends.count(Undecided("2 requests were sent: that is the most (--most)", is_bound=True)) == 3
    async with backend(OK) as origin:
        told = await rehearsed(origin.port, bounds=Bounds(rate=1.0, within=0.5), paths=("/a", "/b"))
        assert (told.requests, told.left_out) == (1, 2)


async def test_a_backend_that_is_away_is_found_and_the_fallback_of_a_directory_too(tmp_path: Path) -> None:
    async with backend(OK) as origin:
        port = origin.port
    told = await rehearsed(port)
    assert [each.code for each in told.problems] == [Code.LIVE_FAILURE]
    assert "it takes no connection" in told.problems[0].why


async def test_files_are_looked_up_as_the_edge_does(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("here")
    rule = f'{{name: files, match: {{host: content, path: "/{{rest*}}"}}, files: {{directory: "{tmp_path}"}}}}'
    told = await rehearsed(1, rule, paths=("/a.txt", "/b.txt"))
    assert [walk.ending for walk in told.walks][:2] == [
        Answered(200, "text/plain; charset=utf-8"),
        Answered(404, "text/plain; charset=utf-8"),
    ]
    assert told.requests == 0


CALLS = (
    "{name: calls, match: {host: app, path: /pypi, methods: [POST], xmlrpc: [search]}, safety: safe, "
    "forward: {backend: origin}}"
)


async def called(*lines: str, answer: str) -> tuple[Rehearsed, list[tuple[dict[str, str], str]]]:
    """What became of the calls of a capture, and the fields and bodies that were asked."""
    asked = []

    async def script(peer: BackendPeer) -> None:
        while head := await peer.head():
            fields = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:-2])
            asked.append((fields, (await peer.reader.readexactly(int(fields["content-length"]))).decode()))
            content = answer.encode()
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n" % len(content))
            await peer.send(content)

    async with backend(script) as origin:
        ruleset = parse_ruleset(RULES.format(port=origin.port, rules=f"  - {CALLS}"), "rules.yaml", base=Path("/srv"))
        told = await rehearse(ruleset, Given(capture=captured(ruleset, read_lines(lines, 0.0), 9)))
    return told, asked


async def test_a_call_that_is_declared_safe_is_made_without_parameters() -> None:
    told, asked = await called(answer=dumps((["six"],), methodresponse=True))
    assert [walk.ending for walk in told.walks] == [Answered(200, "text/xml", Result())]
    assert told.has_passed
    ((fields, body),) = asked
    assert fields["content-type"] == "text/xml"
    assert "<methodName>search</methodName><params/>" in body


async def test_a_call_is_made_as_it_was_captured_and_a_fault_says_nothing() -> None:
    body = dumps(({"name": "six"},), "search")
    headers = {"Content-Type": "text/xml; charset=utf-8", "Accept-Encoding": "gzip", "User-Agent": "pip/10.0.0"}
    line = json.dumps({"method": "POST", "url": "https://pypi.test/pypi", "headers": headers, "body": body})
    told, asked = await called(line, answer=dumps(Fault(-32500, "it is retired")))
    assert {(fields["content-type"], sent) for fields, sent in asked} == {("text/xml; charset=utf-8", body)}
    assert not any("accept-encoding" in fields for fields, _ in asked)
    assert [problem.code for problem in told.problems] == [Code.UNWALKED_RULE]
    assert "is the fault -32500 (it is retired): of what is there that says nothing." in told.problems[0].why
    assert "fault -32500: 2" in as_text(told, "rules.yaml")
