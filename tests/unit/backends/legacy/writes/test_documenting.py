"""Documentation uploaded to the old site: on its host at once and as a whole, or what was there stays."""

from __future__ import annotations

import re

import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient, TestServer
from old_writes import ARMIN, multipart, posted, registered, submission
from packages import Package, sdist, wheel, zipped

from backends.conveyor import app as conveyor
from backends.store import Store
from backends.store.unpacking import MOST_MEMBERS

SDIST = sdist("Flask", "1.0", {"Summary": "Small"})
WHEEL = wheel("Flask", "1.0", {"Summary": "Small", "Requires-Python": ">=2.7"})


def pages(**files: str) -> Package:
    return Package("docs.zip", zipped({name.replace("__", "/"): text.encode() for name, text in files.items()}))


def documentation(package: Package | None, **changes: str) -> FormData:
    return multipart(submission(__action="doc_upload", **changes), package)


async def test_documentation_is_on_its_host_once_it_is_uploaded(client: TestClient, store: Store) -> None:
    await registered(client)
    for text in ("first", "second"):
        zip_file = pages(**{"index.html": text, "api__index.html": "api"})
        async with client.post(
            "/pypi", data=documentation(zip_file), headers={"Authorization": ARMIN}, allow_redirects=False
        ) as answer:
            assert (answer.status, await answer.text()) == (301, "")
            assert answer.headers["Location"] == "https://pypihosted.test/Flask/"
        settings = conveyor.Settings("http://127.0.0.1:1", docs=store.documentation_directory)
        async with TestClient(TestServer(conveyor.make_app(settings))) as host:
            for path, expected in (("/Flask/", text), ("/Flask/api/", "api")):
                async with host.get(path, headers={"Host": "pypihosted.test"}) as page:
                    assert (page.status, await page.text()) == (200, expected)
    assert store.changes_after(3)[0].action == "docupdate"
    assert len(list((store.documentation_directory / ".trees").iterdir())) == 1, "the one before is gone"


@pytest.mark.parametrize(
    ("package", "why"),
    [
        (None, "No file uploaded"),
        (Package("docs.zip", b"PK"), "~Error uncompressing zipfile: .*"),
        (pages(**{"a.html": "a"}), 'Error: top-level "index.html" missing in the zipfile'),
        (pages(**{"index.html": "a", "..__x": "b"}), "~Error uncompressing zipfile: .* would be unpacked elsewhere"),
        (pages(**{"index.html": "a", "x": "b", "x__y": "c"}), "~Error uncompressing zipfile: it cannot be unpacked.*"),
        (pages(**dict.fromkeys(["index.html", *map(str, range(MOST_MEMBERS))], "")), "~.*more than 20000 members"),
        (pages(**{"index.html": "a" * (65 << 20)}), "~Error uncompressing zipfile: .*compression ratio.*"),
    ],
)
async def test_documentation_is_refused_because(
    client: TestClient, store: Store, package: Package | None, why: str
) -> None:
    await registered(client)
    assert (await posted(client, documentation(pages(**{"index.html": "kept"}))))[0] == 301
    status, reason, _ = await posted(client, documentation(package))
    assert status == 400
    assert re.fullmatch(why.removeprefix("~") if why.startswith("~") else re.escape(why), reason)
    assert (store.documentation_directory / "Flask" / "index.html").read_text() == "kept"
    assert len(list((store.documentation_directory / ".trees").iterdir())) == 1


async def test_documentation_is_of_a_project(client: TestClient) -> None:
    status, reason, _ = await posted(client, documentation(pages(**{"index.html": "a"}), name=""))
    assert (status, reason) == (400, "No package name given")
