"""A small authoritative name server on loopback (RFC 1035 §4), whose records a test changes as it goes."""

from __future__ import annotations

import asyncio
import struct
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import cast

A, CNAME, AAAA = 1, 5, 28
NOERROR, SERVFAIL, NXDOMAIN = 0, 2, 3


@dataclass
class Record:
    """An address, or with `to` the name an alias is for."""

    ttl: int
    address: str = ""
    to: str = ""

    def kind(self) -> int:
        return CNAME if self.to else A if ip_address(self.address).version == 4 else AAAA

    def packed(self, name: str) -> bytes:
        data = _pack_name(self.to) if self.to else ip_address(self.address).packed
        return _pack_name(name) + struct.pack("!HHIH", self.kind(), 1, self.ttl, len(data)) + data


@dataclass
class NameServer(asyncio.DatagramProtocol):
    """`zone`: a name's records, or the RCODE to answer with. `gate`: while it is clear, no answer leaves."""

    zone: dict[str, list[Record] | int] = field(default_factory=dict)
    asked: Counter[tuple[str, int]] = field(default_factory=Counter)
    heard: asyncio.Event = field(default_factory=asyncio.Event)  # a query came
    is_silent: bool = False
    address: str = ""
    _held: list[tuple[bytes, tuple[str, int]]] = field(default_factory=list)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.address = "{}:{}".format(*transport.get_extra_info("sockname")[:2])

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.set()
        name, kind, question = _unpack_question(data)
        self.asked[name, kind] += 1
        if self.is_silent:
            self._held.append((data, addr))
        else:
            self._transport.sendto(self._answer(data[:2], name, kind, question), addr)

    def speak(self) -> None:
        """Answer what was held back, and from now on everything."""
        self.is_silent = False
        held, self._held = self._held, []
        for data, addr in held:
            name, kind, question = _unpack_question(data)
            self._transport.sendto(self._answer(data[:2], name, kind, question), addr)

    def _answer(self, number: bytes, name: str, kind: int, question: bytes) -> bytes:
        records = self.zone.get(name, NXDOMAIN)
        code, answers = (records, []) if isinstance(records, int) else (NOERROR, self._chain(name, kind))
        head = number + struct.pack("!HHHHH", 0x8580 | code, 1, len(answers), 0, 0)
        return head + question + b"".join(answers)

    def _chain(self, name: str, kind: int) -> list[bytes]:
        """The records of a name of one kind, through aliases."""
        records = self.zone.get(name, [])
        assert not isinstance(records, int)
        packed = [record.packed(name) for record in records if record.kind() in (kind, CNAME)]
        aliases = [record.to for record in records if record.to]
        return packed + [answer for alias in aliases for answer in self._chain(alias, kind)]


def _pack_name(name: str) -> bytes:
    return b"".join(bytes((len(label),)) + label.encode() for label in name.split(".")) + b"\0"


def _unpack_question(data: bytes) -> tuple[str, int, bytes]:
    labels, position = [], 12
    while size := data[position]:
        labels.append(data[position + 1 : position + 1 + size].decode().lower())
        position += 1 + size
    (kind,) = struct.unpack_from("!H", data, position + 1)
    return ".".join(labels), kind, data[12 : position + 5]


@asynccontextmanager
async def name_server(**zone: list[Record] | int) -> AsyncIterator[NameServer]:
    """Names are given as keywords, under .test: `old=[Record(30, "127.0.0.2")]` is old.test."""
    server = NameServer({f"{name}.test": records for name, records in zone.items()})
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: server, ("127.0.0.1", 0))
    try:
        yield server
    finally:
        transport.close()
