"""A backend's redirect that leads, by the ruleset, back to the same exchange is not passed on."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from harness import Backend, BackendPeer, RunningEdge, Script, backend, request, running_edge
from pools import until

from edgeproxy.proxy import notices
from edgeproxy.telemetry.access_log import AccessLog
from edgeproxy.telemetry.counters import BackendFailure

LAUNCH = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
hosts:
  app: {{names: [pypi.test]}}
  content: {{names: [files.pypihosted.test], kind: content}}
backends:
  conveyor: {{url: "http://127.0.0.1:{port}", host: origin.pypi.test}}
rules:
  - {{name: files-of-app, match: {{host: app, path: "/packages/{{rest*}}"}}, redirect: {{to: "http://files.pypihosted.test/packages/{{rest}}", status: 301}}}}
  - {{name: calls, match: {{host: app, path: "/call"}}, redirect: {{to: "http://files.pypihosted.test/packages/call", status: 308}}}}
  - {{name: files, match: {{host: content, path: "/packages/{{rest*}}"}}, forward: {{backend: conveyor}}}}
  - {{name: pages, match: {{host: app, path: "/{{rest*}}"}}, forward: {{backend: conveyor}}}}
"""
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def moved(location: str, *lines: str, status: int = 302, body: str = "") -> bytes:
    more = "".join(f"{line}\r\n" for line in lines)
    return (
        f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\n{more}Content-Length: {len(body)}\r\n\r\n{body}".encode()
    )


def by_path(answers: Mapping[str, bytes]) -> Script:
    """A backend that has an answer for each path, and 200 for all others."""

    async def script(peer: BackendPeer) -> None:
        while True:
            path = (await peer.head()).split(b" ")[1].decode()
            await peer.send(answers.get(path, OK))

    return script


@asynccontextmanager
async def edge_before(
    answers: Mapping[str, bytes], access_log: AccessLog | None = None
) -> AsyncIterator[tuple[RunningEdge, Backend]]:
    async with backend(by_path(answers)) as conveyor:
        async with running_edge(LAUNCH.format(port=conveyor.port), access_log=access_log) as edge:
            yield edge, conveyor


FILE = "/packages/12/34/six-1.0.tar.gz"
COLD = {FILE: moved(f"http://pypi.test{FILE}")}  # what is not in the store is looked for where it was before


async def test_2018_04_16_an_uncached_file_does_not_go_round_between_two_hosts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = io.StringIO()
    async with edge_before(COLD, AccessLog(log)) as (edge, conveyor):
        answer = await edge.ask(request(FILE, host="files.pypihosted.test"))
        assert answer.status == 508
        assert answer.reason == "Loop Detected"
        assert answer.field("Location") is None
        assert answer.body.decode().splitlines() == [
            "The redirect of a backend leads back here, and would do so for ever:",
            f"  GET http://files.pypihosted.test{FILE}",
            f"  302 http://pypi.test{FILE} by backend conveyor (rule files)",
            f"  301 http://files.pypihosted.test{FILE} by rule files-of-app",
        ]
        assert edge.edge.counters.loops == {"files": 1}
        assert edge.edge.counters.backend_failures == {("conveyor", BackendFailure.REDIRECT_LOOP): 1}
        assert edge.edge.counters.statuses == {508: 1}
        assert edge.edge.counters.numbers()["loops"] == {"files": 1}
        assert len(conveyor.seen) == 1
    record = json.loads(log.getvalue())
    assert (record["status"], record["why"], record["rule"], record["whole"]) == (508, "redirect_loop", "files", True)
    assert capsys.readouterr().err.splitlines() == [
        f"edgeproxy: rule files: redirect loop: GET http://files.pypihosted.test{FILE}"
        f" -> 302 http://pypi.test{FILE} by backend conveyor (rule files)"
        f" -> 301 http://files.pypihosted.test{FILE} by rule files-of-app: 1 request refused"
    ]


