"""The new site as a process: ready in one line, wrong in one line, gone without a word."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest
from aiohttp import ClientSession
from packages import stored, wheel

from backends.modern.__main__ import _options, main
from backends.store import Store


async def start(*arguments: str | Path) -> Process:
    command = [sys.executable, "-m", "backends.modern", *map(str, arguments)]
    return await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)


async def ended(process: Process) -> tuple[int | None, str, str]:
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_says_when_it_is_ready_and_ends_quietly(tmp_path: Path, number: signal.Signals) -> None:
    with Store(tmp_path) as store:
        stored(store, wheel("flask", "1.0"))
    process = await start("--store", tmp_path, "--files-url", "http://files.localhost:8080/")
    assert process.stdout is not None
    ready = (await process.stdout.readline()).decode()
    assert ready.startswith("ready http://127.0.0.1:")
    async with ClientSession(ready.split()[1]) as session, session.get("/simple/flask/") as answer:
        assert 'href="http://files.localhost:8080/packages/' in await answer.text()
    process.send_signal(number)
    assert await ended(process) == (0, "", "")


async def test_a_port_in_use_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = await ended(await start("--store", tmp_path, "--listen", f"127.0.0.1:{port}"))
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert f"127.0.0.1:{port}: cannot listen" in err


async def test_an_unusable_store_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "index.sqlite3").write_bytes(b"this is no database" * 100)
    code, out, err = await ended(await start("--store", tmp_path))
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "cannot be used as a store" in err


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        *(
            ("--files-url", url, "is no base URL: give one like http://files.pypihosted.test")
            for url in (
                *("", "files.pypihosted.test", "//files.pypihosted.test", "ftp://files.pypihosted.test", "http://"),
                *("http://[::1", "http://:8080", "http://f.test:", "http://f.test:99999", "http://f.test:x"),
                *("http://user@f.test", "http://f.test/%zz", "http://f.test?x", "http://f.test#x", "http://f .test"),
                *('http://f.test"><script>', "http://\u00e9.test", "http://f.test/a b"),
            )
        ),
        ("--files-url-for", "http://files.localhost:8080", "is not HOST=URL"),
        ("--files-url-for", "pypi.localhost=files.localhost", "'files.localhost' is no base URL"),
        ("--files-url-for", "=http://files.localhost", "'' is no host"),
        ("--files-url-for", "pypi.localhost/x=http://files.localhost", "is no host: give one like pypi.test"),
        ("--upload-token", "", "an empty token would let everybody upload"),
        ("--upload-token", " ", "an empty token would let everybody upload"),
        ("--upload-token-file", "/no/such/file", "/no/such/file cannot be read: No such file"),
        ("--purge", "http://127.0.0.1:8080/simple/", "is no site's URL"),
        ("--purge", "http://127.0.0.1:8080", "--purge and --purge-token-file go together"),
        ("--purge-token-file", "/no/such/file", "/no/such/file cannot be read: No such file"),
        ("--purge-host", "pypi.test/", "'pypi.test/' is no host"),
    ],
)
def test_a_wrong_option_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, value: str, said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--store", str(tmp_path / "store"), option, value])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


async def test_wrong_usage_is_the_status_of_the_process(tmp_path: Path) -> None:
    code, out, err = await ended(await start("--store", tmp_path / "store", "--upload-token", ""))
    assert (code, out) == (2, "")
    assert "argument --upload-token: an empty token" in err


def test_the_token_of_uploads_may_be_in_a_file_that_others_cannot_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = tmp_path / "token"
    token.write_text("a-token-for-uploads\nof the tests\n")
    token.chmod(0o600)
    given = ["--store", str(tmp_path / "store"), "--upload-token-file", str(token)]
    assert _options().parse_args(given).upload_token == "a-token-for-uploads"
    with pytest.raises(SystemExit):
        main([*given, "--upload-token", "another one"])
    assert "not allowed with argument --upload-token-file" in capsys.readouterr().err
    token.chmod(0o604)
    with pytest.raises(SystemExit):
        main(given)
    assert "is open to every user of this machine" in capsys.readouterr().err
