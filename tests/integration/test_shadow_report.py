"""`edgeproxy shadow`, and the gate of differences, on a running edge that is handed what its comparers would find."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from capture_verbs import run
from cutover_edge import cutover, status
from edge_process import WAIT
from shadow_verb import shadow
from specimens import OTHER, PAIR, RULES, SAME, shadowed, specimen

from edgeproxy.migration.comparing.comparer import LEARNING, Comparer
from edgeproxy.migration.specimen import Part, Specimen


def found(specimens: Iterable[Specimen]) -> str:
    """What a comparer that knows its noise says of them."""
    comparer = Comparer(shadowed(), {})
    for each in (*[PAIR] * LEARNING, *specimens):
        comparer.take(comparer.look(each))
    return json.dumps(comparer.news().to_json())


def asked_now(new: Part, count: int) -> list[Specimen]:
    return [replace(specimen(new), at=time.time(), number=99)] * count


@dataclass
class Fed:
    """An edge that is handed findings."""

    process: asyncio.subprocess.Process

    async def hear(self, findings: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(findings.encode() + b"\n")
        await self.process.stdin.drain()


@asynccontextmanager
async def fed_edge(place: Path) -> AsyncIterator[Fed]:
    rules = place / "rules.yaml"
    rules.write_text(RULES.replace("hold: 1m", "hold: 100ms"))
    tests = Path(__file__).parents[1]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(tests / "fed_edge.py"), str(rules), str(place / "control"), str(place / "state")),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(tests.parent)},
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(WAIT):
            assert await process.stdout.readline() == b"ready\n"
        yield Fed(process)
        process.terminate()
        async with asyncio.timeout(WAIT):
            assert await process.wait() == 0
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]


async def until(place: Path, what: str) -> dict[str, Any]:
    """Its status, once that is in its journal."""
    async with asyncio.timeout(WAIT):
        while True:
            told = await status(place)
            if any(entry["what"] == what for entry in told["journal"]):
                return told
            await asyncio.sleep(0.1)


async def test_an_operator_sees_what_differs_and_can_forget_it(tmp_path: Path) -> None:
    async with fed_edge(tmp_path) as edge:
        code, text = await shadow(tmp_path, "report")
        assert (code, text.partition(" since ")[0]) == (1, "no shadow was compared")  # `report && step` goes no step
        await edge.hear(found([specimen(OTHER), specimen(SAME)]))
        code, text = await shadow(tmp_path, "report")
        assert code == 1
        assert text.splitlines()[2] == "1 of 22  page  /page/{name}/  pip: name is another"
        code, text = await shadow(tmp_path, "report", "--rule", "rest")
        assert (code, text.splitlines()[2:]) == (
            1,
            ["nothing is said of, for nothing was compared", "    rest: no request of it was shadowed"],
        )
        code, text = await shadow(tmp_path, "report", "--cutover", "reads", "--format", "json")
        told = json.loads(text)
        assert (code, told["rules"], told["groups"][0]["compared"]) == (1, ["page"], 22)
        assert [each["name"] for each in told["cutovers"]] == ["reads"]
        assert (await shadow(tmp_path, "report", "--cutover", "writes")) == (
            2,
            "edgeproxy shadow: no cutover is named 'writes': reads",
        )
        assert (await shadow(tmp_path, "report", "--rule", "rest", "--rule", "pgae")) == (
            2,
            "edgeproxy shadow: no rule is named 'pgae': page, rest have shadows",
        )
        code, text = await shadow(tmp_path, "clear")
        assert (code, text.startswith("forgotten, but for what is known as noise")) == (0, True)
        code, text = await shadow(tmp_path, "report")
        assert (code, text.partition(" since ")[0]) == (1, "no shadow was compared")
        _, text = await shadow(tmp_path, "report", "--rule", "page", "--format", "json")
        told = json.loads(text)
        assert (told["verdict"], told["uncompared"]) == ("not_compared", {"page": "no request of it was shadowed"})
        await edge.hear(found([specimen(SAME)]))
        code, text = await shadow(tmp_path, "report", "--rule", "page", "--format", "json")
        assert (code, json.loads(text)["verdict"]) == (0, "nothing_differs")


async def test_findings_and_noise_outlive_their_edge(tmp_path: Path) -> None:
    async with fed_edge(tmp_path) as edge:
        await edge.hear(found([specimen(OTHER)]))
    async with fed_edge(tmp_path) as edge:
        code, text = await shadow(tmp_path, "report", "--format", "json")
    told = json.loads(text)
    assert (code, told["groups"][0]["compared"], told["kept"]) == (1, LEARNING + 1, True)
    assert told["noise"] == [{"rule": "page", "pairs": LEARNING, "seen": []}]


async def test_a_cutover_that_shadows_show_no_difference_of_goes_on_by_itself(tmp_path: Path) -> None:
    async with fed_edge(tmp_path) as edge:
        await cutover(tmp_path, "start", "reads")
        _, text = await cutover(tmp_path, "status")
        assert "next 50 %, when its gates pass" in text
        assert "differences: not enough data" in text
        await edge.hear(found(asked_now(SAME, 3_000)))
        told = await until(tmp_path, "gates_passed")
        _, text = await shadow(tmp_path, "report", "--cutover", "reads")
    (entry,) = (each for each in told["journal"] if each["what"] == "gates_passed")
    (evidence,) = entry["evidence"]
    assert (evidence["gate"], evidence["verdict"]) == ("differences", "pass")
    assert (evidence["new"]["exchanges"], evidence["new"]["events"]) == (3_000, 0)
    assert " at 50 %\n    differences: not enough data" in text  # of the new step


async def test_a_new_side_that_differs_is_rolled_back_before_anybody_is_moved(tmp_path: Path) -> None:
    async with fed_edge(tmp_path) as edge:
        await cutover(tmp_path, "start", "reads")
        await status(tmp_path)  # who looks begins its trial
        await edge.hear(found([*asked_now(OTHER, 50), *asked_now(SAME, 50)]))
        told = await until(tmp_path, "gate_failed")
        _, text = await cutover(tmp_path, "status", "reads")
    entry = told["journal"][-1]
    assert (entry["what"], entry["evidence"][0]["new"]["events"]) == ("gate_failed", 50)
    assert entry["why"].startswith("differences: FAIL: different ")
    assert "differences: FAIL" in text


async def test_without_an_edge_it_says_what_to_do(tmp_path: Path) -> None:
    code, text = await run("shadow", "report", "--control", tmp_path / "control")  # as people type it
    assert (code, "no edge listens there" in text) == (2, True)
