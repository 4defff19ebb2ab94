"""Where the edge listens: IPv4, IPv6, Unix sockets, and what else may be there."""

from __future__ import annotations

import asyncio
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from harness import QUICK, RawClient, backend, request

from edgeproxy.proxy.edge import Edge
from edgeproxy.proxy.listening import CannotListen
from edgeproxy.ruleset.listeners import Address, InetAddress, Listener, UnixAddress
from edgeproxy.ruleset.load import parse_ruleset

RULES = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
hosts: {{app: {{names: [pypi.test]}}}}
backends: {{origin: {{url: "http://127.0.0.1:{port}"}}}}
rules:
  - {{name: pass, match: {{host: app, path: "/pass"}}, forward: {{backend: origin}}}}
  - {{name: hello, match: {{host: app, path: "/{{rest*}}"}}, respond: {{status: 200, body: hello}}}}
"""


@asynccontextmanager
async def listening_edge(*addresses: Address, port: int = 1) -> AsyncIterator[tuple[Address, ...]]:
    ruleset = parse_ruleset(RULES.format(port=port), "rules.yaml", base=Path.cwd())
    edge = Edge(replace(ruleset, listen=tuple(Listener(address) for address in addresses)), QUICK)
    found = await edge.start()
    try:
        yield found
    finally:
        await edge.stop(grace=0)


@asynccontextmanager
async def client_of(address: Address) -> AsyncIterator[RawClient]:
    if isinstance(address, UnixAddress):
        reader, writer = await asyncio.open_unix_connection(address.path)
    else:
        reader, writer = await asyncio.open_connection(address.host, address.port)
    client = RawClient(reader, writer)
    try:
        yield client
    finally:
        await client.close()


async def test_all_kinds_of_addresses_at_once(tmp_path: Path) -> None:
    addresses = (InetAddress("127.0.0.1", 0), InetAddress("::1", 0), UnixAddress(tmp_path / "edge"))
    async with listening_edge(*addresses) as found:
        for address in found:
            async with client_of(address) as client:
                assert (await client.ask(request("/"))).body == b"hello"


async def test_ipv6_leaves_the_same_port_of_ipv4_to_others() -> None:
    async with listening_edge(InetAddress("::", 0)) as (found,):
        assert isinstance(found, InetAddress)
        with socket.create_server(("0.0.0.0", found.port)):
            pass


async def test_anybody_may_connect_to_a_path_and_it_is_removed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "edge"
    async with listening_edge(UnixAddress(path)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o666
    assert not path.exists()


async def test_a_backend_is_told_that_the_client_came_over_a_unix_socket(tmp_path: Path) -> None:
    async def script(peer):  # type: ignore[no-untyped-def]
        await peer.head()
        await peer.send(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with backend(script) as origin:
        async with listening_edge(UnixAddress(tmp_path / "edge"), port=origin.port) as (found,):
            async with client_of(found) as client:
                assert (await client.ask(request("/pass"))).status == 204
    assert b"X-Forwarded-For: unknown\r\n" in origin.seen[0]


async def test_a_path_whose_owner_has_gone_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "edge"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
        left.listen()
    async with listening_edge(UnixAddress(path)) as (found,), client_of(found) as client:
        assert (await client.ask(request("/"))).body == b"hello"


async def test_a_path_with_an_owner_is_in_use_and_stays_the_owners(tmp_path: Path) -> None:
    path = tmp_path / "edge"
    with socket.socket(socket.AF_UNIX) as owner:
        owner.bind(str(path))
        owner.listen()
        with pytest.raises(CannotListen, match=f"cannot listen on unix:{path}: Address already in use"):
            async with listening_edge(UnixAddress(path)):
                pass
        assert path.is_socket()


async def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(CannotListen, match=f"{path} is a file and no socket: choose another"):
        async with listening_edge(UnixAddress(path)):
            pass
    assert path.read_text() == "data"
    with pytest.raises(CannotListen, match=f"{tmp_path} is a directory and no socket"):
        async with listening_edge(UnixAddress(tmp_path)):
            pass


async def test_a_second_edge_on_the_port_is_refused_and_lets_go_of_what_it_had(tmp_path: Path) -> None:
    path = tmp_path / "edge"
    async with listening_edge(InetAddress("127.0.0.1", 0)) as (found,):
        with pytest.raises(CannotListen, match="Address already in use"):
            async with listening_edge(UnixAddress(path), found):
                pass
    assert not path.exists()
