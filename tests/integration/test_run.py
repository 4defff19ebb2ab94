"""`edgeproxy run` as a process: ready, refused, told to stop."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from edge_process import WAIT

RULES = """
edge: 1
listen: [{address: "127.0.0.1:0"}, {address: "[::1]:0"}]
hosts: {app: {names: [pypi.test]}}
backends: {store: {directory: ./files}, origin: {url: "http://127.0.0.1:1"}}
rules:
  - {name: hello, match: {host: app, path: "/hello"}, respond: {status: 200, body: hello}}
  - {name: files, match: {host: app, path: "/{rest*}"}, forward: {backend: store}}
"""
RUN = (sys.executable, "-m", "edgeproxy", "run")


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    (tmp_path / "files").mkdir()
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return path


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A running edge and the ports it says it listens on."""
    with subprocess.Popen([*RUN, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        word, *addresses = process.stdout.readline().split()
        assert word == "ready"
        try:
            yield process, [int(address.rsplit(":", 1)[1]) for address in addresses]
        finally:
            process.kill()


def ask(sock: socket.socket, path: str) -> bytes:
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: pypi.test\r\n\r\n".encode())
    return sock.recv(65536)


def test_it_says_where_it_listens_and_answers_there(rules: Path) -> None:
    with running(str(rules)) as (_, ports):
        for host, port in zip(("127.0.0.1", "::1"), ports, strict=True):
            with socket.create_connection((host, port)) as sock:
                assert ask(sock, "/hello").endswith(b"\r\n\r\nhello")


def test_told_to_stop_it_closes_idle_connections_and_ends_without_a_word(rules: Path) -> None:
    with running(str(rules)) as (process, ports):
        with socket.create_connection(("127.0.0.1", ports[0])) as idle:
            assert ask(idle, "/hello").endswith(b"hello")
            process.send_signal(signal.SIGTERM)
            assert idle.recv(1) == b""
        assert process.wait(WAIT) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_told_to_stop_it_refuses_who_comes_then_while_exchanges_run_on(rules: Path) -> None:
    (rules.parent / "files" / "big").write_bytes(bytes(64 << 20))
    with running(str(rules), "--workers", "2") as (process, ports):
        with socket.create_connection(("127.0.0.1", ports[0])) as slow:
            assert ask(slow, "/big").startswith(b"HTTP/1.1 200")
            process.send_signal(signal.SIGTERM)
            until = time.monotonic() + WAIT
            while not is_refused(ports[0]):
                assert time.monotonic() < until
            assert process.poll() is None
            taken = len(slow.recv(1 << 20))
            while octets := slow.recv(1 << 20):
                taken += len(octets)
            assert taken > 60 << 20  # all of it, but for what `ask` has taken
        assert process.wait(WAIT) == 0


def is_refused(port: int) -> bool:
    """Every client is answered, or refused."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=WAIT) as sock:
            assert ask(sock, "/hello").endswith(b"hello")
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # it came between the last look at the queue and the end of the socket
        return False
    return False


def test_who_is_queued_when_it_is_told_to_stop_is_answered(rules: Path) -> None:
    with running(str(rules), "--workers", "1") as (process, ports):
        (worker,) = map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())
        os.kill(worker, signal.SIGSTOP)
        queued = [socket.create_connection(("127.0.0.1", ports[0]), timeout=WAIT) for _ in range(200)]
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)  # as a rule the worker is told by then; the test holds if it is not
        os.kill(worker, signal.SIGCONT)
        for sock in queued:
            with sock:
                answer = ask(sock, "/hello")
                assert answer.endswith(b"hello")
                assert b"\r\nConnection: close\r\n" in answer
        assert process.wait(WAIT) == 0


def test_a_second_signal_breaks_off_what_still_runs(rules: Path) -> None:
    (rules.parent / "files" / "big").write_bytes(bytes(64 << 20))
    with running(str(rules)) as (process, ports):
        with socket.create_connection(("127.0.0.1", ports[0])) as slow:
            assert ask(slow, "/big").startswith(b"HTTP/1.1 200")
            process.send_signal(signal.SIGINT)
            assert process.stderr is not None
            assert "1 exchange is running" in process.stderr.readline()
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.5)  # it runs on
            process.send_signal(signal.SIGINT)
            assert process.wait(WAIT) == 0


def test_told_to_stop_it_says_what_runs_and_what_it_breaks_off(rules: Path) -> None:
    (rules.parent / "files" / "big").write_bytes(bytes(64 << 20))
    with running(str(rules), "--grace", "0.5") as (process, ports):
        with socket.create_connection(("127.0.0.1", ports[0])) as slow:
            assert ask(slow, "/big").startswith(b"HTTP/1.1 200")
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT) == 0
        assert process.stderr is not None
        assert process.stderr.read().splitlines() == [
            "edgeproxy: stopping: 1 exchange is running, at most 0.5 s",
            "edgeproxy: stopping: 1 exchange is broken off after 0.5 s (--grace)",
        ]


def test_the_command_line_moves_the_same_rules_to_other_addresses(rules: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "file").write_text("from elsewhere")
    with running(str(rules), "--listen", "127.0.0.1:0", "--backend", f"store={other}") as (_, ports):
        assert len(ports) == 1
        with socket.create_connection(("127.0.0.1", ports[0])) as sock:
            assert ask(sock, "/file").endswith(b"from elsewhere")


def refused(*arguments: str) -> tuple[int, list[str]]:
    done = subprocess.run([*RUN, *arguments], capture_output=True, text=True, timeout=WAIT, check=False)
    assert done.stdout == ""
    return done.returncode, done.stderr.splitlines()


def test_an_address_in_use_is_one_line(rules: Path) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        address = f"127.0.0.1:{sock.getsockname()[1]}"
        status, lines = refused(str(rules), "--listen", address)
    assert status == 1
    assert lines == [f"edgeproxy: cannot listen on {address}: Address already in use: choose another with --listen"]


def test_a_directory_that_is_not_there_is_one_line(rules: Path) -> None:
    (rules.parent / "files").rmdir()
    status, lines = refused(str(rules))
    assert (status, len(lines)) == (1, 1)
    assert "is not a directory" in lines[0]


@pytest.mark.parametrize("option", ["--pid-file", "--access-log"])
def test_a_file_that_cannot_be_written_is_one_line_with_its_option(rules: Path, option: str) -> None:
    path = rules.parent / "none" / "file"
    assert refused(str(rules), "--workers", "1", option, str(path)) == (
        1,
        [f"edgeproxy: {option} {path} cannot be written: No such file or directory"],
    )


@pytest.mark.parametrize("text", ["1\n", "2000000000\n", "nonsense", ""])
def test_a_pid_file_that_names_no_other_edge_is_taken_over(rules: Path, text: str) -> None:
    """1 is a process, and none of ours."""
    file = rules.parent / "pid"
    file.write_text(text)
    with running(str(rules), "--workers", "1", "--pid-file", str(file)) as (process, _):
        assert int(file.read_text()) == process.pid


def test_its_help_says_what_options_take_and_which_signals_there_are() -> None:
    done = subprocess.run([*RUN, "--help"], capture_output=True, text=True, timeout=WAIT, check=True)
    words = " ".join(done.stdout.split())
    assert "--listen ADDRESS HOST:PORT or unix:PATH, instead of the file's; may be given several times" in words
    assert "--backend NAME=PLACE" in words
    assert all(name in words for name in ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("--listen", "nonsense"),
        ("--listen", "127.0.0.1:99999"),
        ("--backend", "store"),
        ("--backend", "none=http://127.0.0.1:1"),
    ],
)
def test_wrong_usage_is_status_2(rules: Path, arguments: tuple[str, str]) -> None:
    assert refused(str(rules), *arguments)[0] == 2


def test_a_rule_file_that_is_not_there_is_status_2(tmp_path: Path) -> None:
    status, lines = refused(str(tmp_path / "none.yaml"))
    assert status == 2
    assert "none.yaml" in lines[0]
