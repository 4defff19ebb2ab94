"""The capture of a real edge with workers: begun, watched, ended and looked at by its command."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import signal
from pathlib import Path

import pytest
from capture_verbs import command, found_in_files, told
from captures import SECRETS, found_in, packed, record
from capturing_edge import begin, capturing_edge, get
from edge_process import is_running

from edgeproxy.capture.settings import LEAST_FILE
from edgeproxy.control.control_client import CannotAsk


async def test_what_all_workers_serve_is_in_its_files_when_it_is_stopped(tmp_path: Path) -> None:
    directory = tmp_path / "captures"
    async with capturing_edge(tmp_path) as (edge, control):
        assert (await command("status", "--control", control))[1].startswith("no capture runs")
        status, out = await command("start", directory, "--control", control)
        assert (status, f"runs: 1 of all connections, to {directory}" in out) == (0, True)
        for number in range(20):
            await get(edge.port, f"/{number}")
        status, out = await command("stop", "--control", control)
        assert (status, "20 exchanges written, of 20 connections" in out) == (0, True)
        await get(edge.port, "/after")
        records = found_in_files(directory)
        assert sorted(each.target for each in records) == sorted(f"/{number}" for number in range(20))
        assert len({each.connection for each in records}) == 20
        assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}
        status, out = await command("show", directory)
        assert (status, "20 exchanges of 20 connections" in out) == (0, True)


async def test_a_worker_that_dies_takes_along_what_nobody_has_counted_and_that_is_told(tmp_path: Path) -> None:
    async with capturing_edge(tmp_path, "--workers", "1") as (edge, control):
        await begin(control, tmp_path / "captures")
        assert (await told("status", control))["died"] == 0
        (worker,) = await edge.workers()
        await get(edge.port, "/and-is-lost")
        os.kill(worker, signal.SIGKILL)
        await edge.until_workers(1, without=worker)
        assert await edge.until_said("what it had not written yet of the capture is lost")
        edge.signal(signal.SIGHUP)  # a worker that is told to end writes what it has
        await edge.until_said("generation 2")
        _, said = await command("stop", "--control", control)
        assert "1 worker died while it ran: exchanges that were not written yet went with that" in said
        await begin(control, tmp_path / "captures")
        _, said = await command("status", "--control", control)
        assert "died" not in said


async def test_it_goes_on_over_a_worker_that_dies_a_reload_and_an_upgrade(tmp_path: Path) -> None:
    directory = tmp_path / "captures"
    async with capturing_edge(tmp_path, "--workers", "1") as (edge, control):
        await begin(control, directory)
        (worker,) = await edge.workers()
        os.kill(worker, signal.SIGKILL)
        await edge.until_workers(1, without=worker)
        await get(edge.port, "/after-death")
        edge.signal(signal.SIGHUP)
        await edge.until_said("generation 2")
        await get(edge.port, "/after-reload")
        edge.signal(signal.SIGUSR2)
        await edge.until_ready(2)
        await edge.until_said("another edge has taken over")
        await get(edge.port, "/after-upgrade")
        async with asyncio.timeout(60):  # the next edge's control socket has taken the place of the one before
            while not (await told("status", control))["running"]:
                await asyncio.sleep(0.1)
        await told("stop", control)
        async with asyncio.timeout(60):  # the edge before gives what it has at its end
            while len(found_in_files(directory)) < 3:
                await asyncio.sleep(0.1)
        assert {each.target for each in found_in_files(directory)} == {
            "/after-death",
            "/after-reload",
            "/after-upgrade",
        }


def limit_files(worker: int, octets: int) -> None:
    """A write beyond it has EFBIG, as one on a full disk has ENOSPC."""
    resource.prlimit(worker, resource.RLIMIT_FSIZE, (octets, resource.prlimit(worker, resource.RLIMIT_FSIZE)[1]))


async def test_a_full_disk_ends_the_capture_and_not_the_traffic(tmp_path: Path) -> None:
    directory = tmp_path / "captures"
    async with capturing_edge(tmp_path) as (edge, control):
        for worker in await edge.workers():
            limit_files(worker, 600)
        await begin(control, directory)
        async with asyncio.timeout(60):
            while not any("the capture has ended" in line for line in edge.said):
                await get(edge.port, f"/{len(edge.said)}/{os.urandom(40).hex()}")
        line = await edge.until_said("the capture has ended")
        assert f"{directory}: File too large: free the disk" in line
        for number in range(10):
            await get(edge.port, f"/{number}")
        answer = await told("status", control)
        assert (answer["running"], answer["problem"]) == (False, f"{directory}: File too large")
        assert answer["lost"] > 0
        with pytest.raises(CannotAsk, match="the last one could not be written"):
            await told("stop", control)
        found_in_files(directory)  # what is there is whole
        for worker in await edge.workers():
            limit_files(worker, resource.RLIM_INFINITY)
        await begin(control, directory)


async def test_what_is_asked_wrongly_says_why(tmp_path: Path) -> None:
    async with capturing_edge(tmp_path, "--workers", "1") as (_, control):
        (tmp_path / "file").touch()
        good = {"directory": str(tmp_path / "captures")}
        for words, why in (
            ({"verb": "start"}, "`directory` is an absolute path"),
            ({"verb": "start", "directory": "here"}, "`directory` is an absolute path"),
            ({"verb": "start", "directory": str(tmp_path / "file")}, "name another directory"),
            ({"verb": "start", **good, "share": 0}, "`share` is a number"),
            ({"verb": "start", **good, "share": True}, "`share` is a number"),
            ({"verb": "start", **good, "most": LEAST_FILE}, "`most` is octets, at least"),
            ({"verb": "begin"}, "'begin' is none of"),
            ({"verb": "start", "where": 1}, "unknown key 'where'"),
            ({"verb": "stop"}, "none runs"),
        ):
            with pytest.raises(CannotAsk, match=re.escape(why)):
                await told(control=control, **words)
        assert (await told("status", control))["running"] is False
        await begin(control, tmp_path / "captures")
        with pytest.raises(CannotAsk, match="one runs already"):
            await told("start", control, **good)


async def test_nobody_answers(tmp_path: Path) -> None:
    status, out = await command("status", "--control", tmp_path / "none")
    assert (status, "no edge listens there" in out) == (1, True)


# -- files ----------------------------------------------------------------------------------------------------------


async def test_verify_finds_secrets_and_shows_none(tmp_path: Path) -> None:
    clean, dirty, known = tmp_path / "clean.capture", tmp_path / "dirty.capture", tmp_path / "known"
    clean.write_bytes(packed([record(number) for number in range(5)]))
    assert await command("verify", clean) == (0, "no secret was found in 1 file\n")
    first = packed([record(1)])
    urls = [f"http://pypi.test/{secret}" for secret in SECRETS[:4]]
    dirty.write_bytes(first + packed([record(number, url=url) for number, url in enumerate(urls)]))
    status, out = await command("verify", tmp_path)
    assert status == 1
    assert f"{dirty}: octet {len(first)}, asked.url: a package index's token" in out
    assert not [secret for secret in SECRETS if secret in out]
    known.write_text("nothing like it\nsimple/p3\n")
    status, out = await command("verify", clean, "--known", known)
    assert (status, out.splitlines()[0]) == (1, f"{clean}: octet 0: known secret 2")
    clean.write_bytes(first[:-1])
    status, out = await command("verify", clean)
    assert (status, "cannot be looked at" in out) == (1, True)
    assert (await command("verify", tmp_path / "none"))[0] == 2


async def test_what_was_recorded_goes_out_and_comes_back(tmp_path: Path) -> None:
    source, har, again = tmp_path / "a.capture", tmp_path / "b.har", tmp_path / "c.capture"
    source.write_bytes(packed([record(number) for number in range(5)]) + b"torn")
    status, out = await command("convert", source, "--to", har)
    assert (status, "5 exchanges" in out, "skipped: " in out) == (1, True, True)
    assert (await command("convert", har, "--to", again))[0] == 0
    assert [each.url for each in found_in_files(tmp_path / "c.capture")] == [record(number).url for number in range(5)]
    assert (await command("convert", har, "--to", again))[0] == 2  # it is there
    assert (await command("convert", har, "--to", tmp_path / "d.txt"))[0] == 2


def writers_of(worker: int) -> list[int]:
    """Its processes: where no rule has a shadow, a capture's writer."""
    tasks = Path(f"/proc/{worker}/task").iterdir()
    return [int(pid) for task in tasks for pid in (task / "children").read_text().split()]


