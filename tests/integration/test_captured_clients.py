"""Real clients through an edge that records everything: each exchange is there once, and no secret of theirs is anywhere."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import zstandard
from bundled_sites import bundled_sites
from capture_verbs import command, found_in_files, told
from client_sessions import PLANTED, Sitting
from edge_process import EdgeProcess, running_process
from system import ROOT

from edgeproxy.capture.record import Captured
from edgeproxy.capture.scanning import spellings_of
from edgeproxy.migration.comparing.families import family_of
from replay.capture.reading import Assumed, read_all

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.timeout(300)]


@asynccontextmanager
async def recording_edge(seeded: Path, place: Path) -> AsyncIterator[tuple[EdgeProcess, Path]]:
    """Of the last stage of the demo, and the folder of its capture."""
    rules = place / "rules.yaml"
    rules.write_text((ROOT / "rules" / "demo" / "3-modern.yaml").read_text())
    options = ("--upload-token", PLANTED["twine: token of an upload"])
    with bundled_sites(seeded, place, modern_options=options) as sites:
        own = ("--control", str(place / "control"), "--workers", "2", "--listen", "127.0.0.1:0", *sites.options)
        async with running_process(rules, *own, "--access-log", str(place / "access.log")) as edge:
            await told("start", place / "control", directory=str(place / "captures"))
            yield edge, place / "captures"


async def test_real_clients_are_recorded_without_their_secrets(seeded: Path, tmp_path: Path) -> None:
    (tmp_path / "clients").mkdir()
    async with recording_edge(seeded, tmp_path) as (edge, captures):
        await Sitting(f"http://127.0.0.1:{edge.port}", tmp_path / "clients").of_all()
        status, said = await command("stop", "--control", tmp_path / "control")
        assert (status, "0 dropped" in said) == (0, True), said
        counters = (await edge.report())["counters"]
    records = found_in_files(captures)
    check_counts(records, counters)
    check_clients(records)
    log = "\n".join(edge.said) + (tmp_path / "access.log").read_text()
    assert log.count("\n") >= len(records)
    (tmp_path / "said").write_text(log)
    await check_secrets([*captures.iterdir(), tmp_path / "said"], tmp_path)
    await check_conversions(captures, records, tmp_path)


def check_counts(records: list[Captured], counters: dict[str, Any]) -> None:
    """Against what the edge has counted by itself."""
    assert sum(each.count for each in records) == counters["requests"] > 30
    assert Counter(each.rule for each in records if each.rule is not None) == counters["rules"]
    refused = {"400": 1}  # at its head: it is no exchange
    assert Counter(str(each.status) for each in records) + Counter(refused) == counters["statuses"]


def check_clients(records: list[Captured]) -> None:
    families = {family_of(each.headers.get("user-agent", "")) for each in records}
    assert {"pip", "uv", "twine", "browser"} <= families
    assert {each.rule for each in records} >= {"simple", "files", "upload", "pages", "old-host"}
    assert {each.safety.value for each in records} == {"safe", "unsafe"}
    assert all(each.authority.endswith(".test") for each in records)
    (upload,) = [each for each in records if each.rule == "upload"]
    assert (upload.safety.value, upload.credentials, (upload.sent or 0) > 500) == ("unsafe", ("authorization",), True)
    assert any("cookie" in each.credentials for each in records)
    by_connection = [
        [each.time for each in records if each.connection == name] for name in {r.connection for r in records}
    ]
    assert all(times == sorted(times) for times in by_connection)


async def check_secrets(files: list[Path], place: Path) -> None:
    """In no octet, packed or not; and what looks for secrets by itself finds none."""
    for path in files:
        octets = b"".join(pieces(path))
        for where, secret in PLANTED.items():
            assert not [each for each in spellings_of(secret) if each in octets], f"{path}: {where}"
    (place / "known").write_text("\n".join(PLANTED.values()))
    captures = [path for path in files if path.suffix == ".capture"]
    assert captures
    assert await command("verify", *captures, "--known", place / "known") == (
        0,
        f"no secret was found in {len(captures)} file{'s' * (len(captures) > 1)}\n",
    )


def pieces(path: Path) -> Iterator[bytes]:
    """As it is, and unpacked."""
    yield path.read_bytes()
    if path.suffix == ".capture":
        with path.open("rb") as file:
            yield zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read()


async def check_conversions(captures: Path, records: list[Captured], place: Path) -> None:
    """To HAR, and back."""
    har, again = place / "all.har", place / "again.capture"
    assert (await command("convert", captures, "--to", har))[0] == 0
    await check_secrets([har, *captures.iterdir()], place)
    assert (await command("convert", har, "--to", again))[0] == 0
    found = [each.found for each in await asyncio.to_thread(lambda: list(read_all([again], Assumed())))]
    assert found == [each.found for each in read_all([captures], Assumed()) if isinstance(each.found, Captured)]
    assert len(found) == len(records)
    await check_secrets([again], place)
