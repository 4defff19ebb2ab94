"""What a rule's `rewrite` and `query` make of a request and of its answer, as both sides see it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from harness import QUICK, Answer, Backend, RunningEdge, always, backend, request, running_edge

from edgeproxy.proxy.edge import Edge
from edgeproxy.ruleset.listeners import InetAddress
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.modifiers import KEEP_QUERY, QueryPolicy, Rewrite
from edgeproxy.ruleset.read_path import parse_path_template
from edgeproxy.ruleset.read_target import parse_file_template
from edgeproxy.ruleset.router import Router

RULES = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
hosts:
  app: {{names: [pypi.test]}}
  content: {{names: [files.pypihosted.test], kind: content}}
backends:
  origin: {{url: "http://127.0.0.1:{port}", host: origin.pypi.test}}
  store: {{directory: "{folder}"}}
splits:
  reads: {{weights: {{origin: 50, store: 50}}, sticky: [header:X-Arm]}}
rules:
  - {{name: redirect, match: {{path: "/moved/{{rest*}}"}}, redirect: {{to: "/{{rest}}", status: 301}}}}
  - {{name: respond, match: {{path: "/said/{{rest*}}"}}, respond: {{status: 200, headers: {{X-Old: "1", X-Kept: "2"}}, body: said}}}}
  - {{name: files, match: {{path: "/files/{{rest*}}"}}, files: {{directory: "{folder}", path: "/{{rest}}"}}}}
  - {{name: store, match: {{path: "/store/{{rest*}}"}}, forward: {{backend: store}}}}
  - {{name: split, match: {{path: "/split/{{rest*}}"}}, forward: {{split: reads}}}}
  - {{name: pages, match: {{path: "/old/{{rest*}}"}}, forward: {{backend: origin}}}}
"""
PATH = parse_path_template("/x/{rest*}")
PAGE = (
    b"HTTP/1.1 200 OK\r\nDate: Mon, 16 Apr 2018 15:00:00 GMT\r\nServer: old\r\nX-Old: 1\r\nx_old: 2\r\nX-Kept: 3\r\n"
    b"Content-Length: 2\r\n\r\nok"
)


def path(template: str) -> Rewrite:
    return Rewrite(path=parse_file_template(template, PATH))


@asynccontextmanager
async def edge_with(
    rewrite: Rewrite, folder: Path, *, query: QueryPolicy = KEEP_QUERY, page: bytes = PAGE
) -> AsyncIterator[tuple[RunningEdge, Backend]]:
    """An edge each of whose rules has this rewrite, before a backend that always gives this page."""
    async with backend(always(page)) as origin:
        ruleset = parse_ruleset(RULES.format(port=origin.port, folder=folder), "rules.yaml", base=folder)
        rules = tuple(
            replace(rule, modifiers=replace(rule.modifiers, rewrite=rewrite, query=query)) for rule in ruleset.rules
        )
        edge = Edge(replace(ruleset, rules=rules, router=Router(ruleset.hosts, rules)), QUICK)
        (address,) = await edge.start()
        assert isinstance(address, InetAddress)
        try:
            yield RunningEdge(edge, address.port), origin
        finally:
            await edge.stop(grace=0)


def values(lines: list[str], name: str) -> list[str]:
    pairs = [line.split(": ", 1) for line in lines]
    return [value for key, value in pairs if key.lower() == name.lower()]


def seen(origin: Backend) -> tuple[str, list[str]]:
    """The last request line, and the field lines, as the backend got them."""
    first, *lines = origin.seen[-1].decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    return first, lines


def names(answer: Answer) -> list[str]:
    return [name for name, _ in answer.fields]


# -- from a rule file -----------------------------------------------------------------------------------------------

WRITTEN = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
hosts: {{app: {{names: [pypi.test]}}}}
backends: {{origin: {{url: "http://127.0.0.1:{port}", host: origin.pypi.test}}}}
rules:
  - name: renamed
    match: {{path: "/old/{{name}}/{{rest*}}"}}
    forward: {{backend: origin}}
    query: [page]
    rewrite:
      path: "/{{name|lower}}/new/{{rest}}"
      host: bucket.pypi.test
      headers: {{X-Edge: "1", Cookie: {{remove: true}}}}
      answer_headers: {{Content-Security-Policy: sandbox, Server: {{remove: true}}}}
  - name: elsewhere
    match: {{path: "/moved"}}
    redirect: {{to: "/old/a/b", status: 302}}
    rewrite: {{answer_headers: {{Referrer-Policy: origin}}}}
