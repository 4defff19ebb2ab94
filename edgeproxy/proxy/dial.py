"""Opening a connection to one endpoint: its address or its name's addresses, TCP or a Unix socket, TLS or not."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final, TypeVar, assert_never

from edgeproxy.proxy.backend_tls import TlsFiles
from edgeproxy.proxy.names import Name
from edgeproxy.proxy.resolve import CannotResolve
from edgeproxy.ruleset.listeners import Address, InetAddress, UnixAddress
from edgeproxy.telemetry.counters import BackendFailure

P = TypeVar("P", bound=asyncio.Protocol)
Make = Callable[[str], P]  # of the address that the connection goes to

# What a peer that does not speak TLS, or does not like ours, does in a handshake.
_BROKEN_HANDSHAKE: Final = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)


class NotConnected(Exception):
    """There is no connection. The message is for a log line."""

    def __init__(self, failure: BackendFailure, reason: str) -> None:
        super().__init__(reason)
        self.failure = failure


class Dialer:
    """Opens connections to one endpoint. `name` is given when its host is one."""

    def __init__(self, address: Address, name: Name | None, tls: TlsFiles | None, server_name: str) -> None:
        self._address = address
        self.name = name
        self._tls = tls
        self.server_name = server_name

    async def dial(self, make: Make[P], until: float) -> P:
        """A connection that stands, TLS included, before `until` in loop time. Raises NotConnected."""
        loop = asyncio.get_running_loop()
        context = self._context(loop.time())
        server_name = self.server_name if context else None
        match self._address:
            case UnixAddress(path=path):
                return await _within(
                    until,
                    loop.create_unix_connection(
                        partial(make, str(path)), str(path), ssl=context, server_hostname=server_name
                    ),
                    has_tls=context is not None,
                )
            case InetAddress(port=port):
                return await self._dial_each(make, port, context, server_name, until)
            case _:
                assert_never(self._address)

    async def _dial_each(
        self, make: Make[P], port: int, context: ssl.SSLContext | None, server_name: str | None, until: float
    ) -> P:
        """One address after the other. Each gets its part of the time: a silent one leaves some for the next."""
        loop = asyncio.get_running_loop()
        addresses = await self._addresses(until)
        for left in range(len(addresses), 0, -1):
            address, now = addresses[-left], loop.time()
            try:
                return await _within(
                    now + (until - now) / left,
                    loop.create_connection(
                        partial(make, address), address, port, ssl=context, server_hostname=server_name
                    ),
                    has_tls=context is not None,
                )
            except NotConnected:
                if left == 1:
                    raise
        raise NotConnected(BackendFailure.NAME, "the name has no address")

    async def _addresses(self, until: float) -> tuple[str, ...]:
        if self.name is None:
            assert isinstance(self._address, InetAddress)
            return (self._address.host,)
        try:
            async with asyncio.timeout_at(until):
                return await self.name.in_turn()
        except CannotResolve as error:
            raise NotConnected(BackendFailure.NAME, str(error)) from None
        except TimeoutError:
            raise NotConnected(BackendFailure.NAME, "the name was not resolved in time") from None

    def _context(self, now: float) -> ssl.SSLContext | None:
        if self._tls is None:
            return None
        try:
            return self._tls.context(now)
        except OSError as error:
            raise NotConnected(BackendFailure.TLS, f"its TLS files cannot be used: {error}") from None


async def _within(until: float, connecting: Coroutine[Any, Any, tuple[asyncio.Transport, P]], *, has_tls: bool) -> P:
    """Wait for it, and say in one word what went wrong."""
    try:
        async with asyncio.timeout_at(until):
            _, protocol = await connecting
    except TimeoutError:
        raise NotConnected(BackendFailure.CONNECT_TIMEOUT, "no connection in time") from None
    except OSError as error:
        is_tls = isinstance(error, ssl.SSLError) or (has_tls and isinstance(error, _BROKEN_HANDSHAKE))
        failure = BackendFailure.TLS if is_tls else BackendFailure.REFUSED
        reason = str(error) if is_tls or not error.strerror else error.strerror  # a number says nothing more
        raise NotConnected(failure, reason or type(error).__name__) from None
    return protocol
