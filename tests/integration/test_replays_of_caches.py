"""Replays to an edge whose cache is cold, or holds a chosen share: what its backend is asked tells."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from captures import packed, record
from edge_process import running_process
from harness import Backend, always, backend
from replaying import replay

from edgeproxy.capture.safety import SafetyClass

RULES = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
hosts: {{app: {{names: [pypi.test]}}}}
cache: {{memory: 64MiB, purge_token: token}}
backends: {{origin: {{url: "http://127.0.0.1:{port}"}}}}
rules:
  - {{name: search, match: {{host: app, path: "/search/"}}, forward: {{backend: origin}}}}
  - {{name: pages, match: {{host: app, path: "/{{rest*}}", methods: [GET, HEAD]}}, forward: {{backend: origin}}, cache: {{fresh: 1h}}}}
"""
PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\npage"
TOKEN = "a-token-of-the-tests"


@asynccontextmanager
async def caching_edge(place: Path) -> AsyncIterator[tuple[str, Backend]]:
    """Its URL, and who is asked what it does not have."""
    token = place / "token"
    token.write_text(f"{TOKEN}\n")
    token.chmod(0o600)
    async with backend(always(PAGE)) as origin:
        (place / "rules.yaml").write_text(RULES.format(port=origin.port))
        own = ("--control", str(place / "control"), "--workers", "1")
        async with running_process(place / "rules.yaml", *own) as edge:
            yield f"http://127.0.0.1:{edge.port}", origin


def capture_of(place: Path, urls: int, requests: int) -> Path:
    capture = place / "pages.capture"
    of_nobody = {"rule": None, "shape": None, "safety": SafetyClass.UNKNOWN}
    records = [
        record(
            number * 5, url=f"http://pypi.test/{'search/?q=' if number % 10 == 9 else 'p/'}{number % urls}", **of_nobody
        )
        for number in range(requests)
    ]
    capture.write_bytes(packed(records))
    return capture


async def test_it_begins_cold_when_all_is_purged_first(tmp_path: Path) -> None:
    capture = capture_of(tmp_path, 30, 60)
    async with caching_edge(tmp_path) as (edge, origin):
        asked = (tmp_path, capture, "--to", edge, "--rules", tmp_path / "rules.yaml", "--rate", "200")
        counts = []
        for more in (
            (),
            (),
            ("--purge-first", "--control", tmp_path / "control"),
            ("--purge-first", "--purge-token-file", tmp_path / "token"),
        ):
            before = len(origin.seen)
            found = await asyncio.to_thread(replay, *asked, *more)
            assert found.status == 0, found.out + found.err
            pages = [head for head in origin.seen[before:] if b" /p/" in head]
            counts.append((len(pages), found.to["cache"].get("hit", 0)))
        assert counts == [(27, 27), (0, 54), (27, 27), (27, 27)]
        assert "all purged first" not in found.out
        assert "30 URLs purged first" not in found.out
        assert "28 URLs purged first" in found.out  # one of them with each query
        wrong = await asyncio.to_thread(replay, *asked, "--purge-first")
        assert (wrong.status, "which edge?" in wrong.err) == (2, True)
        (tmp_path / "other").write_text("another-token-of-the-tests\n")
        other = await asyncio.to_thread(replay, *asked, "--purge-first", "--purge-token-file", tmp_path / "other")
        assert (other.status, "not all of 28 URLs were purged: 403 28" in other.err) == (2, True)


@pytest.mark.slow
async def test_a_chosen_hit_ratio_is_held_and_the_edge_says_the_same(tmp_path: Path) -> None:
    capture = capture_of(tmp_path, 900, 2_000)
    async with caching_edge(tmp_path) as (edge, origin):
        found = await asyncio.to_thread(
            replay,
            *(tmp_path, capture, "--to", edge, "--rules", tmp_path / "rules.yaml", "--rate", "300"),
            *("--hit-ratio", "80%", "--purge-first", "--control", tmp_path / "control", "--quiet"),
        )
        assert found.status == 0, found.out + found.err
        hits, misses = (found.to["cache"][word] for word in ("hit", "miss"))
        assert hits + misses == found.to["answered"] == 2_000
        assert hits / (hits + misses) == pytest.approx(0.8, abs=0.01)
        assert len(origin.seen) == misses
        assert not [head for head in origin.seen if b"/search/" in head]
        assert found.report["cache"]["intended_hits"] == 0.8
        assert "hits of 2,000 answers that say so (aim 80.0%)" in found.out
