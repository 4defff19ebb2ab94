"""What the edge writes down of an exchange."""

from __future__ import annotations

import io
import json

from harness import always, backend, request, running_edge

from edgeproxy.telemetry.access_log import AccessLog


async def test_each_exchange_is_a_line_without_secrets() -> None:
    out = io.StringIO()
    answer = always(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    async with (
        backend(answer) as origin,
        running_edge(origin.rules, access_log=AccessLog(out)) as edge,
        edge.client() as client,
    ):
        await client.ask(
            request("/a?token=secret", "Authorization: Basic secret", "Cookie: secret", "User-Agent: pip/26.3")
        )
        await client.ask(request("/b", host="unknown.test"))
    first, second = map(json.loads, out.getvalue().splitlines())
    assert (first["path"], first["status"], first["rule"], first["user_agent"]) == ("/a", 404, "all", "pip/26.3")
    assert (second["host"], second["status"], second["rule"]) == ("unknown.test", 421, None)
    assert "secret" not in out.getvalue()
