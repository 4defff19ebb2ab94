"""`python -m backends.faults` against sites that run as processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from faulty_site import TOKEN, fill

from backends.store import Store


@pytest.fixture
def token(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\nand a word of explanation\n")
    file.chmod(0o600)
    return file


@pytest.fixture
def store(tmp_path: Path) -> Path:
    with Store(tmp_path / "store") as opened:
        fill(opened)
    return tmp_path / "store"


@contextmanager
def started(name: str, store: Path, *arguments: str | Path) -> Iterator[str]:
    command = [sys.executable, "-m", f"backends.{name}", "--store", store, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[1]
        finally:
            process.terminate()


def faults(*arguments: str | Path, **environment: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "backends.faults", *arguments]
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=30, check=False
    )
    return done.returncode, done.stdout, done.stderr


def status(url: str) -> int:
    try:
        with urlopen(url, timeout=30) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


@pytest.mark.parametrize("name", ["legacy", "modern"])
def test_a_fault_is_planted_listed_and_cleared(name: str, store: Path, token: Path) -> None:
    with started(name, store, "--admin-token-file", token) as url:
        where = (url, "--token-file", token)
        planted = faults("plant", *where, "simple/flask missing", "json error=503", "--for", "1h", http_proxy="x:1")
        assert planted == (0, "1: simple/flask missing, for 1h\n2: json error=503, for 1h\n", "")
        assert (status(f"{url}/simple/flask/"), status(f"{url}/simple/six/")) == (404, 200)
        code, listed, _ = faults("list", *where)
        assert code == 0
        assert listed.startswith("1: simple/flask missing, 3")  # 3600 s left, or nearly
        assert ", 1 hits\n2: json error=503, 3" in listed
        assert faults("clear", *where, "--number", "2") == (0, "1 cleared\n", "")
        assert faults("clear", *where) == (0, "1 cleared\n", "")
        assert status(f"{url}/simple/flask/") == 200
        code, _, error = faults("clear", *where, "--number", "2")
        assert (code, error.count("\n")) == (1, 1)
        assert "no fault 2 is planted" in error


def test_a_site_that_cannot_be_told_is_said_in_one_line(store: Path, token: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("another-token-altogether\n")
    other.chmod(0o600)
    with started("modern", store, "--admin-token-file", token) as url:
        code, _, error = faults("list", url, "--token-file", other)
        assert (code, error.count("\n")) == (1, 1)
        assert "refuses (403): Backend-Token is not the token of this site" in error
    code, _, error = faults("list", url, "--token-file", token)
    assert (code, error.count("\n")) == (1, 1)
    assert "cannot be asked" in error
    with started("modern", store) as url:
        code, _, error = faults("list", url, "--token-file", token)
    assert (code, error.count("\n")) == (1, 1)
    assert "start it with --admin-token-file" in error


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("plant", "http://127.0.0.1:1", "simple mising"), "'mising' is no fault: give one of slow"),
        (("plant", "http://127.0.0.1:1", "simple hang", "--for", "2d"), "'2d' is not a time"),
        (("plant", "http://127.0.0.1:1"), "FAULT"),
        (("list", "127.0.0.1:8082"), "'127.0.0.1:8082' is no site's URL"),
        (("list", "http://127.0.0.1:x"), "is no site's URL"),
        (("clear", "http://127.0.0.1:1", "--number", "one"), "invalid int value"),
        (("sow", "http://127.0.0.1:1"), "invalid choice"),
    ],
)
def test_wrong_usage_is_said_before_anybody_is_asked(token: Path, arguments: tuple[str, ...], said: str) -> None:
    code, out, error = faults(*arguments, "--token-file", token)
    assert (code, out) == (2, "")
    assert said in error


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        ("short\n", 0o600, "its first line is no token: write at least 16"),
        ("with a blank in the middle\n", 0o600, "its first line is no token"),
        (f"{TOKEN}\n", 0o604, "is open to every user of this machine: chmod o="),
        (None, 0, "cannot be read: No such file or directory"),
    ],
)
@pytest.mark.parametrize("program", ["backends.legacy", "backends.modern", "backends.faults"])
def test_a_token_that_cannot_be_used_is_wrong_usage(
    tmp_path: Path, program: str, text: str | None, mode: int, said: str
) -> None:
    file = tmp_path / "token"
    if text is not None:
        file.write_text(text)
        file.chmod(mode)
    if program == "backends.faults":
        arguments = ["list", "http://127.0.0.1:1", "--token-file", file]
    else:
        arguments = ["--store", tmp_path / "store", "--admin-token-file", file]
    done = subprocess.run(
        [sys.executable, "-m", program, *arguments], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 2
    assert said in done.stderr
