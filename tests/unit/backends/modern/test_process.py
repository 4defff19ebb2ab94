"""The new site as a process: ready in one line, wrong in one line, gone without a word."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest
from aiohttp import ClientSession
from packages import stored, wheel

from backends.store import Store


async def start(*arguments: str | Path) -> Process:
    command = [sys.executable, "-m", "backends.modern", *map(str, arguments)]
    return await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)


async def ended(process: Process) -> tuple[int | None, str, str]:
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_says_when_it_is_ready_and_ends_quietly(tmp_path: Path, number: signal.Signals) -> None:
    with Store(tmp_path) as store:
        stored(store, wheel("flask", "1.0"))
    process = await start("--store", tmp_path, "--files-url", "http://files.localhost:8080/")
    assert process.stdout is not None
    ready = (await process.stdout.readline()).decode()
    assert ready.startswith("ready http://127.0.0.1:")
    async with ClientSession(ready.split()[1]) as session, session.get("/simple/flask/") as answer:
        assert 'href="http://files.localhost:8080/packages/' in await answer.text()
    process.send_signal(number)
    assert await ended(process) == (0, "", "")


async def test_a_port_in_use_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = await ended(await start("--store", tmp_path, "--listen", f"127.0.0.1:{port}"))
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert f"127.0.0.1:{port}: cannot listen" in err


async def test_an_unusable_store_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "index.sqlite3").write_bytes(b"this is no database" * 100)
    code, out, err = await ended(await start("--store", tmp_path))
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "cannot be used as a store" in err


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--files-url", "files.pypihosted.test"),
        ("--files-url", "ftp://files.pypihosted.test"),
        ("--files-url-for", "http://files.localhost:8080"),
        ("--files-url-for", "pypi.localhost=files.localhost"),
    ],
)
async def test_a_wrong_option_is_wrong_usage(tmp_path: Path, option: str, value: str) -> None:
    code, out, err = await ended(await start("--store", tmp_path / "store", option, value))
    assert (code, out) == (2, "")
    assert repr(value) in err or "files.localhost" in err
