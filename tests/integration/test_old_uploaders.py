"""distutils, as the old site's uploaders had it, and twine, against the old site while it took uploads."""

from __future__ import annotations

import asyncio
import io
import os
import random
import signal
import subprocess
import sys
import warnings
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession
from old_writes import ARMIN, upload_of
from packages import LAUNCH, sdist, stored, wheel

from backends.store import Store
from backends.store.__main__ import main
from backends.store.checking import Fault, check
from edgeproxy.cli.demo_processes import Processes

pytestmark = pytest.mark.clients

PASSWORD = "correct horse 1"
KILLS = 3
PADDING = random.Random(1).randbytes(200_000).hex()  # so that there is a middle to be killed in
SETUP = """
from distutils.core import setup
setup(
    name="Great.Thing", version="1.0", author="Armin", author_email="armin@pypi.test", url="http://great.test/",
    summary="x", description="Great", long_description="Very great", keywords=["so", "great"],
    platforms=["any"], classifiers=["Topic :: Internet"], py_modules=["great"], requires=["click (>=2.0)"],
)
"""


@dataclass(frozen=True)
class Place:
    url: str  # of the site's application
    store: Path
    folder: Path

    def setup(self, *commands: str) -> str:
        """`python setup.py` with the standard library's own distutils, which is that of then."""
        command = (sys.executable, "-W", "ignore", "setup.py", *commands)
        done = self._run(*command, SETUPTOOLS_USE_DISTUTILS="stdlib")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def twine(self, *files: str, password: str = PASSWORD) -> subprocess.CompletedProcess[str]:
        command = (sys.executable, "-m", "twine", "upload", "--non-interactive", "--disable-progress-bar", "--verbose")
        return self._run(*command, "--repository-url", self.url, "-u", "armin", "-p", password, *files)

    def _run(self, *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
        kept = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "COLUMNS": "1000"}
        return subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=self.folder, env=kept | settings, timeout=280
        )


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    store, folder = tmp_path / "store", tmp_path / "thing"
    Store(store).close()
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\n"))
    assert main(["account", str(store), "armin", "armin@pypi.test"]) == 0
    folder.mkdir()
    (folder / "setup.py").write_text(SETUP)
    (folder / "great.py").write_text("GREAT = True\n")
    with Processes() as processes:
        url = processes.start("legacy", "backends.legacy", "--store", store, "--era", "2017-06-27") + "/pypi"
        account = f"repository: {url}\nusername: armin\npassword: {PASSWORD}\n"
        (folder / ".pypirc").write_text(f"[distutils]\nindex-servers =\n    site\n\n[site]\n{account}")
        yield Place(url, store, folder)


def has_old_distutils() -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sys.version_info < (3, 12) and find_spec("distutils") is not None


with_old_distutils = pytest.mark.skipif(
    not has_old_distutils(),
    reason="`setup.py register` and `upload` are Python's own distutils, which 3.12 took out: twine stays, and is tried",
)


@with_old_distutils
def test_setup_py_registers_and_uploads(place: Place) -> None:
    said = place.setup("register", "-r", "site", "sdist", "upload", "-r", "site")
    assert said.count("Server response (200): OK") == 2, said
    with Store(place.store) as store:
        [release] = store.releases("great-thing")
        assert (release.project, release.summary) == ("Great.Thing", "Great")
        assert release.several("keywords") == ("so", "great")
        assert (release.several("classifiers"), release.several("requires")) == (
            ("Topic :: Internet",),
            ("click (>=2.0)",),
        )
        [file] = store.files("great-thing")
        assert (file.filename, file.packagetype) == ("Great.Thing-1.0.tar.gz", "sdist")
        assert store.roles("great-thing") == [("Owner", "armin")]


@with_old_distutils
def test_setup_py_has_its_metadata_looked_at_before(place: Place) -> None:
    said = place.setup("--dry-run", "register", "-r", "site")
    assert "Server response (200): OK" in said, said
    with Store(place.store) as store:
        assert store.projects() == []


def test_twine_uploads_to_a_project_that_was_registered(place: Place) -> None:
    with Store(place.store) as store:
        stored(store, wheel("thing", "0.9"))
        store.grant("thing", "Owner", "armin", LAUNCH)
    files = [wheel("thing", "1.0", {"Summary": "Great"}), sdist("thing", "1.0")]
    for package in files:
        (place.folder / package.filename).write_bytes(package.content)
    done = place.twine(*(package.filename for package in files))
    assert done.returncode == 0, done.stdout + done.stderr
    with Store(place.store) as store:
        assert {file.filename for file in store.files("thing", "1.0")} == {package.filename for package in files}

    again = place.twine(files[0].filename)
    said = " ".join((again.stdout + again.stderr).split())
    assert (again.returncode, f'A file named "{files[0].filename}" already exists for thing-1.0.' in said) == (1, True)

    wrong = place.twine(files[1].filename, password="wrong")
    assert (wrong.returncode, "401" in wrong.stdout + wrong.stderr) == (1, True)


async def test_a_site_killed_in_the_middle_of_uploads_has_nothing_by_half(place: Place) -> None:
    """Each file makes a release: neither is there without the other, and what was told is there."""
    with Store(place.store) as store:
        stored(store, wheel("thing", "0"))
        store.grant("thing", "Owner", "armin", LAUNCH)
    versions, taken = iter(range(1, 1000)), []
    for _ in range(KILLS):
        process, url = await started(place.store)
        before = len(taken)

        async def send(url: str = url) -> None:
            async with ClientSession() as session:
                for number in versions:
                    package = sdist("thing", str(number), {"Description": PADDING})
                    data = upload_of(package, name="thing", version=str(number))
                    async with session.post(f"{url}/pypi", data=data, headers={"Authorization": ARMIN}) as answer:
                        assert answer.status == 200, await answer.text()
                    taken.append(str(number))

        sending = asyncio.create_task(send())
        while len(taken) < before + 2:
            assert not sending.done(), sending
            await asyncio.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        with suppress(ClientError, ConnectionError):
            await sending
        with Store(place.store) as store:
            assert [str(found) for found in check(store) if found.fault is not Fault.UNNAMED] == []
            files = {file.version for file in store.files("thing")}
            assert files == {release.version for release in store.releases("thing")}
            assert set(taken) <= files


async def started(store: Path) -> tuple[Process, str]:
    command = (sys.executable, "-m", "backends.legacy", "--store", str(store), "--era", "2017-06-27")
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    assert process.stdout is not None
    return process, (await process.stdout.readline()).decode().split()[1]
