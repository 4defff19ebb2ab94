"""Active health checks: each endpoint is asked again and again, on connections of their own.

Law: a check is bounded in time and octets, and whatever its endpoint does is an outcome, never an error.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Final, cast

from edgeproxy.proxy.dial import NotConnected
from edgeproxy.ruleset.origins import HealthCheck

if TYPE_CHECKING:
    from edgeproxy.proxy.endpoints import PooledEndpoint
    from edgeproxy.proxy.pool import Pool

_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r]")
_LONGEST_HEAD: Final = 32_768


async def watch(pool: Pool, one: PooledEndpoint, check: HealthCheck) -> None:
    """Check until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        try:
            await _check_once(pool, one, check)
        except Exception as error:  # noqa: BLE001  # the supervisor of this task: a fault of ours ends one check
            loop.call_exception_handler(
                {"message": f"a health check of {one.endpoint.address} failed", "exception": error}
            )
        await asyncio.sleep(max(0.0, began + check.interval - loop.time()))


async def _check_once(pool: Pool, one: PooledEndpoint, check: HealthCheck) -> None:
    problem = await probe(one, check, pool.backend.authority)
    now = asyncio.get_running_loop().time()
    if one.check(problem is None, check, now):
        pool.on_verdict(one, problem or f"{check.healthy} checks in a row were well")


async def probe(one: PooledEndpoint, check: HealthCheck, authority: str) -> str | None:
    """Ask once. None: it is well; else what is wrong."""
    until = asyncio.get_running_loop().time() + check.timeout
    try:
        asking = await one.dialer.dial(lambda _: Probe(check.path, authority), until)
    except NotConnected as error:
        return str(error)
    try:
        async with asyncio.timeout_at(until):
            status = await asking.status
    except TimeoutError:
        return "no answer in time"
    finally:
        asking.close()
    if status is None:
        return "no HTTP answer"
    return None if 200 <= status < 400 else f"status {status}"


class Probe(asyncio.Protocol):
    """One request, and the status of its answer (None: there was none)."""

    def __init__(self, path: str, authority: str) -> None:
        self.status: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        lines = (
            f"GET {path} HTTP/1.1",
            f"Host: {authority}",
            "User-Agent: edgeproxy-health",
            "Connection: close",
            "",
            "",
        )
        self._request = "\r\n".join(lines).encode("ascii")
        self._held = b""
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._held += data
        while (end := self._held.find(b"\r\n\r\n")) >= 0 and not self.status.done():
            line = _STATUS_LINE.match(self._held)
            if line is None:
                self._tell(None)
            elif int(line[1]) >= 200:
                self._tell(int(line[1]))
            self._held = self._held[end + 4 :]  # an interim answer (1xx)
        if len(self._held) > _LONGEST_HEAD:
            self._tell(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._tell(None)

    def close(self) -> None:
        self._transport.abort()

    def _tell(self, status: int | None) -> None:
        if not self.status.done():
            self.status.set_result(status)
