"""A worker that runs out of descriptors: who comes waits, is served when others have left, and the operator is told."""

from __future__ import annotations

import asyncio
import os
import resource
import ssl
from pathlib import Path

import pytest
import trustme
from edge_process import EdgeProcess, running_process
from harness import RawClient, request

RULES = """
edge: 1
listen: [{address: "127.0.0.1:0"TLS}]
hosts: {app: {names: [pypi.test]}}
rules: [{name: hello, match: {host: app, path: "/{rest*}"}, respond: {status: 200, body: hello}}]
"""


async def connect(edge: EdgeProcess, context: ssl.SSLContext | None) -> RawClient:
    name = None if context is None else "pypi.test"
    return RawClient(*await asyncio.open_connection("127.0.0.1", edge.port, ssl=context, server_hostname=name))


async def ask(edge: EdgeProcess, context: ssl.SSLContext | None, may_leave: asyncio.Event) -> bytes:
    """A client that keeps its connection until it may leave."""
    client = await connect(edge, context)
    body = (await client.ask(request())).body
    await may_leave.wait()
    client.writer.transport.abort()
    return body


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
async def test_who_finds_no_descriptor_left_is_served_when_others_have_left(tmp_path: Path, tls: bool) -> None:
    authority, context = trustme.CA(), None
    if tls:
        issued = authority.issue_cert("pypi.test")
        issued.private_key_pem.write_to_path(tmp_path / "app.key")
        issued.cert_chain_pems[0].write_to_path(tmp_path / "app.pem")
        context = ssl.create_default_context()
        authority.configure_trust(context)
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES.replace("TLS", ", tls: [{cert: app.pem, key: app.key}]" if tls else ""))
    async with running_process(rules, "--workers", "1") as edge, asyncio.timeout(60):
        (worker,) = await edge.workers()
        _, most = resource.prlimit(worker, resource.RLIMIT_NOFILE)
        used = max(int(name) for name in os.listdir(f"/proc/{worker}/fd")) + 1
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (used + 4, most))
        may_leave = asyncio.Event()
        clients = [asyncio.ensure_future(ask(edge, context, may_leave)) for _ in range(12)]
        line = await edge.until_said("no connection can be accepted: Too many open files")
        assert "raise the limit of open files" in line
        counters = (await edge.report())["workers"][0]["counters"]
        assert counters["accept_failures"] > 0
        assert counters["open_connections"] < 12
        may_leave.set()
        assert await asyncio.gather(*clients) == [b"hello"] * 12  # those that waited, too
        assert sum("no connection can be accepted" in line for line in edge.said) == 1
        assert await edge.workers() == [worker]
