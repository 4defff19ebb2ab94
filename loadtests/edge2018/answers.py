"""One connection of the load maker, and what it sees of answers.

Laws:
- every answer's status, length and first octets are looked at; the rest is counted and dropped in the kernel: recv(2)
  with MSG_TRUNC takes octets off a TCP connection without copying them (tcp(7));
- nothing here waits: who calls `on_readable` knows that there is something to read.
"""

from __future__ import annotations

import mmap
import re
import socket
from typing import Final

from loadtests.bench.processes import LOOPBACK
from loadtests.edge2018.origin import TAG_OCTETS, tag_of

_READ: Final = 16_384  # what is read with a head: most pages come whole
_NOWHERE: Final = mmap.mmap(-1, 64 << 20)  # where dropped octets would go: never touched, so no memory
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_CACHE_STATUS: Final = re.compile(rb"\r\ncache-status: *[^;\r]*; *([^;\r]+)", re.IGNORECASE)
_OK: Final = b"HTTP/1.1 200"


class Broken(Exception):
    """An answer is not what it should be; the message says what, in a few words that can be counted."""


class Connection:
    """`ready`: it is connected. `number` is the request under way, -1 for none. `cache` is what the edge's Cache-Status
    said of the last one."""

    __slots__ = ("asked", "begun", "block", "cache", "left", "number", "ready", "resource", "size", "sock")

    def __init__(self, port: int, block: bytes, address: str) -> None:
        """Begins to connect, from this address. `block`: the field lines of this client's requests. Raises OSError."""
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.bind((address, 0))
        self.sock.connect_ex((LOOPBACK, port))
        self.block = block
        self.begun = b""  # a head that came in parts
        self.ready = False
        self.number = -1
        self.asked = 0  # requests on this connection
        self.left = self.resource = self.size = 0
        self.cache = ""

    def has_failed(self) -> bool:
        """Whether it could not connect."""
        return bool(self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def ask(self, number: int, resource: int, path: str, size: int) -> None:
        """Send a request, whose answer must have the content of the resource. Raises OSError."""
        self.number, self.resource, self.size = number, resource, size
        self.left = -1  # the head is not there yet
        self.asked += 1
        self.sock.send(b"GET %b HTTP/1.1\r\n%b" % (path.encode(), self.block))

    def on_readable(self) -> bool:
        """Take what is there; whether the answer is complete. Raises OSError, Broken."""
        if self.left < 0:
            self._read_head()
        else:
            taken = self.sock.recv_into(_NOWHERE, min(self.left, len(_NOWHERE)), socket.MSG_TRUNC)
            if taken == 0:
                raise Broken("ended before its end")
            self.left -= taken
        return self.left == 0

    def _read_head(self) -> None:
        data = self.sock.recv(_READ)
        if not data:
            raise Broken("no answer")
        if self.begun:
            data, self.begun = self.begun + data, b""
        end = data.find(b"\r\n\r\n") + 4
        if (end < 4 or len(data) < end + TAG_OCTETS) and data.startswith(_OK[: len(data)]):
            self.begun = data
            return
        if not data.startswith(_OK):
            raise Broken(f"status {data[9:12].decode('latin-1')}")
        length = _LENGTH.search(data, 0, end)
        if length is None or int(length[1]) != self.size:
            raise Broken("of wrong length")
        if not data.startswith(tag_of(self.resource), end):
            raise Broken("the content of another")
        said = _CACHE_STATUS.search(data, 0, end)
        self.cache = said[1].decode("latin-1").strip() if said is not None else ""
        self.left = self.size - (len(data) - end)
        if self.left < 0:
            raise Broken("too long")
