"""What a backend's declaration makes of its endpoints: shares of what is kept, names to look up, names to prove."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeproxy.proxy.endpoints import make_endpoints
from edgeproxy.proxy.resolve import Resolver
from edgeproxy.ruleset.limits import DEFAULT_LIMITS
from edgeproxy.ruleset.listeners import Address, InetAddress, UnixAddress
from edgeproxy.ruleset.origins import BackendTls, Endpoint, HttpBackend

LIMITS = replace(DEFAULT_LIMITS, pool_size=64)
UNIX = UnixAddress(Path("/run/app.sock"))


def backend(*endpoints: Endpoint, authority: str = "pypi.test", tls: BackendTls | None = None) -> HttpBackend:
    return HttpBackend("origin", endpoints, authority, tls=tls)


async def test_kept_connections_are_shared_by_weight_and_each_endpoint_may_keep_one() -> None:
    weights = (1, 2, 1, 1000)
    made = make_endpoints(
        backend(*(Endpoint(InetAddress("127.0.0.1", 80 + weight), weight) for weight in weights)), LIMITS, Resolver()
    )
    assert [one.most_kept for one in made] == [1, 1, 1, 63]


async def test_no_connection_is_kept_when_none_may_be() -> None:
    (one,) = make_endpoints(backend(Endpoint(InetAddress("127.0.0.1", 80))), replace(LIMITS, pool_size=0), Resolver())
    assert one.most_kept == 0


@pytest.mark.parametrize(
    ("address", "authority", "tls", "proven"),
    [
        (InetAddress("10.0.0.1", 443), "pypi.test", BackendTls(), "10.0.0.1"),
        (InetAddress("app.test", 443), "pypi.test", BackendTls(), "app.test"),
        (InetAddress("app.test", 443), "pypi.test", BackendTls(name="modern.test"), "modern.test"),
        (UNIX, "pypi.test:8443", BackendTls(), "pypi.test"),
        (UNIX, "[2001:db8::1]:8443", BackendTls(), "2001:db8::1"),
    ],
)
async def test_a_backend_proves_the_declared_name_or_where_it_is(
    address: Address, authority: str, tls: BackendTls, proven: str
) -> None:
    (one,) = make_endpoints(backend(Endpoint(address), authority=authority, tls=tls), LIMITS, Resolver())
    assert one.dialer.server_name == proven


async def test_names_are_looked_up_and_addresses_are_not() -> None:
    addresses = InetAddress("app.test", 80), InetAddress("127.0.0.1", 80), InetAddress("::1", 80), UNIX
    made = make_endpoints(backend(*map(Endpoint, addresses)), LIMITS, Resolver())
    assert [one.dialer.name is not None for one in made] == [True, False, False, False]
