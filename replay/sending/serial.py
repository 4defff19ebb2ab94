"""A page that says another thing once something was written: the last serial of an index, say.

Law: that it cannot be asked is no proof of anything, and is told.
"""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import Final

from edgeproxy.http.framing import BadFraming, reader_for
from edgeproxy.http.response import ORDINARY, BadResponse, ResponseReader
from replay.sending.said import line_start, value_of
from replay.sending.target import Target

EVERY: Final = 1.0  # seconds
_WITHIN: Final = 5.0
_SERIAL: Final = line_start("X-PyPI-Last-Serial")
_MOST: Final = 1 << 20  # octets of a page
_SHOWN: Final = 40


class CannotTell(Exception):
    """It gives no answer that says anything; the message says why."""


async def ask_serial(target: Target, path: str, host: str) -> str:
    """What it says: the last serial of its head, or else its content. Raises CannotTell."""
    try:
        async with asyncio.timeout(_WITHIN):
            return await _ask(target, path, host)
    except (OSError, asyncio.IncompleteReadError, BadResponse, BadFraming, ValueError) as error:
        raise CannotTell(f"{target}{path}: {str(error) or 'it does not answer in time'}") from None


async def _ask(target: Target, path: str, host: str) -> str:
    name = host.partition(":")[0]
    reader, writer = await asyncio.open_connection(
        target.host, target.port, ssl=target.tls, server_hostname=None if target.tls is None else name
    )
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        octets = (await reader.readuntil(b"\r\n\r\n"))[:-4]
        head = ResponseReader(200).read(octets, ORDINARY)
        if head.status != 200:
            raise CannotTell(f"{target}{path}: it says {head.status}, which is no page")
        serial = value_of(head.octets.lower(), _SERIAL)
        if serial is not None:
            return serial.decode("latin-1")[:_SHOWN]
        body, content = reader_for(head.framing), b""
        while body is not None and len(content) <= _MOST and (data := await reader.read(65_536)):
            more, rest = body.feed(data)
            content += more
            if rest is not None:
                break
        return _shown(content)
    finally:
        writer.close()


def _shown(content: bytes) -> str:
    if len(content) <= _SHOWN:
        return content.decode("utf-8", "replace").strip()
    return f"content with SHA-256 {sha256(content).hexdigest()[:16]}"
