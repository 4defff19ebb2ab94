"""Pages for people: readable without a script, safe whatever an uploader wrote, and where old links lead."""

from __future__ import annotations

import asyncio
from html.parser import HTMLParser

import pytest
from aiohttp.test_utils import TestClient
from packages import LAUNCH, stored, wheel
from yarl import URL

from backends.store import Store

_VOID = {"meta", "link", "br", "input"}


class Page(HTMLParser):
    """Reads a page, and fails on a tag that is not closed where it should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.links: list[str] = []
        self.language: str | None = None
        self.title = ""
        self.text = text
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in _VOID:
            self.open.append(tag)
        if tag == "html":
            self.language = dict(attrs).get("lang")
        if tag == "a":
            self.links.append(dict(attrs).get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["title"]:
            self.title += data


async def page_at(client: TestClient, path: str, status: int = 200) -> Page:
    async with client.get(path) as answer:
        assert answer.status == status
        assert answer.headers["Content-Type"] == "text/html; charset=UTF-8"
        assert "Set-Cookie" not in answer.headers
        assert "script-src" not in answer.headers["Content-Security-Policy"]
        page = Page(await answer.text())
    assert page.language == "en"
    assert {"title", "header", "nav", "main", "footer", "h1"} <= set(page.seen)
    assert not {"script", "style"} & set(page.seen)
    return page


async def test_a_project_s_page_shows_what_one_needs_to_install_it(client: TestClient, store: Store) -> None:
    stored(store, wheel("Flask", "1.0"))
    stored(store, wheel("Flask", "1.1", {"Summary": "A framework", "Description": "Long text"}))
    page = await page_at(client, "/project/Flask/")
    [file] = store.files("flask", "1.1")
    assert page.title == "Flask 1.1"
    assert f"http://files.pypihosted.test/{file.path}#sha256={file.sha256}" in page.links
    assert "A framework" in page.text
    assert "/simple/ Flask==1.1</code>" in page.text
    assert "<p>Long text</p>" in page.text
    assert [link for link in page.links if link.startswith("/project/")] == [
        "/project/Flask/1.1/",
        "/project/Flask/1.0/",
    ]


async def test_a_release_that_says_nothing_of_itself_has_no_empty_list_of_details(
    client: TestClient, store: Store
) -> None:
    for version, fields in (("1.0", {}), ("2.0", {"License": "MIT"})):
        stored(store, wheel("flask", version, fields))
        async with client.get(f"/project/flask/{version}/") as answer:
            assert Page(await answer.text()).seen.count("dl") == len(fields)


async def test_one_release_has_its_own_page(client: TestClient, store: Store) -> None:
    stored(store, wheel("Flask", "1.0"))
    stored(store, wheel("Flask", "1.1"))
    store.yank("flask", "1.0", "leaks", LAUNCH)
    page = await page_at(client, "/project/Flask/1.0.0/")
    assert page.title == "Flask 1.0"
    assert "Reason: leaks" in page.text
    assert store.files("flask", "1.1")[0].path not in page.text


async def test_what_an_uploader_wrote_stays_text(client: TestClient, store: Store) -> None:
    hostile = "</pre><script>alert(1)</script>"
    fields = {"Summary": hostile, "Description": hostile, "Home-page": "javascript:alert(1)", "Author": hostile}
    urls = {"Project-URL": ["Bad, javascript:alert(1)", "Worse, http://[", "Good, http://pypi.test/x?a=1&b=2"]}
    plain = {"Description-Content-Type": "text/plain"}
    stored(store, wheel("evil", "1.0", {**fields, **urls, **plain}))
    page = await page_at(client, "/project/evil/")
    assert not [link for link in page.links if "javascript" in link]
    assert "http://pypi.test/x?a=1&b=2" in page.links
    assert page.text.count("&lt;script&gt;") == 3


HOSTILE = """A [link](javascript:alert(1)) and <img src=x onerror=alert(1)> and <iframe src="http://evil.test"></iframe>

