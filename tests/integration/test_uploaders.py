"""twine and uv against the new site itself: what they send is taken, and what is refused they tell in its words."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from packages import Package, core_metadata, sdist, stored, wheel, zipped

from backends.store import Store
from edgeproxy.cli.demo_processes import Processes

pytestmark = pytest.mark.clients

TOKEN = "a-token-of-the-tests"


@dataclass(frozen=True)
class Place:
    url: str
    store: Path
    folder: Path

    def put(self, package: Package) -> str:
        (self.folder / package.filename).write_bytes(package.content)
        return package.filename

    def twine(self, *files: str) -> subprocess.CompletedProcess[str]:
        command = (sys.executable, "-m", "twine", "upload", "--non-interactive", "--disable-progress-bar")
        return self._run(*command, "--repository-url", f"{self.url}/legacy/", "-u", "__token__", "-p", TOKEN, *files)

    def uv(self, *files: str, check: bool = False) -> subprocess.CompletedProcess[str]:
        uv = str(Path(sys.executable).parent / "uv")
        more = ("--check-url", f"{self.url}/simple/") if check else ()
        return self._run(uv, "publish", "--publish-url", f"{self.url}/legacy/", "--token", TOKEN, *more, *files)

    def poetry(self) -> subprocess.CompletedProcess[str]:
        """All files of the project in the folder."""
        settings = {
            "POETRY_REPOSITORIES_SITE_URL": f"{self.url}/legacy/",
            "POETRY_HTTP_BASIC_SITE_USERNAME": "__token__",
            "POETRY_HTTP_BASIC_SITE_PASSWORD": TOKEN,
            "POETRY_KEYRING_ENABLED": "false",
        }
        program = str(Path(sys.executable).parent / "poetry")
        return self._run(program, "publish", "-n", "-r", "site", "--dist-dir", ".", **settings)

    def _run(self, *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
        kept = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "COLUMNS": "1000", "UV_NO_CONFIG": "1"}
        return subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=self.folder, env=kept | settings, timeout=280
        )


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Processes() as processes:
        arguments = ("--store", tmp_path / "store", "--upload-token", TOKEN)
        url = processes.start("modern", "backends.modern", *arguments)
        (tmp_path / "dist").mkdir()
        yield Place(url, tmp_path / "store", tmp_path / "dist")


def said(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize("tool", ["twine", "uv"])
def test_a_release_of_two_files_is_taken(place: Place, tool: str) -> None:
    fields = {"Summary": "Great", "Description": "# Hi", "Description-Content-Type": "text/markdown"}
    files = [place.put(wheel("Great.Thing", "1.0", fields)), place.put(sdist("Great.Thing", "1.0", fields))]
    done = getattr(place, tool)(*files)
    assert done.returncode == 0, said(done)
    with Store(place.store) as store:
        assert {file.filename for file in store.files("great-thing")} == set(files)
        [release] = store.releases("great-thing")
        assert (release.project, release.summary) == ("Great.Thing", "Great")
        assert [hit.name for hit in store.find("great", 5).hits] == ["Great.Thing"]


@pytest.mark.parametrize("tool", ["twine", "uv"])
def test_the_same_file_again_is_no_error_and_other_bytes_are(place: Place, tool: str) -> None:
    name = place.put(wheel("thing", "1.0"))
    for _ in range(2):
        done = getattr(place, tool)(name)
        assert done.returncode == 0, said(done)
    place.put(wheel("thing", "1.0", {"Summary": "other bytes"}))
    done = getattr(place, tool)(name)
    assert done.returncode != 0
    assert "400" in said(done)
    assert "File already exists ('thing-1.0-py3-none-any.whl', with blake2_256 hash '" in said(done)
    assert "/help/#file-name-reuse for more information." in said(done)


def test_poetry_publishes_and_the_same_again_is_no_error(place: Place) -> None:
    files = [place.put(wheel("Great.Thing", "1.0")), place.put(sdist("Great.Thing", "1.0"))]
    (place.folder / "pyproject.toml").write_text('[project]\nname = "Great.Thing"\nversion = "1.0"\n')
    for _ in range(2):
        done = place.poetry()
        assert done.returncode == 0, said(done)
    with Store(place.store) as store:
        assert {file.filename for file in store.files("great-thing")} == set(files)
    place.put(wheel("Great.Thing", "1.0", {"Summary": "other bytes"}))
    done = place.poetry()
    assert done.returncode != 0
    assert "400" in said(done)
    assert "File already exists" in said(done)


def test_uv_looks_at_the_index_before_it_sends(place: Place) -> None:
    name = place.put(wheel("thing", "1.0"))
    assert place.uv(name).returncode == 0
    done = place.uv(name, check=True)
    assert done.returncode == 0, said(done)
    assert "already exists" in said(done)
    place.put(wheel("thing", "1.0", {"Summary": "other bytes"}))
    done = place.uv(name, check=True)
    assert done.returncode != 0
    assert "do not match" in said(done)


@pytest.mark.parametrize("tool", ["twine", "uv"])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("asyncio", "The name 'asyncio' isn't allowed (conflict with Python Standard Library module name)."),
        ("f1ask", "The name 'f1ask' is too similar to an existing project."),
    ],
)
def test_a_name_that_is_refused_is_told(place: Place, tool: str, name: str, words: str) -> None:
    with Store(place.store) as store:
        stored(store, wheel("flask", "1.0"))
    done = getattr(place, tool)(place.put(wheel(name, "1.0")))
    assert done.returncode != 0
    assert words in said(done)


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["twine", "uv"])
def test_a_file_beyond_the_limit_is_told(place: Place, tool: str) -> None:
    members = {"big-1.0.dist-info/METADATA": core_metadata("big", "1.0"), "big.bin": b"\0" * (100 << 20)}
    name = place.put(Package("big-1.0-py3-none-any.whl", zipped(members, zipfile.ZIP_STORED)))
    done = getattr(place, tool)(name)
    assert done.returncode != 0
    assert "File too large. Limit for project 'big' is 100 MB." in said(done)
    assert list((place.store / "incoming").iterdir()) == []


@pytest.mark.parametrize("tool", ["twine", "uv"])
def test_a_wrong_token_is_told(tmp_path: Path, tool: str) -> None:
    with Processes() as processes:
        url = processes.start(
            "modern", "backends.modern", "--store", tmp_path / "store", "--upload-token", "another one"
        )
        place = Place(url, tmp_path / "store", tmp_path)
        done = getattr(place, tool)(place.put(wheel("thing", "1.0")))
    assert done.returncode != 0
    assert "403" in said(done)
    assert "Invalid or non-existent authentication information." in said(done)
