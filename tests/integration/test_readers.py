"""Readers of indexes that know nothing of each other, behind the edge: all see the same index, and it is the store's.

pypi-simple and mousebender read pages, bandersnatch mirrors everything, old and new pip search and install.
"""

from __future__ import annotations

import subprocess
import sys
import xmlrpc.client
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

import mousebender.simple
import pytest
from fetching import alone_in
from indexed import Index, index_behind_the_edge
from packages import LAUNCH, Fields, sdist, stored, wheel
from pypi_simple import ACCEPT_HTML_ONLY, ACCEPT_JSON_ONLY, PyPISimple
from system import ROOT

from backends.generate import Plan, generate
from backends.store import Store

pytestmark = pytest.mark.clients

OLD_PIP = "19.3.1"  # the oldest that starts on Python 3.10 and later


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    place = tmp_path_factory.mktemp("readers")
    with Store(place / "store") as store:
        generate(store, Plan(12, median_size=50, most_releases=4), lambda _: None)
        fields: Fields = {"Summary": "A hammer & <nails>", "Requires-Python": ">=3.6"}
        stored(store, wheel("Zope.Tool", "1.0", fields), LAUNCH)
        stored(store, sdist("Zope.Tool", "1.0", fields), LAUNCH)
        stored(store, wheel("Zope.Tool", "1.1", fields), LAUNCH)
        store.yank("zope-tool", "1.1", "it <breaks>", LAUNCH)
        store.set_status("zope-tool", "archived", "all done", LAUNCH)
        store.set_provenance("zope_tool-1.0-py3-none-any.whl", '{"version": 1, "attestation_bundles": []}')
    with index_behind_the_edge(place) as running:
        yield running


@pytest.mark.parametrize("accept", [ACCEPT_HTML_ONLY, ACCEPT_JSON_ONLY])
def test_pypi_simple_sees_every_file_as_the_store_has_it(index: Index, accept: str) -> None:
    with PyPISimple("http://pypi.test/simple/", accept=accept) as client:
        client.s.proxies = {"http": index.edge}
        names = client.get_index_page().projects
        with Store(index.directory) as store:
            assert sorted(names) == sorted(project.name for project in store.projects())
        seen = {}
        for name in names:
            page = client.get_project_page(name)
            assert page.repository_version == "1.4"
            assert page.status == ("archived" if name == "Zope.Tool" else "active")
            seen |= {package.filename: package for package in page.packages}
        files = index.files()
        assert set(seen) == {file.filename for file in files}
        for file in files:
            package = seen[file.filename]
            assert package.url.partition("#")[0] == f"http://files.pypihosted.test/{file.path}"
            assert package.digests == {"sha256": file.sha256}
            assert package.requires_python == file.requires_python
            assert (package.is_yanked, package.yanked_reason or None) == (file.yanked, file.yanked_reason)
            assert package.metadata_digests == ({"sha256": file.metadata_sha256} if file.metadata_sha256 else None)
            assert (package.provenance_url is not None) == file.has_provenance
            if accept == ACCEPT_JSON_ONLY:
                assert (package.size, package.upload_time) == (file.size, file.upload_time)
        package = seen["zope_tool-1.0-py3-none-any.whl"]
        assert "Name: Zope.Tool" in client.get_package_metadata(package)
        client.download_package(package, index.directory / "downloaded", verify=True)


@pytest.mark.filterwarnings("ignore::mousebender.simple.APIVersionWarning")  # it knows 1.3, and reads 1.4 as well
@pytest.mark.parametrize("accept", [mousebender.simple.ACCEPT_HTML, mousebender.simple.ACCEPT_JSON_V1])
def test_mousebender_sees_every_file_as_the_store_has_it(index: Index, accept: str) -> None:
    _, headers, body = index.get("http://pypi.test/simple/", Accept=accept)
    listed = mousebender.simple.parse_project_index(body.decode(), headers["Content-Type"])
    found = {}
    for project in listed["projects"]:
        url = mousebender.simple.create_project_url("http://pypi.test/simple/", project["name"])
        _, headers, body = index.get(url, Accept=accept)
        details = mousebender.simple.parse_project_details(body.decode(), headers["Content-Type"], project["name"])
        found |= {file["filename"]: file for file in details["files"]}
    files = index.files()
    assert set(found) == {file.filename for file in files}
    for file in files:
        seen = found[file.filename]
        assert seen["hashes"] == {"sha256": file.sha256}
        assert (seen.get("requires-python") or None) == file.requires_python
        assert bool(seen.get("yanked")) == file.yanked


