"""The JSON API: one project, one release, in the canonical spelling."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import TestClient
from packages import LAUNCH, sdist, stored, wheel

from backends.store import Store

FIELDS = {
    "Summary": "A framework",
    "Author-email": "armin@pypi.test",
    "Keywords": "web,wsgi",
    "Classifier": ["Framework :: Flask"],
    "Project-URL": ["Source, http://pypi.test/source"],
    "Requires-Python": ">=3.8",
    "Requires-Dist": ["werkzeug>=3"],
    "Description": "Long text",
}


@pytest.fixture
def filled(store: Store) -> Store:
    stored(store, wheel("Flask", "1.0"))
    stored(store, wheel("Flask", "1.1", FIELDS), comment="checked")
    stored(store, sdist("Flask", "1.1"))
    stored(store, wheel("Flask", "2.0rc1"))
    return store


async def test_a_project_is_its_latest_final_release_and_all_files(client: TestClient, filled: Store) -> None:
    async with client.get("/pypi/flask/json") as answer:
        assert answer.headers["Content-Type"] == "application/json"
        document = await answer.json()
    assert document["info"]["version"] == "1.1"
    assert [file["filename"] for file in document["urls"]] == ["flask-1.1-py3-none-any.whl", "flask-1.1.tar.gz"]
    assert {version: len(files) for version, files in document["releases"].items()} == {"1.0": 1, "1.1": 2, "2.0rc1": 1}
    assert document["last_serial"] == 8
    assert document["ownership"] == {"organization": None, "roles": []}
    assert document["vulnerabilities"] == []


async def test_info_has_every_field_given_or_not(client: TestClient, filled: Store) -> None:
    async with client.get("/pypi/flask/json", headers={"Host": "pypi.test", "X-Forwarded-Proto": "https"}) as answer:
        info = (await answer.json())["info"]
    assert info == {
        "author": None,
        "author_email": "armin@pypi.test",
        "bugtrack_url": None,
        "classifiers": ["Framework :: Flask"],
        "description": "Long text",
        "description_content_type": None,
        "docs_url": None,
        "download_url": None,
        "downloads": {"last_day": -1, "last_month": -1, "last_week": -1},
        "dynamic": None,
        "home_page": None,
        "keywords": "web,wsgi",
        "license": None,
        "license_expression": None,
        "license_files": None,
        "maintainer": None,
        "maintainer_email": None,
        "name": "Flask",
        "package_url": "https://pypi.test/project/Flask/",
        "platform": None,
        "project_url": "https://pypi.test/project/Flask/",
        "project_urls": {"Source": "http://pypi.test/source"},
        "provides_extra": None,
        "release_url": "https://pypi.test/project/Flask/1.1/",
        "requires_dist": ["werkzeug>=3"],
        "requires_python": ">=3.8",
        "summary": "A framework",
        "version": "1.1",
        "yanked": False,
        "yanked_reason": None,
    }


async def test_a_file_is_described_in_full(client: TestClient, filled: Store) -> None:
    [file, _] = filled.files("flask", "1.1")
    async with client.get("/pypi/flask/1.1/json") as answer:
        described = (await answer.json())["urls"][0]
    assert described == {
        "comment_text": "checked",
        "core-metadata": {"sha256": file.metadata_sha256},
        "digests": {"blake2b_256": file.blake2b_256, "md5": file.md5, "sha256": file.sha256},
        "downloads": -1,
        "filename": "flask-1.1-py3-none-any.whl",
        "has_sig": False,
        "md5_digest": file.md5,
        "packagetype": "bdist_wheel",
        "python_version": "py3",
        "requires_python": ">=3.8",
        "size": file.size,
        "upload_time": "2018-04-16T15:00:00",
        "upload_time_iso_8601": "2018-04-16T15:00:00.123456Z",
        "url": f"http://files.pypihosted.test/{file.path}",
        "yanked": False,
        "yanked_reason": None,
    }


async def test_a_release_lists_its_own_files_only(client: TestClient, filled: Store) -> None:
    for version in ("1.0", "1.0.0", "v1"):
        async with client.get(f"/pypi/flask/{version}/json") as answer:
            document = await answer.json()
        assert document["info"]["version"] == "1.0"
        assert [file["filename"] for file in document["urls"]] == ["flask-1.0-py3-none-any.whl"]
        assert "releases" not in document


async def test_a_yanked_release_stands_for_its_project_only_if_all_are(client: TestClient, filled: Store) -> None:
    chosen = []
    for version in ("1.1", "1.0", "2.0rc1"):
        filled.yank("flask", version, "broken", LAUNCH)
        async with client.get("/pypi/flask/json") as answer:
            info = (await answer.json())["info"]
        chosen.append((info["version"], info["yanked"], info["yanked_reason"]))
    assert chosen == [("1.0", False, None), ("2.0rc1", False, None), ("1.1", True, "broken")]


@pytest.mark.parametrize(
    ("asked", "location"),
    [
        ("/pypi/Flask/json", "/pypi/flask/json"),
        ("/pypi/FLASK/json/", "/pypi/flask/json"),
        ("/pypi/Flask/1.0/json", "/pypi/flask/1.0/json"),
    ],
)
async def test_other_spellings_lead_to_the_normalised_one(
    client: TestClient, filled: Store, asked: str, location: str
) -> None:
    async with client.get(asked, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (301, location)
    async with client.get(location, allow_redirects=False) as answer:
        assert answer.status == 200, "no URL may lead to itself"


@pytest.mark.parametrize("path", ["/pypi/x/json", "/pypi/X/json", "/pypi/flask/9/json", "/pypi/flask/9/json/"])
async def test_what_is_not_there_is_json_too(client: TestClient, filled: Store, path: str) -> None:
    async with client.get(path, allow_redirects=False) as answer:
        assert (answer.status, await answer.json()) == (404, {"message": "Not Found"})
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_caches_are_told_what_they_may_do(client: TestClient, filled: Store) -> None:
    keys = {}
    for path in ("/pypi/flask/json", "/pypi/flask/1.0/json"):
        async with client.get(path) as answer:
            assert answer.headers["Cache-Control"] == "public, max-age=900"
            assert answer.headers["X-PyPI-Last-Serial"] == "8"
            keys[path] = answer.headers["Surrogate-Key"]
            etag = answer.headers["ETag"]
        async with client.get(path, headers={"If-None-Match": etag}) as answer:
            assert answer.status == 304
    assert keys == {
        "/pypi/flask/json": "project/flask all-legacy-json project-legacy-json",
        "/pypi/flask/1.0/json": "project/flask all-legacy-json release-legacy-json",
    }


async def test_head_is_answered(client: TestClient, filled: Store) -> None:
    async with client.head("/pypi/flask/json") as answer:
        assert (answer.status, await answer.read()) == (200, b"")


async def test_a_version_of_very_many_digits_is_not_there(client: TestClient, filled: Store) -> None:
    async with client.get(f"/pypi/flask/{'9' * 5_000}/json") as answer:
        assert answer.status == 404
