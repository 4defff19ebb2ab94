"""Files, redirects and answers of the edge's own, through the edge."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import Answer, RunningEdge, request, running_edge

RULES = """
edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts:
  app: {names: [pypi.test]}
  content: {names: [files.pypihosted.test], kind: content}
backends:
  store: {directory: ./files}
rules:
  - {name: docs, match: {host: app, path: "/docs/{page}"}, files: {directory: ./pages, path: "/{page}.txt"}}
  - {name: moved, match: {host: app, path: "/p/{name}"}, redirect: {to: "/project/{name|pep503}/", status: 301, lifetime: 10m}}
  - {name: no, match: {host: app, path: "/no"}, respond: {status: 403, body: "SSL is required", headers: {X-Why: policy}}}
  - {name: read, match: {host: app, path: "/read", methods: [GET, HEAD]}, respond: {status: 200, body: "read"}}
  - {name: files, match: {host: content, path: "/packages/{rest*}"}, forward: {backend: store}}
"""
CONTENT = "files.pypihosted.test"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "files/packages").mkdir(parents=True)
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages/one.txt").write_text("page one")
    (tmp_path / "secret").write_text("secret")
    return tmp_path


async def ask(edge: RunningEdge, octets: bytes) -> Answer:
    return await edge.ask(octets)


async def test_a_file_is_served_whole_in_part_and_not_at_all(place: Path) -> None:
    content = bytes(range(256)) * 40_000
    (place / "files/packages/six-1.0.tar.gz").write_bytes(content)
    async with running_edge(RULES, base=place) as edge, edge.client() as client:
        whole = await client.ask(request("/packages/six-1.0.tar.gz", host=CONTENT))
        assert (whole.status, whole.body) == (200, content)
        assert whole.field("Accept-Ranges") == "bytes"
        assert whole.field("X-Content-Type-Options") == "nosniff"
        etag = whole.field("ETag")
        part = await client.ask(request("/packages/six-1.0.tar.gz", "Range: bytes=10-19", host=CONTENT))
        assert (part.status, part.body) == (206, content[10:20])
        tail = await client.ask(request("/packages/six-1.0.tar.gz", "Range: bytes=-7", host=CONTENT))
        assert (tail.status, tail.body) == (206, content[-7:])
        same = await client.ask(request("/packages/six-1.0.tar.gz", f"If-None-Match: {etag}", host=CONTENT))
        assert (same.status, same.body) == (304, b"")
        head = await client.ask(request("/packages/six-1.0.tar.gz", method="HEAD", host=CONTENT))
        assert (head.status, head.field("Content-Length")) == (200, str(len(content)))
        beyond = await client.ask(request("/packages/six-1.0.tar.gz", "Range: bytes=99999999-", host=CONTENT))
        assert beyond.status == 416
        assert edge.edge.counters.rules["files"] == 6


async def test_pipelined_files_and_answers_leave_in_order(place: Path) -> None:
    content = b"x" * 3_000_000
    (place / "files/packages/big").write_bytes(content)
    async with running_edge(RULES, base=place) as edge, edge.client() as client:
        big = request("/packages/big", host=CONTENT)
        await client.send(request("/no") + big + request("/docs/one") + big + request("/p/A_b"))
        assert [(await client.answer()).body for _ in range(4)] == [b"SSL is required", content, b"page one", content]
        assert (await client.answer()).field("Location") == "/project/a-b/"


@pytest.mark.parametrize(
    "path", ["/packages/", "/packages/none", "/packages/../secret", "/packages/%2e%2e/%2e%2e/secret"]
)
async def test_nothing_outside_the_directory_is_found(place: Path, path: str) -> None:
    async with running_edge(RULES, base=place) as edge:
        assert (await ask(edge, request(path, host=CONTENT))).status == 404


async def test_a_link_that_leads_outside_is_not_followed(place: Path) -> None:
    (place / "files/packages/link").symlink_to(place / "secret")
    async with running_edge(RULES, base=place) as edge:
        assert (await ask(edge, request("/packages/link", host=CONTENT))).status == 404


async def test_a_file_takes_no_other_method(place: Path) -> None:
    (place / "files/packages/a").write_text("a")
    async with running_edge(RULES, base=place) as edge:
        answer = await ask(edge, request("/packages/a", method="DELETE", host=CONTENT))
        assert (answer.status, answer.field("Allow")) == (405, "GET, HEAD")


async def test_a_redirect_has_its_lifetime_and_keeps_the_query(place: Path) -> None:
    async with running_edge(RULES, base=place) as edge:
        answer = await ask(edge, request("/p/Zope.Interface?x=1"))
        assert (answer.status, answer.field("Location")) == (301, "/project/zope-interface/?x=1")
        assert answer.field("Cache-Control") == "max-age=600"
        assert answer.body == b""


async def test_an_answer_of_the_rules_own(place: Path) -> None:
    async with running_edge(RULES, base=place) as edge, edge.client() as client:
        answer = await client.ask(request("/no"))
        assert (answer.status, answer.field("X-Why"), answer.body) == (403, "policy", b"SSL is required")
        head = await client.ask(request("/no", method="HEAD"))
        assert (head.status, head.field("Content-Length")) == (403, "15")


async def test_no_rule_is_a_404_and_another_method_a_405(place: Path) -> None:
    async with running_edge(RULES, base=place) as edge, edge.client() as client:
        assert (await client.ask(request("/none"))).status == 404
        answer = await client.ask(request("/read", "Content-Length: 0", method="POST"))
        assert (answer.status, answer.field("Allow")) == (405, "GET, HEAD")
        assert (await client.ask(request("/read"))).body == b"read"