async def test_a_writer_that_is_killed_ends_the_capture_and_not_the_traffic(tmp_path: Path) -> None:
    directory = tmp_path / "captures"
    async with capturing_edge(tmp_path) as (edge, control):
        await begin(control, directory)
        workers = await edge.workers()
        for worker in workers:
            (writer,) = writers_of(worker)
            os.kill(writer, signal.SIGKILL)
        line = await edge.until_said("the capture has ended")
        assert "its writer was ended by SIGKILL" in line
        for number in range(10):
            await get(edge.port, f"/{number}")
        assert await edge.workers() == workers
        answer = await told("status", control)
        assert (answer["running"], answer["problem"]) == (False, "its writer was ended by SIGKILL")
        await begin(control, directory)
        await get(edge.port, "/again")
        await told("stop", control)
        assert [each.target for each in found_in_files(directory)] == ["/again"]
        assert [writers_of(worker) for worker in workers] == [[], []]


async def test_what_a_worker_had_handed_on_is_written_although_it_dies(tmp_path: Path) -> None:
    directory = tmp_path / "captures"
    async with capturing_edge(tmp_path, "--workers", "1") as (edge, control):
        await begin(control, directory)
        (worker,) = await edge.workers()
        await get(edge.port, "/handed-on")
        async with asyncio.timeout(60):
            while (await told("status", control)).get("written") != 1:
                await asyncio.sleep(0.05)
        (writer,) = writers_of(worker)
        os.kill(worker, signal.SIGKILL)
        await edge.until_workers(1, without=worker)
        async with asyncio.timeout(60):
            while is_running(writer):
                await asyncio.sleep(0.05)
        assert [each.target for each in found_in_files(directory)] == ["/handed-on"]
        (file,) = directory.glob(f"*-{worker}-*")
        notes = found_in(file.read_bytes())[2]
        assert [note.words["note"] for note in notes] == ["begin", "end"], "its file has its end, too"


async def test_what_an_earlier_capture_came_to_is_not_told_of_the_next_one(tmp_path: Path) -> None:
    """A worker that drains meanwhile has a part in the first alone."""
    directory = tmp_path / "captures"
    async with capturing_edge(tmp_path, "--workers", "1") as (edge, control):
        await begin(control, directory)
        (worker,) = await edge.workers()
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        writer.write(b"GET /slowly HTTP/1.1\r\nHost: pypi.test\r\n")
        await get(edge.port, "/first")
        edge.signal(signal.SIGHUP)
        await edge.until_said("generation 2")
        await told("stop", control)
        await begin(control, directory)
        await get(edge.port, "/second")
        writer.write(b"\r\n")
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200"), "it drained all the while"
        writer.close()
        async with asyncio.timeout(60):
            while is_running(worker):
                await asyncio.sleep(0.05)
        answer = await told("stop", control)
        assert (answer["connections"], answer["written"]) == (1, 1)
