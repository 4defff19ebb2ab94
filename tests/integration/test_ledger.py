"""The ledger of a real edge: what needed the fallback, told by its verb, over restarts and upgrades."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from capture_verbs import run
from edge_process import WAIT, running_process
from harness import BackendPeer, always, backend
from verbs import verb

RULES = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
hosts: {{app: {{names: [pypi.test]}}}}
backends:
  modern: {{url: "http://127.0.0.1:{modern}"}}
  legacy: {{url: "http://127.0.0.1:{legacy}"}}
rules:
  - name: simple
    match: {{host: app, path: "/simple/{{project}}/", methods: [GET]}}
    forward: {{backend: modern}}
    fallback: {{to: legacy, on: [connect, 404]}}
  - {{name: rest, match: {{host: app, path: "/{{rest*}}", methods: [GET]}}, forward: {{backend: modern}}, fallback: {{to: legacy, on: [404]}}}}
"""
HERE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def modern(peer: BackendPeer) -> None:
    while True:
        head = await peer.head()
        await peer.send(HERE if b" /simple/flask/ " in head else b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")


@asynccontextmanager
async def rules_in(place: Path) -> AsyncIterator[Path]:
    async with backend(modern) as new, backend(always(HERE)) as old:
        path = place / "rules.yaml"
        path.write_text(RULES.format(modern=new.port, legacy=old.port))
        yield path


async def get(port: int, path: str, agent: str = "pip/24.0 CPython/3.11.7") -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: pypi.test\r\nUser-Agent: {agent}\r\nConnection: close\r\n\r\n".encode())
    assert (await reader.read()).startswith(b"HTTP/1.1 200")
    writer.close()


async def ledger(control: Path, *arguments: str) -> tuple[int, str]:
    return await verb("ledger", "--control", control, *arguments)


async def uses_when(control: Path, count: int) -> list[dict[str, Any]]:
    """As soon as so many uses were told to the supervisor."""
    async with asyncio.timeout(WAIT):
        while True:
            _, text = await ledger(control, "--format", "json")
            uses: list[dict[str, Any]] = json.loads(text)["uses"]
            if sum(use["count"] for use in uses) >= count:
                return uses
            await asyncio.sleep(0.1)


async def test_an_operator_sees_what_still_needs_the_old_side(tmp_path: Path) -> None:
    control = tmp_path / "control"
    async with rules_in(tmp_path) as rules:
        async with running_process(rules, "--workers", "2", "--control", str(control)) as edge:
            status, text = await run("ledger", "--control", control)  # as people type it
            assert status == 0
            assert "nothing has needed a fallback since" in text
            await get(edge.port, "/simple/flask/")
            for name in ("old-thing", "other-thing", "old-thing"):
                await get(edge.port, f"/simple/{name}/")
            await get(edge.port, "/doap/five.rdf?token=pypi-AgEIcHlwaS5vcmcCJDAwMDAwMDAw", "Mozilla/5.0 (X11)")
            uses = await uses_when(control, 4)
            told = {(use["rule"], use["shape"], use["family"], use["reason"]): use["count"] for use in uses}
            assert told == {
                ("simple", "/simple/{project}/", "pip", "status"): 3,
                ("rest", "/doap/{name}", "browser", "status"): 1,
            }
            assert {use["backend"] for use in uses} == {"legacy"}
            status, text = await ledger(control, "--rule", "simple")
            assert status == 1
            assert "/simple/old-thing/ from 127.0.0.0/24 by pip/24.0 CPython/3.11.7" in text
            assert "doap" not in text
            status, text = await ledger(control, "--empty-for", "1d")
            assert status == 1
            assert text.endswith("the old side was needed within the last 1d: it may not go")
            assert (
                json.loads((await ledger(control, "--empty-for", "1d", "--format", "json"))[1])["old_side"] == "needed"
            )
            assert "pypi-" not in (await ledger(control))[1]
            assert not list(tmp_path.glob("*.sqlite*"))


async def test_a_client_can_neither_hide_others_nor_write_to_the_operators_terminal(tmp_path: Path) -> None:
    control = tmp_path / "control"
    async with rules_in(tmp_path) as rules:
        async with running_process(rules, "--workers", "1", "--control", str(control)) as edge:
            reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
            for number in range(900):
                product = f"product{number}/1.0 " + ("\x9b2J\x90" if number == 899 else "")
                path = f"/{'x/' * (number % 7)}{number}.whl"
                head = f"GET {path} HTTP/1.1\r\nHost: pypi.test\r\nUser-Agent: {product}\r\n\r\n"
                writer.write(head.encode("latin-1"))
                await reader.readuntil(b"ok")
            writer.close()
            await get(edge.port, "/simple/old-thing/")
            await uses_when(control, 901)
            status, text = await ledger(control, "--rule", "simple")
            assert (status, "pip" in text) == (1, True)
            assert all(each.isprintable() for each in (await ledger(control))[1].replace("\n", ""))


async def test_it_outlives_its_edge(tmp_path: Path) -> None:
    control, state = tmp_path / "control", tmp_path / "state"
    own = ("--workers", "1", "--control", str(control), "--state", str(state))
    async with rules_in(tmp_path) as rules:
        async with running_process(rules, *own) as edge:
            await get(edge.port, "/simple/old-thing/")
            os.kill(edge.pid, signal.SIGTERM)  # at once: what it has not told by then is told at its end
            await edge.ended()
        async with running_process(rules, *own) as edge:
            await uses_when(control, 1)
            await get(edge.port, "/simple/old-thing/")
            (use,) = await uses_when(control, 2)
            assert (use["count"], use["first"] < use["last"]) == (2, True)
        with closing(sqlite3.connect(state / "ledger.sqlite")) as db:
            assert db.execute("SELECT sum(count) FROM uses").fetchone() == (2,)


async def test_a_file_that_is_no_ledger_is_left_as_it_is(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    for content in (b"something else" * 100, b""):
        (state / "ledger.sqlite").write_bytes(content)
        async with rules_in(tmp_path) as rules:
            command = (sys.executable, "-m", "edgeproxy", "run", str(rules), "--state", str(state))
            if not content:  # one that was made and not begun is a new one
                async with running_process(rules, "--state", str(state)):
                    pass
                continue
            process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            out, _ = await process.communicate()
            assert process.returncode == 1
            assert f"--state: {state / 'ledger.sqlite'} is not to be used as the ledger" in out.decode()
            assert (state / "ledger.sqlite").read_bytes() == content


async def test_an_old_side_that_rules_send_clients_to_may_not_go_however_empty_its_ledger_is(tmp_path: Path) -> None:
    control = tmp_path / "control"
    async with rules_in(tmp_path) as rules:
        more = '  - {name: call, match: {host: app, path: "/pypi", methods: [POST]}, forward: {backend: legacy}}\n'
        rules.write_text(rules.read_text() + more)
        async with running_process(rules, "--workers", "1", "--control", str(control)):
            status, text = await ledger(control, "--empty-for", "1s", "--format", "json")
            assert (status, json.loads(text)["old_side"]) == (1, "sent")
            status, text = await ledger(control, "--empty-for", "1s")
            assert "  call: legacy: every client\n" in text
            assert text.endswith("but rules send clients to the old side: it may not go")
            assert "call" not in (await ledger(control, "--rule", "simple"))[1]
