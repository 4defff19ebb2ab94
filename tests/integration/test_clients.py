"""pip, uv and twine behind the edge notice nothing, in every stage of the move."""

from __future__ import annotations

import subprocess
import sys
import time
import xmlrpc.client
from base64 import b64encode
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from packages import wheel
from system import PACKAGES, TOKEN, System

from edgeproxy.migration.place import place_of

pytestmark = pytest.mark.clients

NEW_INDEX = "http://pypi.test/simple/"
OLD_INDEX = "http://legacy.pypi.test/simple/"


def run(system: System, tmp_path: Path, *command: str) -> str:
    """Run a client program with clean caches; its output, when it succeeded."""
    done = subprocess.run(
        command,
        env=system.environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def pip(system: System, tmp_path: Path, *arguments: str, index: str = NEW_INDEX) -> str:
    return run(system, tmp_path, sys.executable, "-m", "pip", *arguments, "--index-url", index)


def installed(target: Path) -> set[str]:
    return {path.name.split("-")[0].lower() for path in target.glob("*.dist-info")}


def test_pip_installs_a_package_and_all_it_needs(system: System, tmp_path: Path) -> None:
    pip(system, tmp_path, "install", "--target", str(tmp_path / "t"), "aiohttp")
    assert {"aiohttp", "yarl", "multidict", "attrs"} <= installed(tmp_path / "t")


def test_pip_downloads_a_source_archive(system: System, tmp_path: Path) -> None:
    pip(system, tmp_path, "download", "--no-deps", "--no-binary", "six", "--dest", str(tmp_path / "d"), "six")
    assert [path.suffixes[-2:] for path in (tmp_path / "d").iterdir()] == [[".tar", ".gz"]]


def test_uv_installs_a_package_and_all_it_needs(system: System, tmp_path: Path) -> None:
    target = str(tmp_path / "t")
    uv = str(Path(sys.executable).parent / "uv")
    run(
        system,
        tmp_path,
        uv,
        "pip",
        "install",
        "--python",
        sys.executable,
        "--target",
        target,
        "--index-url",
        NEW_INDEX,
        "jinja2",
    )
    assert {"jinja2", "markupsafe"} <= installed(tmp_path / "t")


def test_what_twine_uploads_pip_installs(system: System, tmp_path: Path) -> None:
    name = f"uploaded-in-{system.stage}"
    filename, content = wheel(name, "1.0")
    (tmp_path / filename).write_bytes(content)
    upload = (sys.executable, "-m", "twine", "upload", "--non-interactive", "--disable-progress-bar", "-u", "__token__")
    repository = ("--repository-url", "http://upload.pypi.test/legacy/", "-p", TOKEN)
    run(system, tmp_path, *upload, *repository, filename)
    pip(system, tmp_path, "install", "--target", str(tmp_path / "t"), name)
    assert installed(tmp_path / "t") == {name.replace("-", "_").replace(".", "_")}
    run(system, tmp_path, *upload, *repository, filename)  # the same file again changes nothing and is no error


def test_pip_installs_from_the_old_host(system: System, tmp_path: Path) -> None:
    before = len(system.exchanges())
    pip(system, tmp_path, "install", "--target", str(tmp_path / "t"), "zope.interface", index=OLD_INDEX)
    assert "zope_interface" in installed(tmp_path / "t")
    if system.stage == "3-modern":
        _wait_for(system, before, "old-host", 301)


def test_pip_installs_from_an_old_file_url_through_its_redirects(system: System, tmp_path: Path) -> None:
    before = len(system.exchanges())
    url = f"http://legacy.pypi.test{_old_path('six', 'py2.py3')}"
    pip(system, tmp_path, "install", "--no-deps", "--target", str(tmp_path / "t"), url)
    assert installed(tmp_path / "t") == {"six"}
    if system.stage == "3-modern":
        for rule, status in (("old-host-files", 301), ("old-file-urls", 302), ("files", 200)):
            _wait_for(system, before, rule, status)


def test_an_xmlrpc_client_of_the_old_host_is_answered(system: System) -> None:
    with xmlrpc.client.ServerProxy("http://legacy.pypi.test/pypi", transport=_ThroughTheEdge(system.proxy)) as proxy:
        names = proxy.list_packages()
        assert isinstance(names, list)
        assert {"six", "zope.interface", "PyYAML"} <= set(names)


@pytest.mark.parametrize("system", ["2-split-simple"], indirect=True)
def test_clients_of_both_arms_install_the_same(system: System, tmp_path: Path) -> None:
    """Under the split a token decides; one token for each arm, found by the hash the edge uses."""
    for arm, wanted in (("modern", range(20_000)), ("legacy", range(20_000, 100_000))):
        token = next(token for token in map(str, range(1000)) if place_of(_key(token), "simple-reads") in wanted)
        index = f"http://__token__:{token}@pypi.test/simple/"
        pip(system, tmp_path, "install", "--target", str(tmp_path / arm), "jinja2", index=index)
        assert {"jinja2", "markupsafe"} <= installed(tmp_path / arm)


def _key(token: str) -> str:
    return "authorization:Basic " + b64encode(f"__token__:{token}".encode()).decode()


def _old_path(project: str, python_version: str) -> str:
    newest = max(PACKAGES.glob(f"{project}-*.whl"))
    return f"/packages/{python_version}/{project[0]}/{project}/{newest.name}"


def _wait_for(system: System, before: int, rule: str, status: int) -> None:
    """The access log is written about once a second: look until the exchange is there."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if any((entry["rule"], entry["status"]) == (rule, status) for entry in system.exchanges()[before:]):
            return
        time.sleep(0.1)
    raise AssertionError(f"no exchange by rule {rule} with status {status}: {system.exchanges()[before:]}")


class _ThroughTheEdge(xmlrpc.client.Transport):
    """Sends absolute-form targets to the edge, as a client does that has it as its proxy."""

    def __init__(self, proxy: str) -> None:
        super().__init__()
        self._edge = urlsplit(proxy).netloc

    def make_connection(self, host: object) -> HTTPConnection:
        return HTTPConnection(self._edge)

    def send_request(self, host: object, handler: str, request_body: object, debug: bool) -> HTTPConnection:
        connection = self.make_connection(host)
        self._connection = (host, connection)  # so that close() finds it
        body = request_body if isinstance(request_body, bytes) else str(request_body).encode()
        connection.putrequest("POST", f"http://legacy.pypi.test{handler}", skip_host=True)
        connection.putheader("Host", "legacy.pypi.test")
        connection.putheader("Content-Type", "text/xml")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        return connection
