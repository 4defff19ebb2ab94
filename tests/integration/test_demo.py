"""`edgeproxy demo`, as `make run` starts it: what a new user sees, and what it says when it cannot."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest
from edge_process import WAIT
from packages import wheel

from loadtests.bench.processes import free_port

DEMO = (sys.executable, "-m", "edgeproxy", "demo")


def children_of(session: str) -> list[str]:
    """Command lines of living processes that name this folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if session in line and path.parent.name != str(os.getpid()):
            found.append(line)
    return found


def hear_interrupts() -> None:
    """A program that a shell has put into the background ignores SIGINT, and so does all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


Demo = tuple[subprocess.Popen[str], str, int]


@contextmanager
def running_demo(packages: Path, data: Path) -> Iterator[Demo]:
    """Its process, what it printed until it was up, its port."""
    port = free_port()
    command = [*DEMO, "--packages", str(packages), "--data", str(data), "--port", str(port)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=hear_interrupts, text=True
    ) as process:
        assert process.stdout is not None
        printed = ""
        for line in process.stdout:
            printed += line
            if line.startswith("Ctrl-C"):
                break
        try:
            yield process, printed, port
        finally:
            process.terminate()  # killed, it would leave what it has started
            process.wait(WAIT)


@pytest.fixture(scope="module")
def demo(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One that runs, for who looks at it or adds to it."""
    with running_demo(packages, tmp_path_factory.mktemp("demo") / "data") as running:
        yield running


def test_the_lines_it_prints_work_when_they_are_pasted(demo: Demo, tmp_path: Path) -> None:
    _, printed, port = demo
    line = re.search(r"pip install --proxy.*?aiohttp", printed, re.DOTALL)
    assert line is not None, printed
    words = shlex.split(line[0].replace("\\\n", " "))
    words[words.index("--target") + 1] = str(tmp_path / "target")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    environment = kept | {"PIP_CONFIG_FILE": os.devnull, "PIP_CACHE_DIR": str(tmp_path / "cache")}
    subprocess.run([sys.executable, "-m", *words], check=True, env=environment, timeout=280, capture_output=True)
    assert (tmp_path / "target" / "aiohttp").is_dir()
    with build_opener(ProxyHandler({"http": f"http://127.0.0.1:{port}"})).open(
        "http://legacy.pypi.test/simple/six/"
    ) as page:
        assert page.url == "http://pypi.test/simple/six/"  # the old host redirected
        assert b"six-1.17.0" in page.read()


def test_an_upload_shows_at_once_though_pages_are_kept_for_a_minute(demo: Demo, tmp_path: Path) -> None:
    _, _, port = demo
    proxy = f"http://127.0.0.1:{port}"
    opener = build_opener(ProxyHandler({"http": proxy}))

    def page() -> tuple[bytes, str]:
        with opener.open("http://pypi.test/simple/often-released/") as answer:
            return answer.read(), answer.headers["Cache-Status"]

    for version in ("1.0", "2.0", "3.0"):
        filename, content = wheel("often-released", version)
        (tmp_path / filename).write_bytes(content)
        upload = ("twine", "upload", "--non-interactive", "--disable-progress-bar", "-u", "__token__", "-p", "demo")
        subprocess.run(
            [sys.executable, "-m", *upload, "--repository-url", "http://upload.pypi.test/legacy/", filename],
            check=True,
            cwd=tmp_path,
            env=os.environ | {"HTTP_PROXY": proxy, "http_proxy": proxy, "NO_PROXY": "", "HOME": str(tmp_path)},
            timeout=280,
            capture_output=True,
        )
        shown = [page() for _ in range(2 * len(os.sched_getaffinity(0)) + 1)]  # by every worker, one of them twice
        assert all(filename.encode() in content for content, _ in shown)
        assert any(status.startswith("edgeproxy; hit; ttl=") for _, status in shown)


@pytest.mark.parametrize("host", ["files.pypihosted.test", "files.localhost:{port}"])
def test_an_old_file_url_leads_to_the_file_on_the_host_that_was_asked(demo: Demo, packages: Path, host: str) -> None:
    """A browser that has no proxy knows `*.localhost` alone: it must not be led elsewhere."""
    _, _, port = demo
    [archive] = packages.glob("six-*.tar.gz")
    host = host.format(port=port)
    opener = build_opener(ProxyHandler({"http": f"http://127.0.0.1:{port}"}))
    with opener.open(f"http://{host}/packages/source/s/six/{archive.name}") as answer:
        assert re.fullmatch(rf"http://{host}/packages/../../.{{60}}/{archive.name}", answer.url)
        assert answer.read() == archive.read_bytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly_and_leaves_no_process(packages: Path, tmp_path: Path, number: signal.Signals) -> None:
    with running_demo(packages, tmp_path / "data") as (process, _, _):
        assert len(children_of(str(tmp_path))) == 4
        process.send_signal(number)
        process.send_signal(number)  # an impatient user
        assert process.wait(WAIT) == 0
        assert children_of(str(tmp_path)) == []


def refuse(*arguments: str, **environment: str) -> tuple[int, list[str]]:
    """Run a demo that cannot start; its status and what it wrote to stderr."""
    done = subprocess.run(
        [*DEMO, *arguments], env=os.environ | environment, capture_output=True, text=True, timeout=280, check=False
    )
    return done.returncode, done.stderr.splitlines()


def test_a_port_in_use_is_one_clear_line(packages: Path, tmp_path: Path) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = str(sock.getsockname()[1])
        status, lines = refuse("--packages", str(packages), "--data", str(tmp_path), "--port", port)
    assert (status, len(lines)) == (1, 1)
    assert f"127.0.0.1:{port} cannot be listened on" in lines[0]
    assert "--port" in lines[0]


def test_no_network_and_no_packages_is_one_clear_line(tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/simple/"
    status, lines = refuse(
        *("--data", str(tmp_path), "--port", str(free_port())),
        PIP_INDEX_URL=nowhere,
        PIP_EXTRA_INDEX_URL="",
        PIP_FIND_LINKS="",
        PIP_CONFIG_FILE=os.devnull,
        PIP_RETRIES="0",
    )
    assert (status, len(lines)) == (1, 1), lines
    assert "could not fetch" in lines[0]
    assert "--packages DIR" in lines[0]


def test_a_broken_rule_file_is_told_with_its_place(packages: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("edge: 1\nlisten: [{address: nonsense}]\n")
    status, lines = refuse("--stage", str(rules), "--packages", str(packages), "--data", str(tmp_path))
    assert status == 2
    assert any(line.startswith(f"{rules}:2:") for line in lines)


def test_an_unknown_stage_names_the_known_ones(packages: Path, tmp_path: Path) -> None:
    status, lines = refuse("--stage", "4-future", "--packages", str(packages), "--data", str(tmp_path))
    assert (status, len(lines)) == (1, 1)
    assert "1-legacy-only, 2-split-simple, 3-modern" in lines[0]
