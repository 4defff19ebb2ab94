"""Workers that die, hang, cannot start, or lose their supervisor; rules that are reloaded; lines that never mix."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import ssl
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import trustme
from edge_process import EdgeProcess, is_running, running_process
from harness import RawClient, request

RULES = """
edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
backends: {store: {directory: files}}
rules:
  - {name: files, match: {host: app, path: "/files/{rest*}"}, forward: {backend: store}}
  - {name: hello, match: {host: app, path: "/{rest*}"}, respond: {status: 200, body: hello}}
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    (tmp_path / "files").mkdir()
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return path


async def connect(edge: EdgeProcess) -> RawClient:
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    return RawClient(reader, writer)


async def ask(edge: EdgeProcess, path: str = "/") -> bytes:
    client = await connect(edge)
    try:
        async with asyncio.timeout(30):
            return (await client.ask(request(path, "Connection: close"))).body
    finally:
        await client.close()


async def test_a_worker_that_comes_later_has_the_map_that_was_checked(rules: Path) -> None:
    moved = '{name: moved, match: {path: "/{rest*}"}, redirect: {map: moves.csv}}'
    rules.write_text(RULES.replace("rules:\n", f"rules:\n  - {moved}\n"))
    moves = rules.parent / "moves.csv"
    moves.write_text("/old,/first\n")
    async with running_process(rules, "--workers", "1") as edge:
        for changed in ("/old,/old\n", "no map"):  # a loop that nobody checked, and what no worker could start with
            (worker,) = await edge.workers()
            moves.write_text(changed)
            os.kill(worker, signal.SIGKILL)
            await edge.until_workers(1, without=worker)
            client = await connect(edge)
            assert (await client.ask(request("/old"))).field("Location") == "/first"
            await client.close()


# -- workers that end -------------------------------------------------------------------------------------------


async def test_a_worker_that_is_killed_is_replaced_and_no_connection_waits_in_vain(rules: Path) -> None:
    async with running_process(rules, "--workers", "2") as edge:
        victim, other = await edge.workers()
        os.kill(victim, signal.SIGKILL)
        # Half of these are queued on the socket of the one that is gone: its successor takes them.
        assert await asyncio.gather(*(ask(edge) for _ in range(20))) == [b"hello"] * 20
        assert await edge.until_said(f"worker {victim} was ended by SIGKILL: it is replaced")
        assert other in await edge.until_workers(2, without=victim)
        assert (await edge.report())["replaced"] == {"died": 1}


async def test_a_worker_that_somebody_else_tells_to_end_finishes_and_is_replaced(rules: Path) -> None:
    async with running_process(rules, "--workers", "1") as edge:
        (worker,) = await edge.workers()
        client = await connect(edge)
        assert (await client.ask(request("/"))).body == b"hello"
        os.kill(worker, signal.SIGTERM)
        await edge.until_said(f"worker {worker} was told to end")
        answer = await client.ask(request("/"))
        assert (answer.body, answer.field("Connection")) == (b"hello", "close")
        assert await client.is_closed()
        await client.close()
        await edge.until_workers(1, without=worker)
        assert (await edge.report())["replaced"] == {"left": 1}


@pytest.mark.alone
async def test_a_worker_that_hangs_is_noticed_and_replaced(rules: Path) -> None:
    async with running_process(rules, "--workers", "2", "--hang-after", "1") as edge:
        victim, _ = await edge.workers()
        os.kill(victim, signal.SIGSTOP)
        line = await edge.until_said(f"worker {victim} has been silent for")
        assert "it is killed and replaced" in line
        assert await asyncio.gather(*(ask(edge) for _ in range(20))) == [b"hello"] * 20
        await edge.until_workers(2, without=victim)
        assert (await edge.report())["replaced"] == {"hung": 1}


@pytest.mark.alone
async def test_a_supervisor_that_was_stopped_blames_nobody(rules: Path) -> None:
    async with running_process(rules, "--workers", "2", "--hang-after", "1") as edge:
        workers = await edge.workers()
        edge.signal(signal.SIGSTOP)
        await asyncio.sleep(2.5)  # longer than a worker may be silent
        assert await ask(edge) == b"hello"
        edge.signal(signal.SIGCONT)
        await asyncio.sleep(1.0)  # a few looks
        assert await edge.workers() == workers
        assert (await edge.report())["replaced"] == {}


