"""The listening sockets: kept, added, removed, offered and taken over."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgeproxy.control.sockets import Offer, Sockets
from edgeproxy.proxy.listening import CannotListen
from edgeproxy.ruleset.listeners import InetAddress, Listener, UnixAddress

PORT = Listener(InetAddress("127.0.0.1", 0))


@contextmanager
def sockets(workers: int, offer: Offer | None = None) -> Iterator[Sockets]:
    found = Sockets(workers, offer)
    try:
        yield found
    finally:
        found.close()


def port_of(fd: int) -> int:
    with socket.socket(fileno=os.dup(fd)) as sock:
        port = sock.getsockname()[1]
        assert isinstance(port, int)
        return port


def test_each_worker_has_a_socket_of_its_own_on_one_port_and_all_share_a_path(tmp_path: Path) -> None:
    path = Listener(UnixAddress(tmp_path / "edge"))
    with sockets(3) as opened:
        opened.open((PORT, path))
        of_workers = [opened.of_worker((PORT, path), number) for number in range(3)]
        assert len({port for (port,), _ in of_workers}) == 3
        assert len({fd for _, (fd,) in of_workers}) == 1
        assert len({port_of(port) for (port,), _ in of_workers}) == 1
    assert not (tmp_path / "edge").exists()


def test_port_0_twice_is_two_ports_that_stay() -> None:
    with sockets(2) as opened:
        opened.open((PORT, PORT))
        first = opened.addresses((PORT, PORT))
        assert len(set(first)) == 2
        opened.open((PORT, PORT))
        assert opened.addresses((PORT, PORT)) == first


def test_what_cannot_be_opened_changes_nothing(tmp_path: Path) -> None:
    path = Listener(UnixAddress(tmp_path / "edge"))
    with sockets(2) as opened, socket.create_server(("127.0.0.1", 0)) as other:
        taken = Listener(InetAddress("127.0.0.1", other.getsockname()[1]))
        opened.open((PORT,))
        before = opened.addresses((PORT,))
        with pytest.raises(CannotListen, match="Address already in use"):
            opened.open((PORT, path, taken))
        assert opened.addresses((PORT,)) == before
        assert not (tmp_path / "edge").exists()


def test_an_offer_goes_through_the_environment_and_its_taker_owns_the_paths(tmp_path: Path) -> None:
    path = Listener(UnixAddress(tmp_path / "edge"))
    reading, writing = os.pipe()
    old = Sockets(2)
    old.open((PORT, path))
    made = old.offer(writing)
    environment = made.environment()
    taken = Offer.take(environment)
    assert environment == {}
    assert taken == made
    # As in the process that inherits them: descriptors of its own.
    mine = Offer(os.dup(writing), {key: tuple(map(os.dup, fds)) for key, fds in made.sockets.items()})
    new = Sockets(2, mine)
    assert new.addresses((PORT, path)) == old.addresses((PORT, path))
    mine.accept()
    assert os.read(reading, 10) == b"ready"
    new.take()
    old.give()
    old.close()
    assert (tmp_path / "edge").exists()
    new.close()
    assert not (tmp_path / "edge").exists()
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize(("before", "after"), [(5, 2), (2, 5), (3, 3), (4, 1)])
def test_after_an_upgrade_to_other_numbers_each_socket_has_one_worker(tmp_path: Path, before: int, after: int) -> None:
    path = Listener(UnixAddress(tmp_path / "edge"))
    with sockets(before) as old:
        old.open((PORT, path))
        offered = {key: tuple(map(os.dup, fds)) for key, fds in old.offer(0).sockets.items()}
        with sockets(after, Offer(0, offered)) as new:
            new.open((PORT, path))
            of_workers = [new.of_worker((PORT, path), number) for number in range(after)]
            ports = [fd for of_port, _ in of_workers for fd in of_port]
            assert len(ports) == len(set(ports)) == max(before, after)
            assert all(of_port for of_port, _ in of_workers)
            assert len(set(map(port_of, ports))) == 1
            assert {of_path for _, of_path in of_workers} == {offered[str(path.address), 0]}


def test_an_offer_has_the_tables_of_rate_limits_if_the_supervisor_before_knew_them() -> None:
    environment = Offer(7, {}, {65536: 9}).environment()
    assert Offer.take(dict(environment)) == Offer(7, {}, {65536: 9})
    assert Offer(7, {}, {65536: 9}).fds == (7, 9)
    (key,) = environment
    assert Offer.take({key: '{"ready": 7, "sockets": []}'}) == Offer(7, {})


def test_an_offer_has_the_log_of_purges() -> None:
    offer = Offer(7, {}, {65536: 9}, purges=11)
    assert Offer.take(offer.environment()) == offer
    assert offer.fds == (7, 9, 11)


def test_without_an_offer_there_is_none() -> None:
    assert Offer.take({"PATH": "/bin"}) is None
