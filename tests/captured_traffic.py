"""An edge in the test's own process that captures, and what its capture came to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

from captures import found_in
from harness import RunningEdge, Script, always, backend, running_edge

from edgeproxy.capture.record import Captured
from edgeproxy.capture.settings import Settings
from edgeproxy.telemetry.access_log import AccessLog

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
HELLO = sha256(b"hello").hexdigest()
RULES = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
hosts: {{app: {{names: [pypi.test]}}}}
backends:
  origin: {{url: "http://127.0.0.1:{port}", timeouts: {{head: 300ms}}}}
  none: {{url: "http://127.0.0.1:1"}}
  files: {{directory: "{files}"}}
splits: {{reads: {{weights: {{none: 0, origin: 100}}}}}}
rules:
  - {{name: kept, match: {{path: "/kept/{{name}}"}}, forward: {{backend: origin}}, cache: {{fresh: 1h}}}}
  - {{name: split, match: {{path: "/split"}}, forward: {{split: reads}}}}
  - {{name: gone, match: {{path: "/gone"}}, respond: {{status: 410}}}}
  - {{name: refused, match: {{path: "/refused"}}, forward: {{backend: none}}}}
  - {{name: file, match: {{path: "/file"}}, forward: {{backend: files}}}}
  - {{name: call, match: {{path: "/RPC2", methods: [POST], xmlrpc: [search]}}, safety: safe, forward: {{backend: origin}}}}
  - {{name: read, match: {{path: "/read", methods: [POST]}}, safety: safe, forward: {{backend: origin}}}}
  - {{name: display, match: {{path: "/pypi", methods: [GET], query: {{":action": [submit]}}}}, safety: unsafe, forward: {{backend: origin}}}}
  - {{name: plain-acts, match: {{scheme: http, path: "/act", methods: [GET]}}, respond: {{status: 403}}}}
  - {{name: plain-reads, match: {{scheme: http, path: "/look", methods: [GET]}}, redirect: {{to: "https://pypi.test/look", status: 301}}}}
  - {{name: acts, match: {{path: "/act", methods: [GET], query: {{":action": [purge]}}}}, safety: unsafe, forward: {{backend: origin}}}}
  - {{name: rest, match: {{path: "/{{rest*}}"}}, forward: {{backend: origin}}}}
"""


HELLO_ALWAYS = always(OK)


class Captures:
    """A running edge, and what its capture came to when it has ended."""

    def __init__(self, edge: RunningEdge, directory: Path) -> None:
        self.edge = edge
        self.ask = edge.ask
        self.directory = directory

    async def end(self) -> list[Captured]:
        """In the order in which exchanges began."""
        await self.edge.edge.end_capture()
        records: list[Captured] = []
        for path in sorted(self.directory.iterdir()):
            read, broken, _ = found_in(path.read_bytes())
            assert not broken
            records += read
        return sorted(records, key=lambda each: each.time)

    async def the_one(self) -> Captured:
        (record,) = await self.end()
        return record


@asynccontextmanager
async def capturing(
    tmp_path: Path,
    script: Script = HELLO_ALWAYS,
    *,
    dice: Callable[[], float] = lambda: 0.0,
    share: float = 1.0,
    log: AccessLog | None = None,
    rules: str = RULES,
) -> AsyncIterator[Captures]:
    directory = tmp_path / "captures"
    directory.mkdir()
    (tmp_path / "file").write_bytes(b"hello")
    async with backend(script) as origin:
        async with running_edge(rules.format(port=origin.port, files=tmp_path), access_log=log) as edge:
            edge.edge.begin_capture(Settings("20180416T150000Z", str(directory), share, 1 << 24, 4), dice)
            assert edge.edge.capture is not None
            await edge.edge.capture.begun()
            yield Captures(edge, directory)