async def test_workers_that_die_at_their_start_are_tried_again_ever_more_slowly(rules: Path) -> None:
    log = rules.parent / "log"
    async with running_process(rules, "--workers", "1", "--access-log", str(log)) as edge:
        (worker,) = await edge.workers()
        log.unlink()
        log.mkdir()  # nobody can append to it
        began = asyncio.get_running_loop().time()
        os.kill(worker, signal.SIGKILL)
        line = await edge.until_said("could not start", times=4)
        assert line.endswith(f"--access-log {log} cannot be written: Is a directory: it is replaced")
        # At once, then after 0.1, 0.2 and 0.4 seconds.
        assert asyncio.get_running_loop().time() - began > 0.7
        log.rmdir()
        assert await ask(edge) == b"hello"


async def test_workers_whose_supervisor_is_gone_finish_and_end(rules: Path) -> None:
    async with running_process(rules, "--workers", "2") as edge:
        workers = await edge.workers()
        client = await connect(edge)
        assert (await client.ask(request("/"))).body == b"hello"
        edge.signal(signal.SIGKILL)
        await edge.ended()
        try:
            async with asyncio.timeout(30):
                # A worker may read this request before it reads that its channel has ended.
                while (answer := await client.ask(request("/"))).field("Connection") != "close":
                    assert answer.body == b"hello"
            assert answer.body == b"hello"
        finally:
            await client.close()
        async with asyncio.timeout(30):
            while any(map(is_running, workers)):
                await asyncio.sleep(0.02)


async def test_counters_of_all_never_go_back(rules: Path) -> None:
    async with running_process(rules, "--workers", "2") as edge:
        for _ in range(10):
            await ask(edge)
        workers = await edge.workers()
        edge.signal(signal.SIGHUP)
        await edge.until_said("generation 2")
        assert (await edge.report())["counters"]["requests"] == 10
        async with asyncio.timeout(30):
            while any(map(is_running, workers)):
                await asyncio.sleep(0.02)
        for _ in range(5):
            await ask(edge)
        before = (await edge.report())["counters"]
        assert (before["requests"], before["rules"]) == (15, {"hello": 15})
        for worker in await edge.workers():
            os.kill(worker, signal.SIGKILL)
            await edge.until_workers(2, without=worker)
        after = (await edge.report())["counters"]
        assert (after["requests"], after["open_connections"]) == (15, 0)


async def test_a_reload_opens_the_access_log_anew(rules: Path) -> None:
    log = rules.parent / "log"
    async with running_process(rules, "--workers", "1", "--access-log", str(log)) as edge:
        (worker,) = await edge.workers()
        await ask(edge, "/before")
        log.rename(rules.parent / "log.1")
        edge.signal(signal.SIGHUP)
        await edge.until_said("generation 2")
        await ask(edge, "/after")
        async with asyncio.timeout(30):
            while is_running(worker) or not log.read_text():
                await asyncio.sleep(0.02)
    assert [json.loads(line)["path"] for line in log.read_text().splitlines()] == ["/after"]
    assert [json.loads(line)["path"] for line in (rules.parent / "log.1").read_text().splitlines()] == ["/before"]


# -- reloading --------------------------------------------------------------------------------------------------


async def test_a_reload_takes_new_rules_and_keeps_the_port(rules: Path) -> None:
    async with running_process(rules, "--workers", "2") as edge:
        before = await edge.workers()
        client = await connect(edge)
        assert (await client.ask(request("/"))).body == b"hello"
        rules.write_text(RULES.replace("body: hello", "body: changed"))
        edge.signal(signal.SIGHUP)
        await edge.until_said(f"generation 2 of {rules} is in use")
        assert await ask(edge) == b"changed"
        answer = await client.ask(request("/"))  # by the rules that it came under, once more
        assert (answer.body, answer.field("Connection")) == (b"hello", "close")
        await client.close()
        assert not set(before) & set(await edge.workers())