def test_bandersnatch_mirrors_the_whole_index(index: Index, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    (tmp_path / "bandersnatch.conf").write_text(
        "[mirror]\n"
        f"directory = {mirror}\nmaster = http://pypi.test\nallow-non-https = true\nproxy = {index.edge}\n"
        "json = true\nworkers = 2\ntimeout = 60\n"
    )
    bandersnatch = str(Path(sys.executable).parent / "bandersnatch")
    index.run(tmp_path, bandersnatch, "-c", str(tmp_path / "bandersnatch.conf"), "mirror")
    for file in index.files():
        copied = mirror / "web" / file.path
        assert sha256(copied.read_bytes()).hexdigest() == file.sha256, file.filename
    with Store(index.directory) as store:
        assert (mirror / "status").read_text().strip() == str(store.last_serial())
        for project in store.projects():
            assert (mirror / "web" / "simple" / project.normalized / "index.html").is_file()
            assert (mirror / "web" / "json" / project.normalized).is_file()


@pytest.fixture(scope="session")
def old_pip() -> Path:
    """A wheel of it, which runs as it is; fetched once for all runs in this checkout."""
    place = ROOT / "var" / "test-pip"
    wheel = place / f"pip-{OLD_PIP}-py2.py3-none-any.whl"
    with alone_in(place):
        if not wheel.exists():
            fetch = (sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", place)
            subprocess.run([*fetch, f"pip=={OLD_PIP}"], check=True)
    return wheel


@pytest.mark.parametrize("index_url", ["http://pypi.test/simple/", "http://legacy.pypi.test/simple/"])
@pytest.mark.parametrize("age", ["old", "new"])
def test_old_and_new_pip_install_from_both_sites(
    index: Index, tmp_path: Path, old_pip: Path, age: str, index_url: str
) -> None:
    pip = (str(old_pip / "pip"),) if age == "old" else ("-m", "pip")
    where = ("--no-deps", "--target", str(tmp_path / "t"), "--index-url", index_url)
    index.run(tmp_path, sys.executable, "-W", "ignore", *pip, "install", *where, "Zope.Tool==1.0")
    assert (tmp_path / "t" / "zope_tool.py").is_file()


@pytest.mark.parametrize("age", ["old", "new"])
def test_pip_search_finds_on_the_old_site_what_the_new_one_finds_no_more(
    index: Index, tmp_path: Path, old_pip: Path, age: str
) -> None:
    pip = (str(old_pip / "pip"),) if age == "old" else ("-m", "pip")
    command = (sys.executable, "-W", "ignore", *pip, "search", "--index")
    assert "Zope.Tool (1.1)" in index.run(tmp_path, *command, "http://legacy.pypi.test/pypi", "hammer")
    with pytest.raises(AssertionError, match="no longer supports 'pip search'"):
        index.run(tmp_path, *command, "http://pypi.test/pypi", "hammer")


class _Proxied(xmlrpc.client.Transport):
    def __init__(self, index: Index) -> None:
        super().__init__(use_builtin_types=True)
        self._index = index

    def request(self, host: object, handler: str, request_body: object, verbose: bool = False) -> tuple[object, ...]:
        opener = build_opener(ProxyHandler({"http": self._index.edge}))
        asked = Request(f"http://{host}{handler}", data=bytes(request_body), headers={"Content-Type": "text/xml"})  # type: ignore[call-overload]
        with opener.open(asked) as answer:
            parser, unmarshaller = self.getparser()
            parser.feed(answer.read())
            parser.close()
            return unmarshaller.close()


def test_xmlrpc_clients_follow_the_change_log_of_both_sites(index: Index) -> None:
    with Store(index.directory) as store:
        expected = [
            [each.project, each.version, int(each.moment.timestamp()), each.action, each.serial]
            for each in store.changes_after(10)
        ]
    for host in ("pypi.test", "legacy.pypi.test"):
        proxy = xmlrpc.client.ServerProxy(f"http://{host}/pypi", transport=_Proxied(index), allow_none=True)
        assert proxy.changelog_last_serial() == expected[-1][-1]
        assert proxy.changelog_since_serial(10) == expected
        assert proxy.list_packages_with_serial()["Zope.Tool"] == expected[-1][-1]


def test_lazy_wheels_are_read_from_their_end(index: Index) -> None:
    """What poetry and `pip --use-feature=fast-deps` do where there is no metadata beside a wheel."""
    [file] = [file for file in index.files() if file.filename == "zope_tool-1.0-py3-none-any.whl"]
    url = f"http://files.pypihosted.test/{file.path}"
    content = (index.directory / "files" / file.path).read_bytes()
    opener = build_opener(ProxyHandler({"http": index.edge}))
    with opener.open(Request(url, method="HEAD")) as answer:
        assert (answer.headers["Accept-Ranges"], answer.headers["Content-Length"]) == ("bytes", str(file.size))
    status, headers, tail = index.get(url, Range="bytes=-100", **{"Cache-Control": "no-cache"})
    assert (status, tail) == (206, content[-100:])
    assert headers["Content-Range"] == f"bytes {file.size - 100}-{file.size - 1}/{file.size}"
    status, _, part = index.get(url, Range=f"bytes=10-{file.size - 101}")
    assert (status, part) == (206, content[10:-100])
