"""The simple index as installers and mirrors read it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from aiohttp.test_utils import TestClient
from packages import LAUNCH, sdist, stored, wheel

from backends.modern import simple
from backends.steps import Steps, at_once
from backends.store import Store, reading

JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}
FILES = "http://files.pypihosted.test"


class Anchors(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.texts: list[str] = []
        self.meta: dict[str, str | None] = {}
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append(dict(attrs))
            self.texts.append("")
        elif tag == "meta" and (name := dict(attrs).get("name")):
            self.meta[name] = dict(attrs).get("content")

    def handle_data(self, data: str) -> None:
        if self.texts and not self.texts[-1]:
            self.texts[-1] = data


@pytest.fixture
def filled(store: Store) -> Store:
    stored(store, wheel("Zope.Interface", "5.10", {"Requires-Python": ">=3.8,<4"}))
    stored(store, wheel("Zope.Interface", "5.9"))
    stored(store, sdist("Zope.Interface", "5.9"))
    stored(store, wheel("flask", "1.0"))
    return store


async def test_the_html_index_names_projects_and_links_normalised_names(client: TestClient, filled: Store) -> None:
    async with client.get("/simple/") as answer:
        page = await answer.text()
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/html; charset=UTF-8"
    anchors = Anchors(page)
    assert [anchor["href"] for anchor in anchors.found] == ["/simple/flask/", "/simple/zope-interface/"]
    assert anchors.texts == ["flask", "Zope.Interface"]
    assert anchors.meta["pypi:repository-version"] == "1.4"
    assert page.splitlines()[-1] == f"<!--SERIAL {filled.last_serial()}-->"


async def test_the_json_index_has_every_project_and_its_serial(client: TestClient, filled: Store) -> None:
    async with client.get("/simple/", headers=JSON) as answer:
        body = await answer.text()
        assert answer.headers["Content-Type"] == "application/vnd.pypi.simple.v1+json"
        document = await answer.json(content_type=None)
    assert document == {
        "meta": {"_last-serial": 9, "api-version": "1.4"},
        "projects": [{"_last-serial": 9, "name": "flask"}, {"_last-serial": 6, "name": "Zope.Interface"}],
    }
    assert body.endswith("}\n")


async def test_both_indexes_have_every_project_however_many_are_read_at_a_time(
    client: TestClient, filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backends.store.reading.PROJECTS_AT_ONCE", 1)
    stored(filled, wheel("evil", "1.0"))
    filled.set_status("evil", "quarantined", None, LAUNCH)
    stored(filled, wheel("later", "1.0"))
    async with client.get("/simple/", headers=JSON) as answer:
        projects = (await answer.json(content_type=None))["projects"]
    async with client.get("/simple/") as answer:
        anchors = Anchors(await answer.text())
    async with client.get("/sitemap/0.xml") as answer:
        places = re.findall("/project/([^/]+)/<", await answer.text())
    assert [project["name"] for project in projects] == anchors.texts == places == ["flask", "later", "Zope.Interface"]


async def test_the_html_detail_links_files_on_the_content_host(client: TestClient, filled: Store) -> None:
    files = filled.files("zope-interface")
    async with client.get("/simple/zope-interface/") as answer:
        page = await answer.text()
    anchors = Anchors(page)
    assert anchors.texts == [file.filename for file in files]
    assert [anchor["href"] for anchor in anchors.found] == [
        f"{FILES}/{file.path}#sha256={file.sha256}" for file in files
    ]
    digest = f"sha256={files[0].metadata_sha256}"
    assert (anchors.found[0]["data-core-metadata"], anchors.found[0]["data-dist-info-metadata"]) == (digest, digest)
    assert anchors.found[1].keys() == {"href"}, "an sdist has no metadata beside it"
    assert anchors.found[2]["data-requires-python"] == ">=3.8,<4"
    assert 'data-requires-python="&gt;=3.8,&lt;4"' in page
    assert anchors.meta["pypi:repository-version"] == "1.4"
    assert page.splitlines()[-1] == "<!--SERIAL 6-->"


async def test_the_json_detail_is_version_1_4(client: TestClient, filled: Store) -> None:
    sdist_file = filled.files("zope-interface", "5.9")[1]
    async with client.get("/simple/zope-interface/", headers=JSON) as answer:
        document = await answer.json(content_type=None)
    assert document["meta"] == {"_last-serial": 6, "api-version": "1.4"}
    assert document["name"] == "zope-interface"
    assert document["versions"] == ["5.9", "5.10"]
    assert document["project-status"] == {"status": "active"}
    assert document["files"][1] == {
        "filename": "zope_interface-5.9.tar.gz",
        "url": f"{FILES}/{sdist_file.path}",
        "hashes": {"sha256": sdist_file.sha256},
        "requires-python": None,
        "size": sdist_file.size,
        "upload-time": "2018-04-16T15:00:00.123456Z",
        "yanked": False,
        "core-metadata": False,
        "data-dist-info-metadata": False,
        "provenance": None,
    }
    newest = document["files"][2]
    assert newest["requires-python"] == ">=3.8,<4"
    assert newest["core-metadata"] == newest["data-dist-info-metadata"] != False  # noqa: E712


async def test_a_yank_shows_with_its_reason_or_without(client: TestClient, filled: Store) -> None:
    filled.yank("zope-interface", "5.10", 'breaks "x" & y', LAUNCH)
    filled.yank("flask", "1.0", None, LAUNCH)
    yanks = []
    for name in ("zope-interface", "flask"):
        async with client.get(f"/simple/{name}/", headers=JSON) as answer:
            document = await answer.json(content_type=None)
        async with client.get(f"/simple/{name}/") as answer:
            anchor = Anchors(await answer.text()).found[-1]
        yanks.append((document["files"][-1]["yanked"], anchor["data-yanked"]))
    assert yanks == [('breaks "x" & y', 'breaks "x" & y'), (True, "")]


async def test_caches_are_told_what_they_may_do(client: TestClient, filled: Store) -> None:
    async with client.get("/simple/flask/") as answer:
        headers = answer.headers
    assert headers["Cache-Control"] == "public, max-age=600"
    assert headers["Surrogate-Control"] == "max-age=86400, stale-while-revalidate=300, stale-if-error=86400"
    assert headers["Surrogate-Key"].split()[0] == "project/flask"
    assert headers["Vary"] == "Accept"
    assert headers["X-PyPI-Last-Serial"] == "9"
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Access-Control-Expose-Headers"] == "X-PyPI-Last-Serial"
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox allow-top-navigation"
    assert "Set-Cookie" not in headers
    async with client.get("/simple/", headers=JSON) as answer:
        assert answer.headers["Surrogate-Control"].startswith("max-age=1800,")
        assert answer.headers["X-PyPI-Last-Serial"] == str(filled.last_serial())


async def test_who_has_the_page_is_told_so_until_it_changes(client: TestClient, filled: Store) -> None:
    async with client.get("/simple/flask/") as answer:
        etag = answer.headers["ETag"]
    for match in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        async with client.get("/simple/flask/", headers={"If-None-Match": match}) as answer:
            assert (answer.status, await answer.read()) == (304, b"")
            assert answer.headers["ETag"] == etag
            assert answer.headers["Cache-Control"] == "public, max-age=600"
            assert answer.headers["Vary"] == "Accept"
    stored(filled, wheel("flask", "1.1"))
    async with client.get("/simple/flask/", headers={"If-None-Match": etag}) as answer:
        assert answer.status == 200
        assert answer.headers["ETag"] != etag


async def test_each_form_has_its_own_etag(client: TestClient, filled: Store) -> None:
    etags = set()
    for form in ("text/html", "application/vnd.pypi.simple.v1+html", "application/vnd.pypi.simple.v1+json"):
        async with client.get("/simple/flask/", headers={"Accept": form}) as answer:
            assert answer.headers["Content-Type"].startswith(form)
            etags.add(answer.headers["ETag"])
    assert len(etags) == 3


async def test_format_in_the_query_chooses_the_form(client: TestClient, filled: Store) -> None:
    for query in ("application/vnd.pypi.simple.v1+json", "application%2Fvnd.pypi.simple.latest%2Bjson"):
        async with client.get(f"/simple/flask/?format={query}") as answer:
            assert answer.headers["Content-Type"] == "application/vnd.pypi.simple.v1+json"


@pytest.mark.parametrize(
    ("asked", "location"),
    [
        ("/simple", "/simple/"),
        ("/simple/zope-interface", "/simple/zope-interface/"),
        ("/simple/Zope.Interface/", "/simple/zope-interface/"),
        ("/simple/zope_interface/?format=text/html", "/simple/zope-interface/?format=text/html"),
        ("/simple/zope--interface/", "/simple/zope-interface/"),
        ("/simple/Zope.Interface", "/simple/Zope.Interface/"),
    ],
)
async def test_other_spellings_are_redirected(client: TestClient, filled: Store, asked: str, location: str) -> None:
    async with client.get(asked, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (301, location)


@pytest.mark.parametrize("path", ["/simple/nothing/", "/simple/Nothing/", "/simple/a/b/", "/simple/%FF/"])
async def test_what_is_not_there_is_plain_text(client: TestClient, filled: Store, path: str) -> None:
    async with client.get(path, headers=JSON) as answer:
        assert (answer.status, await answer.text()) == (404, "404 Not Found")
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Cache-Control" not in answer.headers


async def test_the_public_host_chooses_where_files_are(client: TestClient, filled: Store) -> None:
    for host, base in (("PYPI.localhost:8080", "http://files.localhost:8080"), ("pypi.test", FILES)):
        async with client.get("/simple/flask/", headers={**JSON, "X-Forwarded-Host": host}) as answer:
            document = await answer.json(content_type=None)
        assert document["files"][0]["url"].startswith(f"{base}/packages/")


async def test_head_is_get_without_the_body(client: TestClient, filled: Store) -> None:
    async with client.get("/simple/flask/") as answer:
        got = await answer.read()
        etag = answer.headers["ETag"]
    async with client.head("/simple/flask/") as answer:
        assert (answer.status, await answer.read()) == (200, b"")
        assert (answer.headers["ETag"], answer.headers["Content-Length"]) == (etag, str(len(got)))
    async with client.post("/simple/flask/") as answer:
        assert answer.status == 405


# -- projects of thousands of files ----------------------------------------------------------------------------------


@pytest.fixture
def large(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Six times as many files as are told at once."""
    monkeypatch.setattr(reading, "FILES_AT_ONCE", 2)
    monkeypatch.setattr(simple, "FILES_AT_ONCE", 2)
    monkeypatch.setattr("backends.steps._PIECES_A_STEP", 20)
    for version in ("2.0", "10.0", "1.0", "3.0rc1", "2.0.post1", "1.0.1"):
        stored(store, wheel("large", version))
        stored(store, sdist("large", version))
    return store