<script>alert(1)</script><style>body {display: none}</style><form action="http://evil.test"><input name="q"></form>
"""


@pytest.mark.parametrize(
    "kind", ["text/markdown", "text/markdown; variant=CommonMark", "text/x-rst", "text/plain", "x"]
)
async def test_a_description_can_do_nothing_however_it_is_rendered(client: TestClient, store: Store, kind: str) -> None:
    raw = ".. raw:: html\n\n   <script>alert(2)</script>\n\n" if kind == "text/x-rst" else ""
    stored(store, wheel("evil", "1.0", {"Description": raw + HOSTILE, "Description-Content-Type": kind}))
    async with client.get("/project/evil/") as answer:
        text = await answer.text()
    body = text.partition('<div class="description">')[2].partition("</section>")[0]
    assert "link" in body
    for bad in ("<script", "<iframe", "<style", "<form", "<input name", "<img src=x onerror", 'href="javascript'):
        assert bad not in body, bad


async def test_markdown_and_restructuredtext_are_rendered(client: TestClient, store: Store) -> None:
    table = "# Title\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n[docs](http://docs.test/)"
    stored(store, wheel("mark", "1.0", {"Description": table, "Description-Content-Type": "text/markdown"}))
    rst = "Title\n=====\n\nSome *text* and `docs <http://docs.test/>`_\n"
    stored(store, wheel("rest", "1.0", {"Description": rst, "Description-Content-Type": "text/x-rst"}))
    page = await page_at(client, "/project/mark/")
    assert "<td>1</td>" in page.text
    assert "http://docs.test/" in page.links
    page = await page_at(client, "/project/rest/")
    assert "<em>text</em>" in page.text
    assert "http://docs.test/" in page.links


async def test_the_front_page_lists_the_newest_releases(client: TestClient, store: Store) -> None:
    assert "no projects yet" in (await page_at(client, "/")).text
    stored(store, wheel("Zope.Interface", "1.0"))
    assert "/project/Zope.Interface/1.0/" in (await page_at(client, "/")).links


async def test_a_search_pages_through_what_fits(client: TestClient, store: Store) -> None:
    for number in range(25):
        stored(store, wheel(f"tool-{number}", "1.0", {"Summary": "A <hammer>"}))
    page = await page_at(client, "/search/?q=hammer")
    assert "25 projects" in page.text
    assert len([link for link in page.links if link.startswith("/project/")]) == 20
    assert "A &lt;hammer&gt;" in page.text
    assert "/search/?q=hammer&page=2" in page.links
    page = await page_at(client, "/search/?q=hammer&page=2")
    assert len([link for link in page.links if link.startswith("/project/")]) == 5
    assert "/search/?q=hammer&page=1" in page.links
    for odd in ('"', "'", "*", "a OR", "NEAR(", "name:", "-", "%00", "x" * 5000, ""):
        await page_at(client, f"/search/?q={odd}&page=-1")


async def test_what_is_not_there_is_said_in_a_page(client: TestClient) -> None:
    for path in ("/nothing", "/project/nothing/", "/project/nothing/1.0/"):
        assert (await page_at(client, path, 404)).title == "Page not found"


@pytest.mark.parametrize(
    ("asked", "location"),
    [
        ("/project/flask/", "/project/Flask/"),
        ("/project/FLASK/1.0/", "/project/Flask/1.0/"),
        ("/project/Flask", "/project/Flask/"),
        ("/project/Flask/1.0?a=b", "/project/Flask/1.0/?a=b"),
        ("/pypi", "/pypi/"),
        ("/pypi/", "/"),
        ("/pypi/Flask", "/pypi/Flask/"),
        ("/pypi/Flask/", "/project/Flask/"),
        ("/pypi/Flask/1.0/", "/project/Flask/1.0/"),
        ("/p/Flask/", "/project/Flask/"),
        (
            "/packages/source/F/Flask/Flask-1.0.tar.gz",
            "http://files.pypihosted.test/packages/source/F/Flask/Flask-1.0.tar.gz",
        ),
        ("/packages/aa/bb/cc/a%2Bb.whl?x=y", "http://files.pypihosted.test/packages/aa/bb/cc/a%2Bb.whl"),
    ],
)
async def test_old_links_lead_on(client: TestClient, store: Store, asked: str, location: str) -> None:
    stored(store, wheel("Flask", "1.0"))
    async with client.get(asked, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (301, location)


@pytest.mark.parametrize("name", ["%0d%0aX-Evil:1", "%5c%5cevil.test", "a%0A"])
async def test_a_redirect_that_could_be_misread_is_refused(client: TestClient, name: str) -> None:
    for path in (f"/pypi/{name}/", f"/packages/{name}"):
        async with client.get(path, allow_redirects=False) as answer:
            assert answer.status == 400
            assert "Location" not in answer.headers


@pytest.mark.parametrize("path", ["/project/{}", "/project/{}/", "/project/Flask/{}/", "/p/{}/", "/pypi/{}/json"])
@pytest.mark.parametrize("around", ["{}", "Flask{}", "{}Flask"])
async def test_an_encoded_control_character_is_in_no_name(
    client: TestClient, store: Store, path: str, around: str
) -> None:
    stored(store, wheel("Flask", "1.0"))
    for number in (*range(0x20), 0x7F):
        asked = path.format(around.format(f"%{number:02x}"))
        async with client.get(URL(asked, encoded=True)) as answer:  # redirects are followed
            assert answer.status in (400, 404), asked


async def test_an_encoded_slash_does_not_lead_away(client: TestClient) -> None:
    async with client.get("/pypi/%2f%2fevil.test/", allow_redirects=False) as answer:
        assert answer.headers.get("Location", "/project/").startswith("/project/")


async def test_health_and_style_sheet_are_there(client: TestClient) -> None:
    async with client.get("/_health/") as answer:
        assert (answer.status, await answer.text()) == (200, "OK")
    async with client.get("/static/site.css") as answer:
        assert (answer.status, answer.content_type) == (200, "text/css")


@pytest.mark.parametrize("path", ["/", "/simple/", "/_health/", "/static/site.css", "/nothing"])
async def test_head_is_answered_wherever_get_is(client: TestClient, path: str) -> None:
    async with client.get(path) as got, client.head(path) as answer:
        assert (answer.status, await answer.read()) == (got.status, b"")
        assert answer.headers["Content-Length"] == got.headers["Content-Length"]


@pytest.mark.parametrize("path", ["/user/nobody/", "/stats/x/", "/integrity/"])
async def test_what_the_site_does_not_do_is_404(client: TestClient, path: str) -> None:
    async with client.get(path) as answer:
        assert answer.status == 404


LISTS = [
    "/", "/rss/updates.xml", "/rss/packages.xml", "/simple/", "/search/?q=harmful", "/search/?c=Harmful",
    "/search/suggest?q=quar", "/user/mallory/", "/sitemap/0.xml", "/stats/",
]  # fmt: skip


@pytest.mark.parametrize("path", LISTS)
async def test_what_is_quarantined_is_in_no_list(client: TestClient, store: Store, path: str) -> None:
    for name in ("quarantined", "quarter"):
        stored(store, wheel(name, "1.0", {"Summary": "harmful", "Classifier": "Harmful"}))
        store.grant(name, "Owner", "mallory", LAUNCH)
    store.set_status("quarantined", "quarantined", "malware", LAUNCH)
    async with client.get(path) as answer:
        text = await answer.text()
    assert "quarter" in text
    assert "quarantined" not in text


async def test_a_description_that_takes_long_to_render_keeps_nobody_else_waiting(
    client: TestClient, store: Store
) -> None:
    slow = ".. " + "_a: b\n.. " * 6000
    stored(store, wheel("slow", "1.0", {"Description": slow, "Description-Content-Type": "text/x-rst"}))
    stored(store, wheel("quick", "1.0"))
    waiting = asyncio.ensure_future(client.get("/project/slow/"))
    for path in ("/simple/", "/project/quick/"):
        async with client.get(path) as answer:
            assert answer.status == 200
    assert not waiting.done()
    async with await waiting as answer:
        assert answer.status == 200


async def test_a_description_that_is_too_long_to_render_is_shown_as_it_is(client: TestClient, store: Store) -> None:
    long = "*<b>*" + "a" * (64 << 10)
    stored(store, wheel("long", "1.0", {"Description": long, "Description-Content-Type": "text/markdown"}))
    page = await page_at(client, "/project/long/")
    assert "These are the first 65,536 of 65,541 characters." in page.text
    assert "*&lt;b&gt;*aaa" in page.text
