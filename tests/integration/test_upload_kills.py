"""A site that is killed in the middle of uploads, again and again: nothing of them is there by half."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession
from packages import Package, escaped, wheel
from uploads import TOKEN, form

from backends.store import Store
from backends.store.checking import Fault, check

pytestmark = pytest.mark.alone

KILLS = int(os.environ.get("EDGEPROXY_UPLOAD_KILLS", "12"))
PADDING = random.Random(1).randbytes(300_000).hex()


async def start(store: Path) -> tuple[Process, str]:
    command = (sys.executable, "-m", "backends.modern", "--store", str(store), "--upload-token", "secret")
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    assert process.stdout is not None
    return process, (await process.stdout.readline()).decode().split()[1]


def large(name: str) -> Package:
    """A wheel of half a megabyte, so that there is a middle to be killed in."""
    return wheel(name, "1.0", {"Summary": name, "Description": PADDING})


async def upload_until_it_dies(url: str, names: list[str], taken: list[str]) -> None:
    async with ClientSession() as session:
        while names:
            name = names.pop()
            try:
                data = form(large(name), name=name)
                async with session.post(f"{url}/legacy/", data=data, headers={"Authorization": TOKEN}) as answer:
                    assert answer.status == 200, await answer.text()
                taken.append(name)
            except (ClientError, ConnectionError):
                names.append(name)
                return


def whole(store: Store) -> None:
    """Bytes without a name may be left, of the very upload that was killed; they are whole, and nobody finds them."""
    found = list(check(store))
    assert [str(each) for each in found if each.fault is not Fault.UNNAMED] == []
    assert len(found) <= 4


@pytest.mark.slow
async def test_what_was_told_is_there_and_nothing_is_there_by_half(tmp_path: Path) -> None:
    names = [f"{random.Random(number).choice('abcdefgh')}{number}x{number * 7}" for number in range(1000)]
    taken: list[str] = []
    dice = random.Random(7)
    for _ in range(KILLS):
        process, url = await start(tmp_path / "store")
        uploading = asyncio.gather(*(upload_until_it_dies(url, names, taken) for _ in range(2)))
        before = len(taken)
        while len(taken) < before + 2:  # whatever the machine is busy with, it is in the middle of more
            await asyncio.sleep(0.005)
        await asyncio.sleep(dice.random() * 0.1)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        await uploading
        with Store(tmp_path / "store") as store:
            whole(store)
            there = {project.name for project in store.projects()}
            assert set(taken) <= there  # who was told 200 can rely on it
            assert len(there) <= len(set(taken)) + 2 * KILLS
    process, url = await start(tmp_path / "store")
    async with ClientSession() as session:
        for name in names[-2:]:  # what was cut off is sent again, and taken
            data = form(large(name), name=name)
            async with session.post(f"{url}/legacy/", data=data, headers={"Authorization": TOKEN}) as answer:
                assert answer.status == 200, await answer.text()
            async with session.get(f"{url}/simple/{escaped(name).replace('_', '-')}/") as answer:
                assert answer.status == 200
    process.send_signal(signal.SIGTERM)
    await process.wait()


async def test_a_site_killed_in_the_middle_of_one_file_has_nothing_of_it(tmp_path: Path) -> None:
    process, url = await start(tmp_path / "store")
    host, _, port = url.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = (
        "POST /legacy/ HTTP/1.1",
        "Host: upload.pypi.test",
        f"Authorization: {TOKEN}",
        "Content-Length: 9999999",
        "Content-Type: multipart/form-data; boundary=x",
    )
    writer.write("\r\n".join([*head, "", ""]).encode())
    writer.write(
        b'--x\r\nContent-Disposition: form-data; name="content"; filename="a-1.tar.gz"\r\n\r\n' + b"z" * 500_000
    )
    await writer.drain()
    incoming = tmp_path / "store" / "incoming"
    while not any(path.stat().st_size for path in incoming.iterdir()):
        await asyncio.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    writer.close()
    with Store(tmp_path / "store") as store:
        assert list(check(store)) == []
        assert store.projects() == []
    [left] = incoming.iterdir()
    os.utime(left, (0, 0))  # as it is a day later
    process, _ = await start(tmp_path / "store")
    assert list(incoming.iterdir()) == []
    process.send_signal(signal.SIGTERM)
    await process.wait()
