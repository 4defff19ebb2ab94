"""`edgeproxy replay` against scripted targets: noise, what is ignored, targets that fail, and a run that is broken off."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from itertools import count
from pathlib import Path

import pytest
from captures import packed, record
from harness import BackendPeer, Script, always, backend
from replaying import replay
from site_under_test import ok

JSON = "Content-Type: application/json"


def capture_of(place: Path, number: int, apart: int = 5) -> Path:
    """As many requests, so many milliseconds apart."""
    capture = place / "some.capture"
    capture.write_bytes(packed([record(each * apart, url=f"http://pypi.test/{each}") for each in range(number)]))
    return capture


def saying(begin: int = 0, **values: object) -> Script:
    """JSON that has another `now` each time."""
    now = count(begin)

    async def script(peer: BackendPeer) -> None:
        while True:
            await peer.head()
            await peer.send(ok(json.dumps({"now": next(now), **values}).encode(), JSON, "Backend-Writes: 0"))

    return script


async def test_what_the_old_side_has_otherwise_than_itself_is_not_shown(tmp_path: Path) -> None:
    capture = capture_of(tmp_path, 120)
    async with backend(saying(a=1)) as old, backend(saying(10_000, a=1)) as new, backend(saying(20_000, a=2)) as wrong:
        against = ("--against", f"http://127.0.0.1:{old.port}")
        asked = (tmp_path, capture, *against, "--to", f"http://127.0.0.1:{new.port}")
        loud = await asyncio.to_thread(replay, *asked)
        quiet = await asyncio.to_thread(replay, *asked, "--noise", "50%")
        ignoring = await asyncio.to_thread(replay, *asked, "--ignore", "json:/now")
        found = await asyncio.to_thread(
            replay, tmp_path, capture, *against, "--to", f"http://127.0.0.1:{wrong.port}", "--noise", "50%"
        )
    assert (loud.status, loud.report["compared"]["different"]) == (1, 120)
    assert (quiet.status, quiet.report["compared"]["different"]) == (0, 0), quiet.out
    assert quiet.report["compared"]["noise"][0]["pattern"] == "json:/now"
    assert 30 < quiet.report["compared"]["pairs"] < 90
    assert (ignoring.status, ignoring.report["compared"]["different"]) == (0, 0), ignoring.out
    (group,) = found.report["compared"]["groups"]
    assert (found.status, [each["pattern"] for each in group["differences"]]) == (1, ["json:/a"])
    assert "noise  changed json:/now" in found.out


async def test_targets_that_fail_are_told_and_are_no_success(tmp_path: Path) -> None:
    capture = capture_of(tmp_path, 20)
    async with backend(always(ok(b"{}", JSON))) as target:
        gone = target.port
    found = await asyncio.to_thread(replay, tmp_path, capture, "--to", f"http://127.0.0.1:{gone}")
    assert found.status == 1
    assert found.to["failed"] == {"connect": 20}
    assert f"FAILED: http://127.0.0.1:{gone}: 20 requests without an answer" in found.out
    async with backend(always(ok(b"{}", JSON))) as target:
        here = f"http://127.0.0.1:{target.port}"
        other = await asyncio.to_thread(
            replay, tmp_path, capture, "--to", f"http://127.0.0.1:{gone}", "--against", here
        )
    assert other.report["compared"]["different"] == 20
    (group,) = other.report["compared"]["groups"]
    assert [each["pattern"] for each in group["differences"]] == ["answer:new/connect"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_run_that_is_broken_off_tells_what_there_is(tmp_path: Path, number: signal.Signals) -> None:
    capture, report = capture_of(tmp_path, 1_000, apart=50), tmp_path / "r.json"
    async with backend(saying(a=1)) as target:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "edgeproxy", "replay", str(capture), "--to", f"http://127.0.0.1:{target.port}"),
            *("--json", str(report)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        line = (await process.stderr.readline()).decode()
        assert "/s due, " in line
        assert "in hand" in line
        process.send_signal(number)
        out, _ = await process.communicate()
    assert process.returncode == 1
    assert "FAILED: it was stopped before its end" in out.decode()
    assert 0 < json.loads(report.read_text())["targets"][0]["answered"] < 1_000