async def test_an_edge_that_reads_its_rules_anew_ends_when_it_is_told_to(rules: Path) -> None:
    """The reading of a FIFO takes as long as the test wants."""
    more = rules.parent / "more.yaml"
    more.write_text("edge: 1\n")
    rules.write_text(RULES.replace("edge: 1\n", "edge: 1\ninclude: [more.yaml]\n"))
    async with running_process(rules, "--workers", "1") as edge:
        more.unlink()
        os.mkfifo(more)
        edge.signal(signal.SIGHUP)
        writing = await asyncio.to_thread(os.open, more, os.O_WRONLY)  # until it is open for reading
        try:
            assert await ask(edge) == b"hello"
            edge.signal(signal.SIGTERM)
            assert await edge.ended() == 0
        finally:
            os.close(writing)


async def test_a_reload_takes_a_change_in_an_included_file(rules: Path) -> None:
    sections, name, listed = RULES.partition("rules:\n")
    included = rules.with_name("listed.yaml")
    included.write_text(f"edge: 1\n{name}{listed}")
    rules.write_text(f"{sections}include: [listed.yaml]\n")
    async with running_process(rules, "--workers", "2") as edge:
        assert await ask(edge) == b"hello"
        included.write_text(included.read_text().replace("body: hello", "body: changed"))
        edge.signal(signal.SIGHUP)
        await edge.until_said(f"generation 2 of {rules} is in use")
        assert await ask(edge) == b"changed"


@pytest.mark.parametrize(
    ("rules_then", "why"),
    [
        (RULES.replace("respond", "answer"), "rules.yaml:8:"),
        (RULES.replace("directory: files", "directory: none"), "is not a directory"),
        (RULES.replace("127.0.0.1:0", "127.0.0.1:1"), "cannot listen on 127.0.0.1:1"),
        (RULES.replace('0"}', '0", tls: [{cert: no.pem, key: no.key}]}'), "no.pem is not there"),
        (None, "cannot be read"),
    ],
    ids=["a mistake", "no directory", "no address", "no certificate", "no file"],
)
async def test_rules_that_cannot_be_used_are_told_of_and_not_taken(
    rules: Path, rules_then: str | None, why: str
) -> None:
    if os.geteuid() == 0 and rules_then is not None:
        rules_then = rules_then.replace("127.0.0.1:1", "192.0.2.1:1")  # root may listen anywhere it has an address
        why = why.replace("127.0.0.1:1", "192.0.2.1:1")
    async with running_process(rules, "--workers", "1") as edge:
        workers = await edge.workers()
        rules.unlink()
        if rules_then is not None:
            rules.write_text(rules_then)
        edge.signal(signal.SIGHUP)
        await edge.until_said("the rules are not reloaded: generation 1 stays in use")
        assert any(why in line for line in edge.said)
        assert await edge.workers() == workers
        assert await ask(edge) == b"hello"


async def test_when_not_all_new_workers_can_be_started_none_of_them_serves(rules: Path) -> None:
    async with running_process(rules, "--workers", "4") as edge:
        workers = await edge.workers()
        before = resource.prlimit(edge.pid, resource.RLIMIT_NOFILE)
        used = {int(name) for name in os.listdir(f"/proc/{edge.pid}/fd")}
        few = [number for number in range(1000) if number not in used][7]  # enough to start one or two
        resource.prlimit(edge.pid, resource.RLIMIT_NOFILE, (few, before[1]))
        rules.write_text(RULES.replace("body: hello", "body: changed"))
        edge.signal(signal.SIGHUP)
        await edge.until_said("the rules are not reloaded: generation 1 stays in use")
        assert any("Too many open files" in line for line in edge.said)
        async with asyncio.timeout(30):
            while set(children_of(edge.pid)) != set(workers):
                await asyncio.sleep(0.02)
        assert {await ask(edge) for _ in range(40)} == {b"hello"}
        resource.prlimit(edge.pid, resource.RLIMIT_NOFILE, before)
        edge.signal(signal.SIGHUP)
        await edge.until_said("generation 2")
        assert {await ask(edge) for _ in range(20)} == {b"changed"}


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def test_a_dead_worker_is_replaced_by_the_rules_in_use_not_by_those_in_the_file(rules: Path) -> None:
    async with running_process(rules, "--workers", "1") as edge:
        (worker,) = await edge.workers()
        rules.write_text("not even YAML: [")
        os.kill(worker, signal.SIGKILL)
        assert await ask(edge) == b"hello"