"""


async def test_all_that_a_rule_file_can_say_reaches_both_sides() -> None:
    async with backend(always(PAGE)) as origin, running_edge(WRITTEN.format(port=origin.port)) as edge:
        answer = await edge.ask(request("/old/Flask/a/b?x=1&page=2", "Cookie: a=b", "x-edge: mine", "Accept: c"))
        first, lines = seen(origin)
        assert first == "GET /flask/new/a/b?page=2 HTTP/1.1"
        assert values(lines, "Host") == ["bucket.pypi.test"]
        assert values(lines, "X-Edge") == ["1"]
        assert values(lines, "Accept") == ["c"]
        assert not values(lines, "Cookie")
        assert (answer.field("Content-Security-Policy"), answer.field("Server")) == ("sandbox", None)
        moved = await edge.ask(request("/moved"))
        assert (moved.field("Location"), moved.field("Referrer-Policy")) == ("/old/a/b", "origin")


# -- the path and the query -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "query", "asked"),
    [
        ("/old/a/b", KEEP_QUERY, "/new/a/b"),
        ("/old/a%20b/../%7Ec?q=%7E", KEEP_QUERY, "/new/~c?q=%7E"),
        ("/old/a?c=1&b=2&a=3&b=1", QueryPolicy(frozenset({"a", "b"})), "/new/a?a=3&b=2&b=1"),
        ("/old/a?c=1", QueryPolicy(frozenset({"a", "b"})), "/new/a"),
        ("/old/a?", KEEP_QUERY, "/new/a?"),
    ],
)
async def test_a_backend_is_asked_for_the_path_that_the_rule_says(
    tmp_path: Path, target: str, query: QueryPolicy, asked: str
) -> None:
    async with edge_with(path("/new/{rest}"), tmp_path, query=query) as (edge, origin):
        assert (await edge.ask(request(target))).status == 200
        assert seen(origin)[0] == f"GET {asked} HTTP/1.1"


@pytest.mark.parametrize(
    ("policy", "asked"), [("drop", "/a"), ("[a, b]", "/a?a=3&b=2&b=1"), ("keep", "/a?c=1&b=2&a=3&b=1")]
)
async def test_a_backend_gets_of_the_query_what_a_rule_file_lets_through(policy: str, asked: str) -> None:
    async with backend(always(PAGE)) as origin:
        all_of_them = "forward: {backend: origin}"
        rules = origin.rules.replace(all_of_them, f"{all_of_them}, query: {policy}")
        async with running_edge(rules) as edge:
            await edge.ask(request("/a?c=1&b=2&a=3&b=1"))
    assert seen(origin)[0] == f"GET {asked} HTTP/1.1"


async def test_a_directory_is_looked_into_at_the_path_that_the_rule_says(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "a.txt").write_text("here")
    async with edge_with(path("/new/{rest}"), tmp_path) as (edge, _):
        assert (await edge.ask(request("/store/a.txt?v=1"))).body == b"here"
        assert (await edge.ask(request("/store/new/a.txt"))).status == 404


async def test_both_arms_of_a_split_are_asked_for_it(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "a.txt").write_text("from the store")
    async with edge_with(path("/new/{rest}"), tmp_path) as (edge, origin):
        bodies = {(await edge.ask(request("/split/a.txt", f"X-Arm: {arm}"))).body for arm in range(40)}
        assert bodies == {b"ok", b"from the store"}
        assert {head.split(b" ")[1] for head in origin.seen} == {b"/new/a.txt"}


# -- what goes to a backend -----------------------------------------------------------------------------------------


async def test_a_backend_gets_the_host_that_the_rule_says_and_hears_of_the_clients(tmp_path: Path) -> None:
    async with edge_with(Rewrite(host="bucket.pypi.test:8443"), tmp_path) as (edge, origin):
        await edge.ask(request("/old/a"))
        _, lines = seen(origin)
        assert values(lines, "Host") == ["bucket.pypi.test:8443"]
        assert values(lines, "X-Forwarded-Host") == ["pypi.test"]


async def test_fields_are_set_in_place_of_the_clients_or_taken_away(tmp_path: Path) -> None:
    rewrite = Rewrite(headers=(("X-Signature", "abc"), ("Accept-Language", None)))
    async with edge_with(rewrite, tmp_path) as (edge, origin):
        sent = request(
            "/old/a",
            "x-signature: mine",
            "X_Signature: mine",
            "accept-language: de",
            "X-Signature-2: mine",
            "Accept: a",
        )
        for _ in range(2):  # the second time all of it is remembered
            await edge.ask(sent)
            _, lines = seen(origin)
            assert values(lines, "X-Signature") == ["abc"]
            assert values(lines, "X-Signature-2") == ["mine"]
            assert values(lines, "Accept") == ["a"]
            assert not values(lines, "X_Signature")
            assert not values(lines, "Accept-Language")


async def test_what_the_edge_says_of_the_client_stays(tmp_path: Path) -> None:
    async with edge_with(Rewrite(headers=(("X-Signature", "abc"),)), tmp_path) as (edge, origin):
        await edge.ask(request("/old/a", "X-Forwarded-For: 192.0.2.7"))
        _, lines = seen(origin)
        assert values(lines, "X-Forwarded-For") == ["127.0.0.1"]
        assert values(lines, "Via") == ["1.1 edgeproxy"]
        assert values(lines, "CDN-Loop") == ["edgeproxy"]


async def test_a_body_keeps_its_framing(tmp_path: Path) -> None:
    async with edge_with(Rewrite(headers=(("X-Signature", "abc"),)), tmp_path) as (edge, origin):
        await edge.ask(request("/old/a", "Content-Length: 0", method="POST"))
        assert values(seen(origin)[1], "Content-Length") == ["0"]


async def test_to_a_content_host_goes_the_rules_secret_and_never_the_clients(tmp_path: Path) -> None:
    sent = request("/old/a", "Authorization: client", "Cookie: client=1", host="files.pypihosted.test")
    async with edge_with(Rewrite(headers=(("Authorization", "rule"),)), tmp_path) as (edge, origin):
        await edge.ask(sent)
        _, lines = seen(origin)
        assert values(lines, "Authorization") == ["rule"]
        assert not values(lines, "Cookie")
    async with edge_with(Rewrite(headers=(("X-Any", "1"),)), tmp_path) as (edge, origin):
        await edge.ask(sent)
        _, lines = seen(origin)
        assert not values(lines, "Authorization")
        assert values(lines, "X-Any") == ["1"]


# -- what goes to the client ----------------------------------------------------------------------------------------

SET = Rewrite(answer_headers=(("X-New", "n"), ("X-Old", None), ("Server", "edge")))


@pytest.mark.parametrize("target", ["/old/a", "/moved/a", "/said/a", "/files/a.txt", "/store/a.txt", "/store/none"])
@pytest.mark.parametrize("host", ["pypi.test", "files.pypihosted.test"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_an_answer_has_the_fields_that_the_rule_sets_whoever_gives_it(
    tmp_path: Path, target: str, host: str, method: str
) -> None:
    (tmp_path / "a.txt").write_text("here")
    page = PAGE if method == "GET" else PAGE.removesuffix(b"ok")
    async with edge_with(SET, tmp_path, page=page) as (edge, _), edge.client() as client:
        for _ in range(2):
            answer = await client.ask(request(target, host=host, method=method))
            found = [name.lower() for name in names(answer)]
            assert (found.count("x-new"), found.count("x-old"), found.count("x_old")) == (1, 0, 0)
            assert found.count("server") == found.count("date") == 1
            assert answer.field("Server") == "edge"
            assert answer.is_whole
            assert answer.body or method == "HEAD" or target == "/moved/a"


@pytest.mark.parametrize(
    "page",
    [
        b"HTTP/1.1 200 OK\r\nX-Old: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nX-Old: 1\r\n\r\nHTTP/1.1 200 OK\r\nX-Old: 1\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 304 Not Modified\r\nX-Old: 1\r\n\r\n",
    ],
    ids=["chunked", "after an interim answer", "without a body"],
)
async def test_an_answer_of_any_framing_is_edited_and_stays_whole(tmp_path: Path, page: bytes) -> None:
    async with edge_with(SET, tmp_path, page=page) as (edge, _), edge.client() as client:
        answer = await client.ask(request("/old/a"))
        if answer.status == 103:
            assert answer.field("X-Old") == "1"  # an interim answer goes on as it is
            answer = await client.answer()
        assert answer.is_whole
        assert (answer.field("X-New"), answer.field("X-Old")) == ("n", None)


async def test_what_the_edge_says_of_a_failure_is_its_own(tmp_path: Path) -> None:
    async with edge_with(SET, tmp_path, page=b"nonsense\r\n\r\n") as (edge, _):
        answer = await edge.ask(request("/old/a"))
        assert (answer.status, answer.field("X-New")) == (502, None)


async def test_a_redirect_that_a_rule_makes_of_an_answer_is_guarded_too(tmp_path: Path) -> None:
    page = b"HTTP/1.1 302 Moved\r\nLocation: http://elsewhere.test/\r\nContent-Length: 0\r\n\r\n"
    async with edge_with(Rewrite(answer_headers=(("Location", "/old/a"),)), tmp_path, page=page) as (edge, _):
        answer = await edge.ask(request("/old/b"))
        assert (answer.status, answer.field("Location")) == (302, "/old/a")
        assert (await edge.ask(request("/old/a"))).status == 508


async def test_a_backends_location_is_passed_on_as_it_is_though_the_path_was_another(tmp_path: Path) -> None:
    page = b"HTTP/1.1 302 Moved\r\nLocation: /new/b\r\nContent-Length: 0\r\n\r\n"
    async with edge_with(path("/new/{rest}"), tmp_path, page=page) as (edge, _):
        assert (await edge.ask(request("/old/a"))).field("Location") == "/new/b"
