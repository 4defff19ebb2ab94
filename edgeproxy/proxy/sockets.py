"""What transports do not offer: options of the socket beneath."""

from __future__ import annotations

import fcntl
import socket
import struct
import termios
from asyncio import Transport
from contextlib import suppress
from typing import Final

_AT_ONCE: Final = struct.pack("ii", 1, 0)  # struct linger: on, no time


def reset_on_close(transport: Transport) -> None:
    """Let the connection end with a reset instead of an orderly end; what is not sent yet is lost."""
    with suppress(OSError):  # it has ended already
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)


def has_unread(transport: Transport) -> bool:
    """Whether octets have arrived that the transport has not read yet."""
    try:
        waiting = fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.FIONREAD, bytes(4))
    except OSError:  # it has ended already
        return False
    return waiting != bytes(4)