async def test_a_reload_may_add_and_remove_listeners(rules: Path, tmp_path: Path) -> None:
    path = tmp_path / "edge.socket"
    authority = trustme.CA()
    issued = authority.issue_cert("pypi.test")
    (tmp_path / "app.key").write_bytes(issued.private_key_pem.bytes())
    (tmp_path / "app.pem").write_bytes(issued.cert_chain_pems[0].bytes())
    tls = '{address: "127.0.0.1:0", tls: [{cert: app.pem, key: app.key}]}'
    both = RULES.replace('listen: [{address: "127.0.0.1:0"}]', f'listen: [{tls}, {{address: "unix:{path}"}}]')
    async with running_process(rules, "--workers", "2") as edge:
        rules.write_text(both)
        edge.signal(signal.SIGHUP)
        await edge.until_said("generation 2")
        reader, writer = await asyncio.open_unix_connection(path)
        assert (await RawClient(reader, writer).ask(request("/"))).body == b"hello"
        writer.close()
        context = ssl.create_default_context()
        authority.configure_trust(context)
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port, ssl=context, server_hostname="pypi.test")
        assert (await RawClient(reader, writer).ask(request("/"))).body == b"hello"
        writer.transport.abort()
        rules.write_text(RULES)
        edge.signal(signal.SIGHUP)
        await edge.until_said("generation 3")
        assert not path.exists()
        assert await ask(edge) == b"hello"


async def test_a_name_that_is_no_text_costs_its_sender_the_handshake_and_nobody_a_traceback(rules: Path) -> None:
    issued = trustme.CA().issue_cert("pypi.test")
    (rules.parent / "app.key").write_bytes(issued.private_key_pem.bytes())
    (rules.parent / "app.pem").write_bytes(issued.cert_chain_pems[0].bytes())
    rules.write_text(RULES.replace('0"}', '0", tls: [{cert: app.pem, key: app.key}]}'))
    outgoing = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="pypi.test")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    hello = outgoing.read().replace(b"pypi.test", b"\xff\xfe\x01i.test")
    async with running_process(rules, "--workers", "1") as edge:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        writer.write(hello)
        with suppress(ConnectionError):
            while await reader.read(1000):
                pass
        writer.close()
        (worker,) = (await edge.report())["workers"]
        assert sum(worker["counters"]["handshake_failures"].values()) == 1
        assert edge.said == []


# -- many at once -----------------------------------------------------------------------------------------------


async def test_lines_of_several_workers_never_mix_in_the_access_log(rules: Path) -> None:
    log = rules.parent / "log"
    paths = [f"/{number}/{'x' * 2000}" for number in range(400)]

    async def ask_all(edge: EdgeProcess, mine: list[str]) -> None:
        client = await connect(edge)
        await client.send(b"".join(map(request, mine)))
        for _ in mine:
            assert (await client.answer()).body == b"hello"
        await client.close()

    async with running_process(rules, "--workers", "2", "--access-log", str(log)) as edge:
        await asyncio.gather(*(ask_all(edge, paths[number::8]) for number in range(8)))
        edge.signal(signal.SIGTERM)
        assert await edge.ended() == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert sorted(line["path"] for line in lines) == sorted(paths)


async def test_the_pid_file_says_whom_to_signal_and_goes_with_the_edge(rules: Path) -> None:
    async with running_process(rules, "--workers", "1") as edge:
        file = rules.parent / "edge.pid"
        assert int(file.read_text()) == edge.pid
        edge.signal(signal.SIGTERM)
        assert await edge.ended() == 0
        assert not file.exists()


async def test_a_second_edge_does_not_take_the_pid_file_of_one_that_runs(rules: Path) -> None:
    async with running_process(rules, "--workers", "1") as edge:
        file = rules.parent / "edge.pid"
        second = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "edgeproxy", "run", str(rules), "--workers", "1", "--pid-file", str(file)),
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(30):
            _, said = await second.communicate()
        assert second.returncode == 1
        why = f"--pid-file {file} names process {edge.process.pid}, which runs: stop it, or name another file"
        assert said.decode().splitlines() == [f"edgeproxy: {why}"]
        assert int(file.read_text()) == edge.process.pid
