"""Old file URLs lead to the files, by what either site's JSON API says; documentation is served as it was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from packages import LAUNCH, sdist, stored, wheel

from backends.conveyor.app import Settings, make_app
from backends.legacy import app as legacy
from backends.modern import app as modern
from backends.modern.site import Site
from backends.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    stored(store, sdist("Flask", "0.2"))
    stored(store, wheel("Flask", "0.2", tags="py2.py3-none-any"))
    stored(store, sdist("zope.interface", "4.4.3"))
    return store


@pytest.fixture(params=["modern", "legacy"])
async def conveyor(request: pytest.FixtureRequest, store: Store) -> AsyncIterator[TestClient]:
    made: web.Application = (
        modern.make_app(store, Site(), lambda: LAUNCH)
        if request.param == "modern"
        else legacy.make_app(store, lambda: LAUNCH)
    )
    async with TestServer(made) as site:
        async with TestClient(TestServer(make_app(Settings(str(site.make_url("")).rstrip("/"))))) as client:
            yield client
    store.close()


@pytest.mark.parametrize(
    ("path", "status", "found"),
    [
        ("source/F/Flask/flask-0.2.tar.gz", 302, "flask-0.2.tar.gz"),
        ("source/f/Flask/flask-0.2.tar.gz", 302, "flask-0.2.tar.gz"),
        ("source/f/flask/flask-0.2.tar.gz", 302, "flask-0.2.tar.gz"),
        ("py2.py3/F/Flask/flask-0.2-py2.py3-none-any.whl", 302, "flask-0.2-py2.py3-none-any.whl"),
        ("source/z/zope.interface/zope_interface-4.4.3.tar.gz", 302, "zope_interface-4.4.3.tar.gz"),
        ("source/X/Flask/flask-0.2.tar.gz", 404, "Incorrect project bucket"),
        ("2.7/F/Flask/flask-0.2.tar.gz", 404, "no file found"),
        ("source/F/Flask/flask-0.3.tar.gz", 404, "no file found"),
        ("source/F/Flask/flask-0.2.tar.gz.asc", 404, "missing signature file"),
        ("source/n/nothing/nothing-1.tar.gz", 404, None),
        ("source/F/Flask/", 404, "no file found"),
        ("source/F/Flask", 404, None),
        ("aa/bb/cc/dd/ee", 404, None),
        ("source//x/y", 404, "Incorrect project bucket"),
    ],
)
async def test_an_old_url_leads_to_the_file(
    conveyor: TestClient, store: Store, path: str, status: int, found: str | None
) -> None:
    for method in ("GET", "HEAD"):
        async with conveyor.request(method, f"/packages/{path}", allow_redirects=False) as answer:
            assert answer.status == status
            if status == 404:
                assert answer.headers.get("Reason") == found
                continue
            file = store.file_named(str(found))
            assert file is not None
            assert answer.headers["Location"].endswith(f"/{file.path}")
            assert answer.headers["Cache-Control"] == "max-age=604800, public"


@pytest.mark.parametrize(("status", "expected"), [(404, 404), (410, 410), (500, 503), (502, 503), (304, 503)])
async def test_what_the_site_has_not_is_not_there_and_what_it_cannot_say_is_unavailable(
    status: int, expected: int
) -> None:
    async def failing(_request: web.Request) -> web.Response:
        return web.Response(status=status)

    site = web.Application()
    site.router.add_get("/{path:.*}", failing)
    async with TestServer(site) as server:
        async with TestClient(TestServer(make_app(Settings(str(server.make_url("")).rstrip("/"))))) as client:
            async with client.get("/packages/source/F/Flask/x.tar.gz") as answer:
                assert answer.status == expected


async def test_a_site_that_is_not_there_or_talks_nonsense_is_unavailable() -> None:
    async def nonsense(request: web.Request) -> web.Response:
        if "loop" in request.path:
            raise web.HTTPFound(request.path)
        return web.Response(text='{"releases": [1]}' if "odd" in request.path else "nonsense")

    site = web.Application()
    site.router.add_get("/{path:.*}", nonsense)
    async with TestServer(site) as server:
        endpoint = str(server.make_url("")).rstrip("/")
        async with TestClient(TestServer(make_app(Settings(endpoint)))) as client:
            for name, status in (("plain", 503), ("loop", 503), ("odd", 404)):
                async with client.get(f"/packages/source/{name[0]}/{name}/x.tar.gz") as answer:
                    assert answer.status == status, name
    async with TestClient(TestServer(make_app(Settings(endpoint)))) as client:
        async with client.get("/packages/source/p/plain/x.tar.gz") as answer:
            assert answer.status == 503


async def test_a_signature_is_led_to_while_the_site_tells_of_it(store: Store) -> None:
    from datetime import date

    from backends.modern.era import Era

    stored(store, sdist("signed", "1.0"), signature=b"-----BEGIN PGP SIGNATURE-----")
    for day, status in ((date(2018, 4, 30), 302), (None, 404)):
        made = modern.make_app(store, Site(era=Era(day)), lambda: LAUNCH)
        async with TestServer(made) as site:
            async with TestClient(TestServer(make_app(Settings(str(site.make_url("")).rstrip("/"))))) as client:
                path = "/packages/source/s/signed/signed-1.0.tar.gz.asc"
                async with client.get(path, allow_redirects=False) as answer:
                    assert answer.status == status
                    file = store.file_named("signed-1.0.tar.gz")
                    assert file is not None
                    if status == 302:
                        assert answer.headers["Location"].endswith(f"/{file.path}.asc")
                    else:
                        assert answer.headers["Reason"] == "missing signature file"
    store.close()


async def test_who_asks_another_host_is_led_by_the_links_of_its_own_site() -> None:
    async def links(request: web.Request) -> web.Response:
        file = {"filename": "x.tar.gz", "python_version": "source", "url": f"http://files.of.{request.host}/x.tar.gz"}
        return web.json_response({"releases": {"1": [file]}})

    site = web.Application()
    site.router.add_get("/{path:.*}", links)
    async with TestServer(site) as server:
        endpoint = str(server.make_url("")).rstrip("/")
        settings = Settings(endpoint, host_for={"files.localhost:8080": "pypi.localhost:8080"})
        async with TestClient(TestServer(make_app(settings))) as client:
            for asked, led in (("Files.localhost:8080", "pypi.localhost:8080"), ("files.localhost", "pypi.test")):
                forwarded = {"X-Forwarded-Host": asked}
                async with client.get("/packages/source/x/x/x.tar.gz", headers=forwarded, allow_redirects=False) as got:
                    assert got.headers["Location"] == f"http://files.of.{led}/x.tar.gz"


DOCS = {"Host": "pypihosted.test"}


@pytest.fixture
async def docs(tmp_path: Path) -> AsyncIterator[TestClient]:
    (tmp_path / "docs/flask/api").mkdir(parents=True)
    (tmp_path / "docs/flask/index.html").write_text("welcome")
    (tmp_path / "docs/flask/api/index.html").write_text("api")
    (tmp_path / "docs/flask/style.css").write_text("a {}")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "docs/flask/link").symlink_to(tmp_path / "secret")
    settings = Settings("http://127.0.0.1:1", docs=tmp_path / "docs", docs_moved={"jinja": "http://docs.test/jinja"})
    async with TestClient(TestServer(make_app(settings))) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/flask", 301, "/flask/"),
        ("/flask/", 200, "welcome"),
        ("/flask/index.html", 200, "welcome"),
        ("/flask/api", 301, "/flask/api/"),
        ("/flask/api/", 200, "api"),
        ("/flask/style.css", 200, "a {}"),
        ("/flask/nothing", 404, ""),
        ("/nothing/", 404, ""),
        ("/jinja/templates/", 302, "http://docs.test/jinja/templates/"),
        ("/flask/%2e%2e/%2e%2e/secret", 404, ""),
        ("/flask/link", 404, ""),
        ("/flask//api/", 404, ""),
        ("/flask/%00", 404, ""),
        ("/", 404, ""),
    ],
)
async def test_documentation_is_where_it_was(docs: TestClient, path: str, status: int, said: str) -> None:
    from yarl import URL

    async with docs.get(URL(path, encoded=True), headers=DOCS, allow_redirects=False) as answer:
        assert answer.status == status
        assert answer.headers.get("Location", await answer.text()) == said
        if path.endswith(".css"):
            assert answer.content_type == "text/css"


async def test_only_reading_is_done(docs: TestClient) -> None:
    async with docs.post("/flask/", headers=DOCS) as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
