"""Purging over real workers: one command is heard by all of them, whatever becomes of workers and supervisors."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from edge_process import EdgeProcess, running_process
from open_files import kept_in_memory

from edgeproxy.caching.keys import path_digest, tag_digest
from edgeproxy.caching.purging import Mode, What
from edgeproxy.proxy.cache.purges import PurgeLog

RULES = """
edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
rules: [{name: all, match: {host: app, path: "/{rest*}"}, respond: {status: 200, body: hello}}]
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return path


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "control"
    yield path
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith("control.")] == []


async def purge(*arguments: str | Path, **environment: str) -> tuple[int, str, str]:
    """The verb's status, and what it says on standard output and standard error."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edgeproxy", "purge", *map(str, arguments)),
        env={name: value for name, value in os.environ.items() if name != "EDGEPROXY_CONTROL"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, error = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), error.decode()


def logs_of(pid: int) -> dict[int, Path]:
    """A process's logs of purges: where each is, by what it is."""
    return kept_in_memory(pid, "edgeproxy purges")


def heard_by(pid: int) -> list[tuple[What, Mode, bytes]]:
    """What a process would read in its log."""
    (link,) = logs_of(pid).values()
    with closing(PurgeLog.adopt(os.open(link, os.O_RDWR))) as log:
        purges = log.since(0)
        assert purges is not None
        return [(each.what, each.mode, each.digest) for each in purges]


async def all_heard(edge: EdgeProcess) -> list[tuple[What, Mode, bytes]]:
    workers = await edge.until_workers(2)
    heard = [heard_by(pid) for pid in (edge.pid, *workers)]
    assert heard[0] == heard[1] == heard[2]
    return heard[0]


FLASK = What.PATH, Mode.SOFT, path_digest("pypi.test", "/simple/flask/")
TAGGED = What.TAG, Mode.HARD, tag_digest("project/flask")


async def test_a_purge_is_heard_by_all_workers_when_the_command_returns(rules: Path, control: Path) -> None:
    async with running_process(rules, "--workers", "2", "--control", str(control)) as edge:
        assert await purge("--control", control, "https://pypi.test/simple/flask/") == (
            0,
            "stale from now on: https://pypi.test/simple/flask/\n",
            "",
        )
        assert await all_heard(edge) == [FLASK]
        assert await purge("--hard", "--tag", "project/flask", EDGEPROXY_CONTROL=str(control)) == (
            0,
            "removed: tag project/flask\n",
            "",
        )
        assert await all_heard(edge) == [FLASK, TAGGED]
        assert await purge("--control", control, "--all") == (0, "stale from now on: everything\n", "")
        assert (await all_heard(edge))[2:] == [(What.ALL, Mode.SOFT, b"")]
        edge.signal(signal.SIGTERM)
        assert await edge.ended() == 0
    assert not control.exists()


async def test_the_log_outlives_workers_a_reload_and_an_upgrade(rules: Path, control: Path) -> None:
    async with running_process(rules, "--workers", "2", "--control", str(control)) as edge:
        (log,) = logs_of(edge.pid)
        tag = ("--hard", "--tag", "project/flask")
        await purge("--control", control, *tag)
        (first, _) = await edge.until_workers(2)
        os.kill(first, signal.SIGKILL)
        await edge.until_workers(2, without=first)
        assert await all_heard(edge) == [TAGGED]
        rules.write_text(RULES.replace("pypi.test", "www.pypi.test"))
        edge.signal(signal.SIGHUP)
        await edge.until_said("generation 2")
        status, _, error = await purge("--control", control, "https://pypi.test/simple/flask/")
        assert (status, "no host of the rules has the name pypi.test: nothing is purged" in error) == (1, True)
        edge.signal(signal.SIGUSR2)
        await edge.until_said("another edge has taken over")
        await edge.until_ready(2)
        assert (await purge("--control", control, *tag))[0] == 0
        assert await all_heard(edge) == [TAGGED, TAGGED]
        assert list(logs_of(edge.pid)) == [log]
        await edge.ended()  # the supervisor before leaves the path to its successor
        assert (await purge("--control", control, *tag))[0] == 0


async def test_a_second_edge_and_a_file_in_the_way_are_told_before_anything_is_served(
    rules: Path, control: Path, tmp_path: Path
) -> None:
    async def fails(path: Path) -> str:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "edgeproxy", "run", str(rules), "--control", str(path)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            out, error = await process.communicate()
        assert (process.returncode, out) == (1, b"")
        return error.decode()

    async with running_process(rules, "--workers", "1", "--control", str(control)):
        assert f"--control {control} is another edge's, which runs: stop it" in await fails(control)
        assert (await purge("--control", control, "--all"))[0] == 0
    assert "is there and no socket: remove it" in await fails(rules)
    assert rules.read_text() == RULES


async def test_one_whose_edge_was_killed_is_taken_over(rules: Path, control: Path) -> None:
    async with running_process(rules, "--workers", "1", "--control", str(control)) as edge:
        edge.signal(signal.SIGKILL)
        await edge.ended()
        status, _, error = await purge("--control", control, "--all")
        assert (status, "the edge that listened there has ended" in error) == (1, True)
    async with running_process(rules, "--workers", "1", "--control", str(control)):
        assert (await purge("--control", control, "--all"))[0] == 0


async def test_many_commands_at_once_beside_a_client_that_says_nothing(rules: Path, control: Path) -> None:
    async with running_process(rules, "--workers", "2", "--control", str(control)) as edge:
        silent = await asyncio.open_unix_connection(control)

        async def tag(client: int) -> None:
            reader, writer = await asyncio.open_unix_connection(control)
            for number in range(50):
                words = {"do": "purge", "tags": [f"{client}/{number}"]}
                writer.write(json.dumps(words).encode() + b"\n")
                assert json.loads(await reader.readline()) == {"purged": True, "disk": None}
            writer.close()

        async with asyncio.timeout(60):
            await asyncio.gather(*map(tag, range(8)))
        digests = [digest for _, _, digest in await all_heard(edge)]
        assert sorted(digests) == sorted(tag_digest(f"{client}/{n}") for client in range(8) for n in range(50))
        silent[1].close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "nothing is named: say URLs, --tag TAG, or --all"),
        (("--all", "--tag", "x"), "--all beside URLs or tags"),
        (("--all",), "which edge? Say --control PATH (or $EDGEPROXY_CONTROL)"),
        (("pypi.test/simple/",), "it is not a URL such as https://pypi.test/simple/"),
        (("--tag", "a b"), "'a b' is not a tag"),
    ],
)
async def test_wrong_usage_is_told_with_what_to_say(arguments: tuple[str, ...], said: str) -> None:
    status, out, error = await purge(*arguments)
    assert (status, out) == (2, "")
    assert said in error


async def test_more_names_than_one_line_takes_go_in_several(rules: Path, control: Path) -> None:
    async with running_process(rules, "--workers", "1", "--control", str(control)) as edge:
        tags = [word for number in range(250) for word in ("--tag", f"t{number}")]
        status, out, _ = await purge("--control", control, *tags)
        assert (status, len(out.splitlines())) == (0, 250)
        assert [digest for _, _, digest in heard_by(edge.pid)] == [tag_digest(f"t{number}") for number in range(250)]
