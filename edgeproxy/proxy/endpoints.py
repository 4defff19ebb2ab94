"""The endpoints of a backend as a pool has them: what is known of each, how it is reached, what is kept to it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from edgeproxy.proxy.backend_tls import TlsFiles
from edgeproxy.proxy.balance import EndpointState
from edgeproxy.proxy.dial import Dialer
from edgeproxy.proxy.names import Name, is_name
from edgeproxy.proxy.resolve import Resolver
from edgeproxy.ruleset.limits import Limits
from edgeproxy.ruleset.listeners import InetAddress
from edgeproxy.ruleset.origins import Endpoint, HttpBackend

if TYPE_CHECKING:
    from edgeproxy.proxy.backend import BackendConnection


class Change(StrEnum):
    """What happened to an endpoint."""

    EJECTED = "ejected"
    DOWN = "down"
    UP = "up"


@dataclass(frozen=True, slots=True)
class EndpointEvent:
    at: float  # seconds since the epoch
    endpoint: str
    change: Change
    reason: str


def event(one: PooledEndpoint, change: Change, reason: str) -> EndpointEvent:
    return EndpointEvent(time.time(), str(one.endpoint.address), change, reason)


class PooledEndpoint(EndpointState):
    __slots__ = ("dialer", "kept", "most_kept", "trouble")

    def __init__(self, endpoint: Endpoint, dialer: Dialer, most_kept: int) -> None:
        super().__init__(endpoint)
        self.dialer = dialer
        self.kept: list[BackendConnection] = []  # unused; the most recently used last
        self.most_kept = most_kept
        self.trouble = ""  # what went wrong last


def make_endpoints(backend: HttpBackend, limits: Limits, resolver: Resolver) -> Sequence[PooledEndpoint]:
    """Each may keep its share of the connections that the backend's pool may keep."""
    tls = None if backend.tls is None else TlsFiles(backend.tls)
    weights = sum(endpoint.weight for endpoint in backend.endpoints)
    return [
        PooledEndpoint(
            endpoint,
            _dialer(backend, endpoint, tls, resolver),
            max(1, limits.pool_size * endpoint.weight // weights) if limits.pool_size else 0,
        )
        for endpoint in backend.endpoints
    ]


def _dialer(backend: HttpBackend, endpoint: Endpoint, tls: TlsFiles | None, resolver: Resolver) -> Dialer:
    address = endpoint.address
    host = address.host if isinstance(address, InetAddress) else _host_of(backend.authority)
    name = Name(host, resolver) if isinstance(address, InetAddress) and is_name(host) else None
    wanted = backend.tls.name if backend.tls is not None and backend.tls.name is not None else host
    return Dialer(address, name, tls, wanted)


def _host_of(authority: str) -> str:
    """Without the port, and the brackets of an IPv6 address."""
    if authority.startswith("["):
        return authority[1:].partition("]")[0]
    return authority.partition(":")[0]
