"""The supervisor's control socket: one JSON object a line, and one JSON object a line in answer.

    {"do": "purge", "tags": ["project/flask"]}
    {"purged": true, "disk": 3}

Laws of this module:
- only the user whose socket it is can connect (mode 0600), from the first moment on: it is bound aside, and put into
  its place when it can be answered;
- every line gets one answer, in order: what was asked for, or `error`, which says what is wrong and what to do;
- all that a client can take is bounded: the length of a line, the time between lines, and the time to read an answer;
- so many clients are served at once. Nobody is turned away: one more waits, at the longest until one of them has said
  nothing for its time. What is bounded holds up no other client, and never the edge.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from edgeproxy.control.control_path import is_live, name_of
from edgeproxy.control.failures import CannotRun
from edgeproxy.telemetry.stderr import tell

LONGEST_LINE: Final = 1 << 20  # octets
_MOST_CLIENTS: Final = 16
_MOST_WAITING: Final = 128  # beside them, in the kernel
_IDLE: Final = 30.0  # seconds until the next line is whole: less than who waits for a turn has patience for
_TAKE_WITHIN: Final = 10.0  # seconds to read an answer
_PAUSE: Final = 1.0  # seconds until accepting is tried again

Words = Mapping[str, object]
Command = Callable[[Words], Awaitable[Words]]  # raises Refused


class Refused(Exception):
    """A command that is not carried out; the message says why, and what to do."""


class ControlSocket:
    """`commands` by what `do` says."""

    def __init__(self, path: Path, commands: Mapping[str, Command]) -> None:
        self._path = path
        self._commands = commands
        self._socket: socket.socket | None = None
        self._inode: tuple[int, int] | None = None  # of the socket's name, here or there
        self._accepting: asyncio.Task[None] | None = None
        self._clients: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Semaphore(_MOST_CLIENTS)

    def bind(self, *, is_successor: bool) -> None:
        """Without being found yet. `is_successor`: of the edge that listens at the path now. Raises CannotRun."""
        self._check_path(may_be_live=is_successor)
        aside, sock = self._aside(), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            aside.unlink(missing_ok=True)  # of a process that had this one's number
            with name_of(aside) as name:
                sock.bind(name)
            aside.chmod(0o600)
            found = aside.lstat()
        except OSError as error:
            sock.close()
            raise CannotRun(f"--control {self._path} cannot be made: {error.strerror or error}") from None
        self._socket, self._inode = sock, (found.st_dev, found.st_ino)

    def serve(self) -> None:
        """Be found at the path from now on. Raises CannotRun."""
        assert self._socket is not None, "it is bound"
        self._socket.setblocking(False)
        self._socket.listen(_MOST_WAITING)
        self._accepting = asyncio.get_running_loop().create_task(self._accept(self._socket))
        try:
            self._aside().replace(self._path)
        except OSError as error:
            raise CannotRun(f"--control {self._path} cannot be put into its place: {error.strerror}") from None

    def close(self) -> None:
        """A path that another edge has taken over meanwhile is left to it."""
        for path in (self._aside(), self._path):
            with suppress(OSError):
                found = path.lstat()
                if (found.st_dev, found.st_ino) == self._inode:
                    path.unlink()
        for task in (self._accepting, *self._clients):
            if task is not None:
                task.cancel()
        if self._socket is not None:
            self._socket.close()

    def _check_path(self, *, may_be_live: bool) -> None:
        path = self._path
        if path.is_socket():
            if not may_be_live and is_live(path):
                raise CannotRun(f"--control {path} is another edge's, which runs: stop it, or name another path")
        elif os.path.lexists(path):
            raise CannotRun(f"--control {path} is there and no socket: remove it, or name another path")

    def _aside(self) -> Path:
        return self._path.with_name(f"{self._path.name}.{os.getpid()}")

    # -- its clients --------------------------------------------------------------------------------------------

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._turns.acquire()
            try:
                accepted, _ = await loop.sock_accept(listening)
            except OSError:  # descriptors or memory have run out: workers tell of it
                self._turns.release()
                await asyncio.sleep(_PAUSE)
                continue
            client = loop.create_task(self._serve(accepted))
            self._clients.add(client)
            client.add_done_callback(partial(self._leave, accepted))

    def _leave(self, accepted: socket.socket, client: asyncio.Task[None]) -> None:
        self._clients.discard(client)
        self._turns.release()
        accepted.close()  # of a task that was cancelled before it began, nobody else does

    async def _serve(self, accepted: socket.socket) -> None:
        reader, writer = await asyncio.open_unix_connection(sock=accepted, limit=LONGEST_LINE)
        writer.transport.set_write_buffer_limits(0)  # what was written is with the kernel when `drain` returns
        try:
            await self._converse(reader, writer)
        except OSError:  # it is gone, or too slow (TimeoutError)
            pass
        finally:
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                async with asyncio.timeout(_IDLE):
                    line = await reader.readline()
            except ValueError:  # the rest of it is not read: there is no next line
                await _write(writer, {"error": f"a line is longer than {LONGEST_LINE} octets: say it in several"})
                return
            if not line.endswith(b"\n"):  # the end, maybe in the middle of a line
                return
            await _write(writer, await self._answer(line))

    async def _answer(self, line: bytes) -> Words:
        try:
            words = _read(line)
            name = words.pop("do", None)
            command = self._commands.get(name) if isinstance(name, str) else None
            if command is None:
                known = ", ".join(sorted(self._commands))
                raise Refused(f"`do` is {json.dumps(name)}: this edge knows {known}")
            return await command(words)
        except Refused as refused:
            return {"error": str(refused)}
        except Exception as error:  # noqa: BLE001  # a fault in one command is nobody else's loss
            tell(f"unexpected: control socket: {type(error).__name__}: {error}")
            return {"error": f"unexpected: {type(error).__name__}: {error}: a fault of the edge: report it"}


def _read(line: bytes) -> dict[str, object]:
    try:
        words = json.loads(line)
    except (ValueError, RecursionError):
        words = None
    if not isinstance(words, dict):
        raise Refused('a line is one JSON object, such as {"do": "purge", "all": true}')
    return words


async def _write(writer: asyncio.StreamWriter, words: Words) -> None:
    writer.write(json.dumps(words).encode() + b"\n")
    async with asyncio.timeout(_TAKE_WITHIN):
        await writer.drain()
