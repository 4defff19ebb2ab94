"""An edge with workers before a backend that answers everything, which is to be told to capture."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from capture_verbs import told
from edge_process import EdgeProcess, running_process
from harness import always, backend

RULES = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
hosts: {{app: {{names: [pypi.test]}}}}
backends: {{origin: {{url: "http://127.0.0.1:{port}"}}}}
rules:
  - {{name: all, match: {{host: app, path: "/{{rest*}}"}}, forward: {{backend: origin}}}}
"""
HERE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@asynccontextmanager
async def capturing_edge(place: Path, *arguments: str) -> AsyncIterator[tuple[EdgeProcess, Path]]:
    """And its control socket."""
    rules, control = place / "rules.yaml", place / "control"
    async with backend(always(HERE)) as origin:
        rules.write_text(RULES.format(port=origin.port))
        own = ("--control", str(control), *(arguments or ("--workers", "2")))
        async with running_process(rules, *own) as edge:
            yield edge, control


async def begin(control: Path, directory: Path) -> None:
    assert (await told("start", control, directory=str(directory)))["running"] is True


async def get(port: int, path: str, *lines: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        "".join([f"GET {path} HTTP/1.1\r\nHost: pypi.test\r\n", *(f"{x}\r\n" for x in lines), "\r\n"]).encode()
    )
    assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
    writer.close()