def how_many(steps: Steps[object]) -> int:
    return sum(1 for _ in steps)


async def test_a_page_of_many_files_is_told_in_steps(large: Store) -> None:
    assert how_many(large.files_in_steps("large")) == 5
    assert at_once(large.files_in_steps("large")) == large.files("large")
    project, files = large.project("large"), large.files("large")
    assert project is not None
    assert how_many(simple.detail_json(project, files, FILES, "http://pypi.test")) == 6
    assert how_many(simple.detail_html(project, files, FILES, "http://pypi.test")) >= 6


async def test_it_says_the_same_as_one_that_is_told_at_once(
    client: TestClient, large: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = []
    for at_a_time in (2, 1_000):
        monkeypatch.setattr(reading, "FILES_AT_ONCE", at_a_time)
        monkeypatch.setattr(simple, "FILES_AT_ONCE", at_a_time)
        for headers in (JSON, {}):
            async with client.get("/simple/large/", headers=headers) as answer:
                pages.append(await answer.read())
    assert pages[:2] == pages[2:]
    told = json.loads(pages[0])
    assert [file["filename"] for file in told["files"]] == [file.filename for file in large.files("large")]
    assert told["versions"] == ["1.0", "1.0.1", "2.0", "2.0.post1", "3.0rc1", "10.0"]
    assert pages[0] == (json.dumps(told, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
    assert Anchors(pages[1].decode()).texts == [file.filename for file in large.files("large")]


async def test_what_comes_between_two_steps_is_on_the_next_page(large: Store) -> None:
    before, reading_them = large.files("large"), large.files_in_steps("large")
    next(reading_them)
    stored(large, wheel("large", "11.0"))
    assert at_once(reading_them) == before