async def test_2018_04_16_the_files_that_the_store_has_are_served() -> None:
    async with edge_before(COLD) as (edge, _):
        answer = await edge.ask(request("/packages/12/34/flask-1.0.tar.gz", host="files.pypihosted.test"))
        assert (answer.status, answer.body) == (200, b"ok")
        answer = await edge.ask(request("/packages/12/34/flask-1.0.tar.gz"))
        assert answer.field("Location") == "http://files.pypihosted.test/packages/12/34/flask-1.0.tar.gz"
        assert not edge.edge.counters.loops


async def test_2022_06_10_a_name_that_redirects_to_itself_is_stopped_and_another_is_not() -> None:
    answers = {
        "/pypi/pyOpenSSL/json": moved("/pypi/pyOpenSSL/json", status=301),
        "/pypi/PyYAML/json": moved("/pypi/pyyaml/json", status=301),
    }
    async with edge_before(answers) as (edge, _):
        answer = await edge.ask(request("/pypi/pyOpenSSL/json"))
        assert answer.status == 508
        assert b"301 /pypi/pyOpenSSL/json by backend conveyor (rule pages)" in answer.body
        answer = await edge.ask(request("/pypi/PyYAML/json"))
        assert (answer.status, answer.field("Location")) == (301, "/pypi/pyyaml/json")
        assert edge.edge.counters.loops == {"pages": 1}


DECLARED = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
hosts:
  app: {{names: [pypi.test]}}
  legacy: {{names: [legacy.pypi.test]}}
backends:
  modern: {{url: "http://127.0.0.1:{port}"}}
  legacy:
    url: "http://127.0.0.1:1"
    redirects:
      - {{path: "/pypi/{{name}}/json", to: "http://pypi.test/pypi/{{name}}/json", status: 301}}
rules:
  - {{name: old-docs, match: {{host: legacy, path: "/{{rest*}}", user_agent: {{prefix: pip}}}}, redirect: {{map: moves.csv}}}}
  - name: old-json
    match: {{host: legacy, path: "/json/{{name}}"}}
    forward: {{backend: legacy}}
    rewrite: {{path: "/pypi/{{name}}/json"}}
  - {{name: app, match: {{host: app, path: "/{{rest*}}"}}, forward: {{backend: modern}}}}
"""


async def test_what_another_backend_is_declared_to_redirect_is_followed(tmp_path: Path) -> None:
    """It is not asked: nothing listens there."""
    (tmp_path / "moves.csv").write_text("from,to\n/docs/,http://pypi.test/help/\n")
    answers = {
        "/pypi/six/json": moved("http://legacy.pypi.test/json/six"),
        "/pypi/flask/json": moved("http://legacy.pypi.test/json/Flask"),
        "/help/": moved("http://legacy.pypi.test/docs/"),
    }
    async with backend(by_path(answers)) as modern:
        async with running_edge(DECLARED.format(port=modern.port), base=tmp_path) as edge:
            looped = await edge.ask(request("/pypi/six/json"))
            assert looped.status == 508
            assert b"301 http://pypi.test/pypi/six/json by backend legacy (rule old-json)" in looped.body
            assert (await edge.ask(request("/pypi/flask/json"))).status == 302
            assert (await edge.ask(request("/help/", "User-Agent: pip/26.3"))).status == 508
            assert (await edge.ask(request("/help/", "User-Agent: uv/0.13"))).status == 302
            assert edge.edge.counters.loops == {"app": 2}


async def test_the_connections_of_both_sides_stay_and_what_is_pipelined_is_answered() -> None:
    async with edge_before({"/a": moved("/a")}) as (edge, conveyor), edge.client() as client:
        await client.send(request("/a") + request("/b") + request("/a") + request("/c"))
        answers = [await client.answer() for _ in range(4)]
        assert [answer.status for answer in answers] == [508, 200, 508, 200]
        assert (await client.ask(request("/d"))).status == 200
        assert conveyor.connections == 1
        assert edge.edge.counters.loops == {"pages": 2}


async def test_a_body_that_is_still_to_come_is_not_waited_for() -> None:
    """Its backend's connection is given up, and the client is answered and served on."""

    async def script(peer: BackendPeer) -> None:
        if b" /a " not in await peer.head():
            await peer.send(OK)
            return
        await peer.send(b"HTTP/1.1 302 Moved\r\nLocation: /a\r\nContent-Length: 100000000\r\n\r\nmoved")
        assert await peer.reader.read() == b""

    async with backend(script) as conveyor, running_edge(LAUNCH.format(port=conveyor.port)) as edge:
        async with edge.client() as client:
            assert (await client.ask(request("/a"))).status == 508
            assert (await client.ask(request("/b"))).status == 200
        await conveyor.gone.wait()
        assert conveyor.connections == 2
        assert edge.edge.counters.aborted == 0


