"""An unmodified pip that speaks HTTPS: by mitmproxy and its addon through the edge's rules, and into a capture."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from bundled_sites import bundled_sites
from capture_verbs import command, found_in_files
from captures import SECRETS, record
from edge_process import EdgeProcess, running_process
from mitmproxy_program import Mitmdump, mitmdump, running_mitmdump
from system import System

from edgeproxy.capture.record import Captured
from replay.capture.har import har_of
from replay.capture.reading import Assumed, read_file

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.timeout(300)]  # the first one installs mitmproxy

RULES = """
edge: 1
listen: [{address: "127.0.0.1:0"}]
trusted_proxies: [127.0.0.0/8]
hosts:
  app:     {names: [pypi.test]}
  content: {names: [files.pypihosted.test], kind: content}
backends:
  legacy: {url: "http://127.0.0.1:8081", host: legacy.pypi.test}
  modern: {url: "http://127.0.0.1:8082", host: pypi.test}
  store:  {directory: ./files}
rules:
  - name: plain
    match: {host: [app, content], path: "/{rest*}", scheme: http}
    respond: {status: 403, body: "HTTPS only"}
  - name: files
    match: {host: content, path: "/packages/{rest*}", methods: [GET, HEAD]}
    forward: {backend: store}
  - name: simple
    match: {host: app, path: "/simple/{project}/", methods: [GET, HEAD]}
    forward: {backend: modern}
    query: drop
    cache: {fresh: 1m, accept: [json, html]}
"""
INDEX = f"https://__token__:{SECRETS[0]}@pypi.test/simple/"


@asynccontextmanager
async def edge_behind_mitmproxy(seeded: Path, place: Path) -> AsyncIterator[tuple[Mitmdump, EdgeProcess]]:
    rules = place / "rules.yaml"
    rules.write_text(RULES)
    (place / "mitmproxy").mkdir()
    with bundled_sites(seeded, place, modern_options=("--files-url", "https://files.pypihosted.test")) as sites:
        options = ("--workers", "1", "--access-log", str(place / "access.log"), *sites.options)
        async with running_process(rules, *options) as edge:
            addon = ("-s", await addon_path(), "--set", f"edge=http://127.0.0.1:{edge.port}")
            capture = ("--set", f"capture={place / 'captures'}")
            async with running_mitmdump(place / "mitmproxy", *addon, *capture) as program:
                yield program, edge


async def addon_path() -> str:
    status, out = await command("addon")
    assert status == 0
    return out.strip()


async def run(program: Mitmdump, place: Path, *words: str, **environment: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *words,
        env={**environment_of(program, place), **environment},
        cwd=place,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode() + "\n".join(program.said)


def environment_of(program: Mitmdump, place: Path) -> Mapping[str, str]:
    """No host is trusted beyond what the authority says."""
    environment = System("", program.proxy, place).environment(place)
    return environment | {"HTTPS_PROXY": program.proxy, "PIP_TRUSTED_HOST": "", "PIP_PROXY": ""}


async def test_pip_and_uv_by_https_through_the_edge_and_into_a_capture(seeded: Path, tmp_path: Path) -> None:
    async with edge_behind_mitmproxy(seeded, tmp_path) as (program, edge):
        options = ("--proxy", program.proxy, "--cert", str(program.authority), "--index-url", INDEX)
        pip = (sys.executable, "-m", "pip", "install", *options, "--target", str(tmp_path / "by-pip"), "aiohttp")
        await run(program, tmp_path, *pip)
        uv = (str(Path(sys.executable).parent / "uv"), "pip", "install", "--python", sys.executable, "jinja2")
        where = ("--index-url", "https://pypi.test/simple/", "--target", str(tmp_path / "by-uv"))
        await run(program, tmp_path, *uv, *where, SSL_CERT_FILE=str(program.authority))
        counters = (await edge.report())["counters"]
    assert list((tmp_path / "by-pip").glob("aiohttp-*.dist-info"))
    assert list((tmp_path / "by-uv").glob("jinja2-*.dist-info"))
    assert set(counters["rules"]) == {"files", "simple"}  # and not `plain`: they came by HTTPS, as the edge was told
    records = found_in_files(tmp_path / "captures")
    check_records(records, counters["requests"])
    status, said = await command("verify", tmp_path / "captures")
    assert (status, "no secret was found" in said) == (0, True), said
    told = f"capture: {len(records)} exchanges written, 0 dropped, 0 lost, 0 were none"
    assert any(line.endswith(told) for line in program.said), program.said


def check_records(records: list[Captured], requests: int) -> None:
    """Each exchange once, as its client has asked, and as the edge has counted."""
    assert len(records) == requests > 10
    assert {(each.scheme, each.authority) for each in records} == {
        ("https", "pypi.test"),
        ("https", "files.pypihosted.test"),
    }
    assert {each.status for each in records} <= {200, 206}
    assert all(each.whole and each.octets and each.digest for each in records if each.method == "GET")
    assert any("authorization" in each.credentials for each in records)
    (wheel,) = {each.digest for each in records if "/aiohttp-" in each.url and each.url.endswith(".whl")}
    assert Counter(each.url for each in records if each.digest == wheel).total() == 1
    assert len({each.connection for each in records}) > 1


async def test_options_that_cannot_be_are_told(tmp_path: Path) -> None:
    for option, why in (
        ("edge=https://127.0.0.1:1", "say http://HOST:PORT"),
        ("edge=nonsense", "say http://HOST:PORT"),
        ("capture_most=1KiB", "say at least"),
        ("capture_most=much", "capture_most=much: "),
    ):
        done = await asyncio.create_subprocess_exec(
            *(mitmdump(), "-n", "-s", await addon_path(), "--set", f"confdir={tmp_path}", "--set", option),
            *("--set", f"capture={tmp_path / 'captures'}"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        out, _ = await done.communicate()
        assert (done.returncode, why in out.decode()) == (1, True), out.decode()
    assert not (tmp_path / "captures").exists()


async def test_mitmproxy_reads_the_har_that_is_written(tmp_path: Path) -> None:
    """One that uses HAR, and is nobody's of this project; what it makes of it is read again."""
    records = [record(number) for number in range(20)]
    (tmp_path / "all.har").write_text("".join(har_of(records)))
    words = ("-n", "-q", "-r", str(tmp_path / "all.har"), "-w", str(tmp_path / "all.mitm"))
    done = await asyncio.create_subprocess_exec(mitmdump(), *words, "--set", f"confdir={tmp_path}")
    assert await done.wait() == 0
    found = list(read_file(tmp_path / "all.mitm", Assumed()))
    assert [(each.method, each.url, each.status, each.headers) for each in found if isinstance(each, Captured)] == [
        (each.method, each.url, each.status, each.headers) for each in records
    ]
