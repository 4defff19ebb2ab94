"""A look-alike from end to end: clients at the bundled site through a recording edge, a model of that, and its traffic there."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

import pytest
import yaml
from bundled_sites import Sites, bundled_sites
from capture_verbs import found_in_files, run, told
from edge_process import EdgeProcess, running_process
from lookalikes import ACCEPT, agent_of
from system import ROOT

from edgeproxy.ruleset.filters import Filter, apply
from replay.model.catalogue import files_of, read_names

RULES = ROOT / "rules" / "demo" / "3-modern.yaml"
NETWORKS = 7
pytestmark = [pytest.mark.alone, pytest.mark.timeout(400)]  # ten seconds of traffic, and six processes
INDEX = "http://pypi.test/simple/"


@asynccontextmanager
async def recording_edge(place: Path, sites: Sites) -> AsyncIterator[tuple[EdgeProcess, Path]]:
    """And its control socket."""
    control, rules = place / "control", place / "rules.yaml"
    rules.write_text(RULES.read_text().replace("../../var/demo/store/files", str(sites.files)))
    listen = ("--listen", "127.0.0.1:0", "--workers", "1", "--control", str(control))
    async with running_process(rules, *listen, *sites.options) as edge:
        yield edge, control


class Client:
    """As pip asks: from an address of a network of its own, over one connection to a host."""

    def __init__(self, port: int, network: int, dice: random.Random) -> None:
        self._port = port
        self._from = f"127.0.{network}.1"
        self._dice = dice
        self._agent = agent_of(dice)
        self._open: dict[str, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}

    async def installs(self, names: list[str]) -> None:
        wanted = []
        for name in names:
            page = await self.get(f"{INDEX}{name}/", ("Accept", ACCEPT))
            file = files_of(page, f"{INDEX}{name}/")[0]
            if file.has_metadata:
                await self.get(f"{file.url}.metadata", ("Accept", "*/*"))
            wanted.append(file.url)
        for url in wanted:
            await self.get(url, ("Accept", "*/*"))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for _, writer in self._open.values():
            writer.close()
            await writer.wait_closed()

    async def get(self, url: str, *headers: tuple[str, str]) -> str:
        host, slash, path = url.removeprefix("http://").partition("/")
        if host not in self._open:
            self._open[host] = await asyncio.open_connection("127.0.0.1", self._port, local_addr=(self._from, 0))
        reader, writer = self._open[host]
        fields = [f"{name}: {value}\r\n" for name, value in (("User-Agent", self._agent), *headers)]
        writer.write(f"GET {slash}{path} HTTP/1.1\r\nHost: {host}\r\n{''.join(fields)}\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        assert head.startswith("http/1.1 200"), (url, head)
        if "transfer-encoding: chunked" in head:
            return (await _chunks(reader)).decode()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        return (await reader.readexactly(length)).decode("utf-8", "replace")


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    content = b""
    while size := int(await reader.readline(), 16):
        content += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return content


async def recorded(edge: EdgeProcess, control: Path, directory: Path) -> list[str]:
    """Some installations from some networks. Gives what projects there are."""
    assert (await told("start", control, directory=str(directory)))["running"]
    dice = random.Random(7)
    async with Client(edge.port, 99, dice) as looker:
        index = read_names(await looker.get(INDEX, ("Accept", ACCEPT)))
        names = [apply(Filter.PEP503, each.name) for each in index.projects]
    for number in range(10 * NETWORKS):
        async with Client(edge.port, number % NETWORKS + 1, dice) as client:
            await client.installs(dice.sample(names, dice.randrange(1, 4)))
    await told("stop", control)
    return names


async def test_a_model_of_recorded_clients_asks_as_they_did_and_for_what_is_there(seeded: Path, tmp_path: Path) -> None:
    with bundled_sites(seeded, tmp_path) as sites:
        async with recording_edge(tmp_path, sites) as (edge, control):
            first, second, file = tmp_path / "first", tmp_path / "second", tmp_path / "model.yaml"
            names = await recorded(edge, control, first)
            status, out = await run("model", "fit", first, "--to", file, "--page", tmp_path / "page.html")
            assert status == 0, out
            assert "whatever it says, at least 5 clients share" in out
            text = file.read_text()
            assert not [name for name in names if name in text.replace("pip/", "")]
            assert {each["kind"] for each in yaml.safe_load(text)["clients"]} == {"pip"}
            status, out = await run(
                "model", "names", INDEX, "--at", f"http://127.0.0.1:{edge.port}", "--to", tmp_path / "names.json"
            )
            assert status == 0, out

            await told("start", control, directory=str(second))
            to = ("--to", f"http://127.0.0.1:{edge.port}", "--names", tmp_path / "names.json")
            report = tmp_path / "report.json"
            status, out = await run(
                "model", "play", file, *to, "--for", "10s", "--rate", "80", "--quiet", "--json", report
            )
            await told("stop", control)
            assert status == 0, out
            (target,) = json.loads(report.read_text())["targets"]
            played = found_in_files(second)
            assert len(played) == target["answered"] > 100
            assert {each.status for each in played} == {200}
            before, after = found_in_files(first), played
            for rule in ("simple", "beside-files", "files"):
                shares = [sum(each.rule == rule for each in records) / len(records) for records in (before, after)]
                assert abs(shares[0] - shares[1]) < 0.12, (rule, shares)
            assert {each.headers.get("accept") for each in played} == {each.headers.get("accept") for each in before}
            status, out = await run("model", "check", file, second, "--page", tmp_path / "page.svg")
            assert status in (0, 1), out
            assert "what it never has:" in out
