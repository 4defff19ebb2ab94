"""The control socket: whoever asks is answered, and whoever does not keep to it is nobody else's trouble."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from edgeproxy.control import control_socket
from edgeproxy.control.control_client import CannotAsk, ask
from edgeproxy.control.control_path import connected
from edgeproxy.control.control_socket import ControlSocket, Refused
from edgeproxy.control.failures import CannotRun


async def echo(words: Mapping[str, object]) -> Mapping[str, object]:
    return {"echo": words}


async def refuse(words: Mapping[str, object]) -> Mapping[str, object]:
    raise Refused(f"not {words['what']}: say something else")


async def fail(_: Mapping[str, object]) -> Mapping[str, object]:
    raise ZeroDivisionError("a fault")


async def never(_: Mapping[str, object]) -> Mapping[str, object]:
    await asyncio.Event().wait()
    raise AssertionError


COMMANDS = {"echo": echo, "refuse": refuse, "fail": fail, "never": never}


@asynccontextmanager
async def listening(path: Path, *, is_successor: bool = False) -> AsyncIterator[ControlSocket]:
    control = ControlSocket(path, COMMANDS)
    control.bind(is_successor=is_successor)
    control.serve()
    try:
        yield control
    finally:
        control.close()
        await asyncio.sleep(0)  # its tasks hear of it


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def write(self, octets: bytes) -> None:
        self.writer.write(octets)

    def say(self, **words: object) -> None:
        self.write(json.dumps(words).encode() + b"\n")

    async def answer(self) -> Any:
        async with asyncio.timeout(30):
            return json.loads(await self.reader.readline())

    async def ended(self) -> bool:
        async with asyncio.timeout(30):
            with suppress(ConnectionResetError):  # what it still said was not read
                return await self.reader.read() == b""
            return True


@pytest.fixture
async def clients() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def client_of(clients: AsyncExitStack, path: Path) -> Client:
    reader, writer = await asyncio.open_unix_connection(sock=connected(path, 10.0), limit=1 << 21)
    clients.callback(writer.close)
    return Client(reader, writer)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control"


# -- the protocol -------------------------------------------------------------------------------------------------


async def test_each_line_has_one_answer_in_order(path: Path, clients: AsyncExitStack) -> None:
    async with listening(path):
        client = await client_of(clients, path)
        client.write(b'{"do": "echo", "a": [1, "\xc3\xa9"]}\n{"do": "refuse", "what": "this"}\n{"do": "ec')
        assert await client.answer() == {"echo": {"a": [1, "é"]}}
        assert await client.answer() == {"error": "not this: say something else"}
        client.write(b'ho"}\r\n')
        assert await client.answer() == {"echo": {}}


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"", "a line is one JSON object"),
        (b"purge", "a line is one JSON object"),
        (b"[1]", "a line is one JSON object"),
        (b'{"do": "echo"', "a line is one JSON object"),
        (b"\xff\xfe", "a line is one JSON object"),
        (b"[" * 100_000, "a line is one JSON object"),
        (b"{}", "`do` is null: this edge knows echo, fail, never, refuse"),
        (b'{"do": "nothing"}', '`do` is "nothing": this edge knows'),
        (b'{"do": ["echo"]}', '`do` is ["echo"]: this edge knows'),
    ],
)
async def test_what_is_no_command_is_told_and_the_next_one_is_taken(
    path: Path, clients: AsyncExitStack, line: bytes, error: str
) -> None:
    async with listening(path):
        client = await client_of(clients, path)
        client.write(line + b"\n")
        assert (await client.answer())["error"].startswith(error)
        client.say(do="echo")
        assert await client.answer() == {"echo": {}}


async def test_a_fault_in_a_command_is_told_to_both_and_nothing_ends(
    path: Path, clients: AsyncExitStack, capsys: pytest.CaptureFixture[str]
) -> None:
    async with listening(path):
        client = await client_of(clients, path)
        client.say(do="fail")
        assert (await client.answer())["error"].startswith("unexpected: ZeroDivisionError: a fault")
        assert capsys.readouterr().err == "edgeproxy: unexpected: control socket: ZeroDivisionError: a fault\n"
        client.say(do="echo")
        assert await client.answer() == {"echo": {}}


async def test_a_line_has_a_longest_length(path: Path, clients: AsyncExitStack) -> None:
    async with listening(path):
        client = await client_of(clients, path)
        client.say(do="echo", text="a" * (control_socket.LONGEST_LINE - 100))
        assert len((await client.answer())["echo"]["text"]) == control_socket.LONGEST_LINE - 100
        client.write(b"a" * (control_socket.LONGEST_LINE + 1))
        assert (await client.answer())["error"].startswith("a line is longer than 1048576 octets")
        assert await client.ended()


# -- clients that do not keep to it -------------------------------------------------------------------------------


async def test_who_waits_long_holds_nobody_up(path: Path, clients: AsyncExitStack) -> None:
    async with listening(path):
        for _ in range(15):
            waiting = await client_of(clients, path)
            waiting.say(do="never")
        last = await client_of(clients, path)
        last.say(do="echo")
        assert await last.answer() == {"echo": {}}


async def test_who_is_one_too_many_waits_for_a_turn_and_is_answered(path: Path, clients: AsyncExitStack) -> None:
    async with listening(path) as control:
        served = [await client_of(clients, path) for _ in range(16)]
        for each in served:
            each.say(do="echo")
            assert await each.answer() == {"echo": {}}
        asking = [
            asyncio.ensure_future(asyncio.to_thread(lambda: list(ask(path, [{"do": "echo", "n": 1}])))) for _ in "12"
        ]
        served[1].say(do="echo")
        assert await served[1].answer() == {"echo": {}}
        assert len(control._clients) == 16
        assert not any(each.done() for each in asking)
        served[0].writer.close()
        async with asyncio.timeout(30):
            assert await asyncio.gather(*asking) == [[{"echo": {"n": 1}}]] * 2


async def test_who_is_one_too_many_to_wait_is_told_to_try_again(
    path: Path, clients: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_socket, "_MOST_WAITING", 2)
    async with listening(path):
        for _ in range(16):
            each = await client_of(clients, path)
            each.say(do="echo")
            assert await each.answer() == {"echo": {}}
        with suppress(BlockingIOError):
            while True:  # the kernel lets one more wait than it was told
                clients.callback(connected(path, 10.0).close)
        with pytest.raises(CannotAsk, match="too many wait for the edge already: try again"):
            list(ask(path, [{"do": "echo"}]))


async def test_who_says_nothing_or_reads_nothing_is_left(
    path: Path, clients: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_socket, "_IDLE", 0.05)
    monkeypatch.setattr(control_socket, "_TAKE_WITHIN", 0.05)
    async with listening(path) as control:
        silent = await client_of(clients, path)
        silent.write(b'{"do": ')
        assert await silent.ended()
        deaf = connected(path, 30.0)
        with deaf:
            long = json.dumps({"do": "echo", "text": "a" * 1_000_000}).encode() + b"\n"
            await asyncio.to_thread(deaf.sendall, long)  # its answer is more than the kernel holds
            async with asyncio.timeout(30):
                while control._clients:
                    await asyncio.sleep(0.01)
            received = b""
            with suppress(ConnectionResetError):
                while data := await asyncio.to_thread(deaf.recv, 1 << 20):
                    received += data
            assert not received.endswith(b"\n")


async def test_who_leaves_is_not_missed(path: Path, clients: AsyncExitStack) -> None:
    async with listening(path):
        for octets in (b"", b'{"do": "echo"', b'{"do": "echo"}\n' * 1000):
            with connected(path, 10.0) as gone:
                gone.setblocking(False)
                gone.send(octets)
        client = await client_of(clients, path)
        client.say(do="echo")
        assert await client.answer() == {"echo": {}}


# -- its place ----------------------------------------------------------------------------------------------------


async def test_only_its_user_may_connect_and_it_is_there_only_while_it_is_served(path: Path) -> None:
    control = ControlSocket(path, COMMANDS)
    control.bind(is_successor=False)
    assert not path.exists()
    control.serve()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    control.close()
    assert list(path.parent.iterdir()) == []


async def test_one_that_is_never_served_leaves_nothing(path: Path) -> None:
    control = ControlSocket(path, COMMANDS)
    control.bind(is_successor=False)
    control.close()
    assert list(path.parent.iterdir()) == []


async def test_what_a_dead_edge_left_is_replaced(path: Path, clients: AsyncExitStack) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with listening(path):
        client = await client_of(clients, path)
        client.say(do="echo")
        assert await client.answer() == {"echo": {}}


async def test_one_that_another_edge_listens_at_is_left_to_it(path: Path) -> None:
    async with listening(path):
        with pytest.raises(CannotRun, match=f"--control {path} is another edge's, which runs: stop it"):
            ControlSocket(path, COMMANDS).bind(is_successor=False)
        assert path.is_socket()


async def test_the_edge_of_an_upgrade_takes_the_path_over_and_the_one_before_leaves_it(
    path: Path, clients: AsyncExitStack
) -> None:
    async with listening(path) as before:
        old = await client_of(clients, path)
        async with listening(path, is_successor=True):
            old.say(do="echo")
            assert await old.answer() == {"echo": {}}
            before.close()
            assert await old.ended()
            client = await client_of(clients, path)
            client.say(do="echo")
            assert await client.answer() == {"echo": {}}
        assert not path.exists()


@pytest.mark.parametrize("is_successor", [False, True])
async def test_a_file_is_not_taken_for_a_socket(path: Path, *, is_successor: bool) -> None:
    path.write_text("precious")
    with pytest.raises(CannotRun, match="is there and no socket: remove it"):
        ControlSocket(path, COMMANDS).bind(is_successor=is_successor)
    assert path.read_text() == "precious"


async def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match="cannot be made: No such file or directory"):
        ControlSocket(tmp_path / "none" / "control", COMMANDS).bind(is_successor=False)


async def test_a_path_may_be_longer_than_the_kernel_takes_for_a_socket(tmp_path: Path, clients: AsyncExitStack) -> None:
    folder = tmp_path / ("a" * 100) / ("b" * 100)
    folder.mkdir(parents=True)
    async with listening(folder / "control"):
        client = await client_of(clients, folder / "control")
        client.say(do="echo")
        assert await client.answer() == {"echo": {}}


# -- the client that verbs use ------------------------------------------------------------------------------------


async def test_verbs_ask_line_by_line_and_stop_at_the_first_error(path: Path) -> None:
    async with listening(path):
        lines = [{"do": "echo", "n": 1}, {"do": "refuse", "what": "that"}, {"do": "echo", "n": 2}]
        answers = []

        def talk() -> None:
            for answer in ask(path, lines):
                answers.append(answer)  # noqa: PERF402  # what came before the error counts

        with pytest.raises(CannotAsk, match="not that: say something else"):
            await asyncio.to_thread(talk)
        assert answers == [{"echo": {"n": 1}}]


def test_verbs_say_why_nobody_answers(tmp_path: Path) -> None:
    path = tmp_path / "control"
    with pytest.raises(CannotAsk, match=f"{path}: no edge listens there: start it by `edgeproxy run … --control PATH`"):
        list(ask(path, [{}]))
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        with pytest.raises(CannotAsk, match="the edge that listened there has ended"):
            list(ask(path, [{}]))
        os.unlink(path)


async def test_verbs_say_that_the_edge_ended_before_it_answered(path: Path) -> None:
    async with listening(path) as control:
        asking = asyncio.ensure_future(asyncio.to_thread(lambda: list(ask(path, [{"do": "never"}]))))
        async with asyncio.timeout(30):
            while not control._clients:
                await asyncio.sleep(0)
        control.close()
        with pytest.raises(CannotAsk, match="the edge has ended before it answered"):
            await asking