@pytest.mark.parametrize(
    "framing",
    [
        "HTTP/1.1 302 Moved\r\nLocation: /a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.0 302 Moved\r\nLocation: /a\r\n\r\nmoved",
        "HTTP/1.1 302 Moved\r\nlocation:\t/a \r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 302 Moved\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["chunked", "until the end", "odd spaces", "after an interim answer"],
)
async def test_however_the_answer_is_framed(framing: str) -> None:
    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(framing.encode())

    async with backend(script) as conveyor, running_edge(LAUNCH.format(port=conveyor.port)) as edge:
        async with edge.client() as client:
            await client.send(request("/a"))
            answer = await client.answer()
            if answer.status == 103:
                answer = await client.answer()
            assert answer.status == 508


async def test_a_head_request_gets_no_body_and_the_next_one_its_answer() -> None:
    async with edge_before({"/a": moved("/a").replace(b"Content-Length: 0", b"Content-Length: 5")}) as (edge, _):
        async with edge.client() as client:
            answer = await client.ask(request("/a", method="HEAD"))
            assert (answer.status, answer.body) == (508, b"")
            assert (await client.ask(request("/b"))).body == b"ok"


async def test_a_client_of_http_1_0_is_answered_and_let_go() -> None:
    async with edge_before({"/a": moved("/a")}) as (edge, _), edge.client() as client:
        answer = await client.ask(b"GET /a HTTP/1.0\r\nHost: pypi.test\r\n\r\n")
        assert answer.status == 508
        assert await client.is_closed()
    async with edge_before({"/a": moved("/a")}) as (edge, _), edge.client() as client:
        answer = await client.ask(b"GET /a HTTP/1.0\r\nHost: pypi.test\r\nConnection: keep-alive\r\n\r\n")
        assert (answer.status, answer.field("Connection")) == (508, "keep-alive")
        assert (await client.ask(b"GET /b HTTP/1.0\r\nHost: pypi.test\r\n\r\n")).status == 200


async def test_a_request_whose_body_is_still_to_come_is_answered_and_the_connection_ends() -> None:
    async with edge_before({"/a": moved("/a", status=307)}) as (edge, _), edge.client() as client:
        answer = await client.ask(request("/a", "Content-Length: 5", method="POST"))
        assert (answer.status, answer.field("Connection")) == (508, "close")
        assert await client.is_closed()
        assert edge.edge.counters.loops == {"pages": 1}


async def test_a_request_whose_body_is_whole_is_followed_by_another() -> None:
    async with edge_before({"/a": moved("/a", status=307)}) as (edge, _), edge.client() as client:
        answer = await client.ask(request("/a", "Content-Length: 0", method="POST"))
        assert (answer.status, answer.field("Connection")) == (508, None)
        assert (await client.ask(request("/b"))).status == 200


@pytest.mark.parametrize(
    ("target", "method", "answer"),
    [
        ("/login", "GET", moved("/login", "Set-Cookie: session=1")),
        ("/form", "POST", moved("/form", status=303)),
        ("/secure", "GET", moved("https://pypi.test/secure", status=301)),
        ("/away", "GET", moved("http://elsewhere.test/away")),
        ("/", "GET", moved("/?page=1")),
        ("/choices", "GET", moved("/choices", status=300)),
    ],
    ids=["a cookie", "another method", "another scheme", "another host", "another query", "no redirect"],
)
async def test_what_may_come_to_an_end_is_passed_on(target: str, method: str, answer: bytes) -> None:
    async with edge_before({target: answer}) as (edge, _):
        sent = (
            request(target, method=method) if method == "GET" else request(target, "Content-Length: 0", method=method)
        )
        got = await edge.ask(sent)
        assert got.status == int(answer[9:12])
        assert f"Location: {got.field('Location')}".encode() in answer
        assert not edge.edge.counters.loops


async def test_a_call_is_followed_no_further_than_to_itself() -> None:
    """Which rules take it may depend on its body, which has gone to the backend."""
    answers = {"/packages/call": moved("http://pypi.test/call", status=307), "/self": moved("/self", status=307)}
    call = ("Content-Type: text/xml", "Content-Length: 0")
    async with edge_before(answers) as (edge, _):
        host = "files.pypihosted.test"
        assert (await edge.ask(request("/packages/call", call[1], method="POST", host=host))).status == 508
        assert (await edge.ask(request("/packages/call", *call, method="POST", host=host))).status == 307
        assert (await edge.ask(request("/self", *call, method="POST"))).status == 508


async def test_a_cookie_that_a_content_host_may_not_set_makes_no_other_request() -> None:
    async with edge_before({FILE: moved(FILE, "Set-Cookie: session=1")}) as (edge, _):
        assert (await edge.ask(request(FILE, host="files.pypihosted.test"))).status == 508


async def test_the_query_is_the_clients_and_is_not_shown() -> None:
    async with edge_before({"/a?token=secret": moved("/a?token=secret#top")}) as (edge, _):
        answer = await edge.ask(request("/a?token=secret"))
        assert answer.status == 508
        assert b"302 /a?... by" in answer.body
        assert b"secret" not in answer.body


async def test_it_is_told_at_once_and_then_by_number(capsys: pytest.CaptureFixture[str]) -> None:
    async with edge_before({"/a": moved("/a"), FILE: moved(FILE)}) as (edge, _):
        for target in ("/a", "/a", "/a"):
            await edge.ask(request(target))
        await edge.ask(request(FILE, host="files.pypihosted.test"))  # another rule's
    line = "edgeproxy: rule pages: redirect loop: GET http://pypi.test/a -> 302 /a by backend conveyor (rule pages)"
    files = f"GET http://files.pypihosted.test{FILE} -> 302 {FILE} by backend conveyor (rule files)"
    assert capsys.readouterr().err.splitlines() == [
        f"{line}: 1 request refused",
        f"edgeproxy: rule files: redirect loop: {files}: 1 request refused",
        f"{line}: 2 requests refused",
    ]


async def test_the_number_is_told_though_nobody_asks_any_more(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "_TELL_EVERY", 0.1)
    async with edge_before({"/a": moved("/a")}) as (edge, _):
        for _ in range(3):
            await edge.ask(request("/a"))
        heard: list[str] = []

        def requests() -> int:
            heard.extend(capsys.readouterr().err.splitlines())
            return sum(int(line.split()[-3]) for line in heard)

        await until(lambda: requests() == 3)


@pytest.mark.parametrize(("path", "location"), [("/empty", ""), ("/long", f"/long#{'x' * 8192}")])
async def test_a_location_that_nobody_follows_and_one_too_long_to_be_looked_at_go_on(path: str, location: str) -> None:
    """Browsers and curl show the page of an empty one."""
    async with edge_before({path: moved(location)}) as (edge, _):
        answer = await edge.ask(request(path))
        assert (answer.status, answer.field("Location")) == (302, location)
