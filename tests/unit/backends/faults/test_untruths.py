"""Each fault of what a site says, in every form of it, and that nothing is left of it afterwards."""

from __future__ import annotations

import json
import xmlrpc.client
from hashlib import md5, sha256
from typing import Any

import pytest
from faulty_site import FLASK, FaultySite, Got

JSON_FORM = {"Accept": "application/vnd.pypi.simple.v1+json"}
MODERN = pytest.mark.parametrize("site", ["modern"], indirect=True)
LEGACY = pytest.mark.parametrize("site", ["legacy"], indirect=True)


async def both_ways(site: FaultySite, fault: str, path: str, **options: Any) -> Got:
    """Asked for by a header and planted, a fault is the same; and cleared, it is gone."""
    true = await site.get(path, **options)
    by_header = await site.get(path, fault, **options)
    number = await site.plant(f"*/flask {fault}")
    planted = await site.get(path, **options)
    await site.tell("DELETE", f"/_faults/{number}")
    cleared = await site.get(path, **options)
    assert (planted.status, planted.body) == (by_header.status, by_header.body)
    assert planted.headers["Cache-Control"] == by_header.headers["Cache-Control"] == "no-store"
    assert "Surrogate-Control" not in planted.headers
    assert (cleared.status, cleared.body) == (true.status, true.body)
    assert cleared.headers.get("Cache-Control") == true.headers.get("Cache-Control")
    assert cleared.headers.get("ETag") == true.headers.get("ETag")
    return planted


async def call(site: FaultySite, method: str, *arguments: object) -> Any:
    body = xmlrpc.client.dumps(arguments, method)
    got = await site.get("/pypi", method="POST", data=body, headers={"Content-Type": "text/xml"})
    return xmlrpc.client.loads(got.body)[0][0]


async def test_a_missing_project_is_nowhere(site: FaultySite) -> None:
    for path in ("/simple/flask/", site.json_path, "/simple/nope/"):
        got = await site.get(path, "missing")
        assert got.status == 404
    missing = await both_ways(site, "missing", "/simple/flask/")
    assert missing.status == 404
    assert missing.text.replace("flask", "x") == (await site.get("/simple/nope/")).text.replace("nope", "x")
    page = "/pypi/Flask" if site.name == "legacy" else "/project/Flask/"
    assert (await both_ways(site, "missing", page)).status == 404
    await site.plant("simple/Flask missing")
    listed = await site.get("/simple/")
    assert "six" in listed.text
    assert "lask" not in listed.text
    assert listed.headers["Cache-Control"] == "no-store"
    assert (await site.get(site.json_path)).status == 200  # only where it was planted
    assert (await site.get("/simple/six/")).headers["Cache-Control"] != "no-store"


@LEGACY
async def test_a_missing_project_is_not_in_calls_and_its_files_are_not_found(site: FaultySite) -> None:
    path = "/packages/source/F/Flask/flask-0.9.tar.gz"
    assert (await both_ways(site, "missing", path)).status == 404
    await site.plant("calls/flask missing")
    assert await call(site, "list_packages") == ["six"]
    assert await call(site, "package_releases", "Flask") == []
    await site.tell("DELETE")
    assert await call(site, "list_packages") == ["Flask", "six"]


async def test_a_wrong_hash_is_in_the_simple_page(site: FaultySite) -> None:
    page = await both_ways(site, "wrong-hash", "/simple/flask/")
    digests = {"legacy": md5(FLASK.content), "modern": sha256(FLASK.content)}
    true = f"#{digests[site.name].name}={digests[site.name].hexdigest()}"
    assert true in (await site.get("/simple/flask/")).text
    assert true not in page.text
    assert true[:-1] in page.text


async def test_a_wrong_hash_is_in_the_json_document_and_the_address_stays(site: FaultySite) -> None:
    wrong = json.loads((await both_ways(site, "wrong-hash", site.json_path)).body)["urls"][0]
    true = json.loads((await site.get(site.json_path)).body)["urls"][0]
    assert wrong["url"] == true["url"]
    assert wrong["digests"]["sha256"] != true["digests"]["sha256"]
    assert wrong["md5_digest"] != true["md5_digest"]


@MODERN
@pytest.mark.parametrize(("fault", "files", "metadata"), [("", 1, 1), ("=file", 1, 0), ("=metadata", 0, 1)])
async def test_a_wrong_hash_is_of_the_file_or_of_its_metadata(
    site: FaultySite, fault: str, files: int, metadata: int
) -> None:
    got = await both_ways(site, f"wrong-hash{fault}", "/simple/flask/", headers=JSON_FORM)
    wrong = json.loads(got.body)["files"][1]
    true = json.loads((await site.get("/simple/flask/", headers=JSON_FORM)).body)["files"][1]
    assert (wrong["hashes"] != true["hashes"]) == bool(files)
    assert (wrong["core-metadata"] != true["core-metadata"]) == bool(metadata)
    html = (await site.get("/simple/flask/", f"wrong-hash{fault}")).text
    assert (true["core-metadata"]["sha256"] in html) != bool(metadata)
    assert (true["hashes"]["sha256"] in html) != bool(files)


async def test_requires_python_is_left_out_everywhere(site: FaultySite) -> None:
    page = await both_ways(site, "without=requires-python", "/simple/flask/")
    assert "data-requires-python" in (await site.get("/simple/flask/")).text
    assert "data-requires-python" not in page.text
    document = json.loads((await both_ways(site, "without=requires-python", site.json_path)).body)
    assert not document["urls"][0].get("requires_python")
    assert not document["info"].get("requires_python")
    assert ">=3.8" in (await site.get(site.json_path)).text


@MODERN
async def test_a_yank_and_metadata_are_left_out_in_both_forms(site: FaultySite) -> None:
    html = await both_ways(site, "without=yanked", "/simple/flask/")
    assert "data-yanked" not in html.text
    assert "data-core-metadata" in html.text
    form = json.loads((await both_ways(site, "without=yanked", "/simple/flask/", headers=JSON_FORM)).body)
    assert [file["yanked"] for file in form["files"]] == [False, False]
    html = await both_ways(site, "without=core-metadata", "/simple/flask/")
    assert "metadata=" not in html.text
    assert 'data-yanked="too old"' in html.text
    form = json.loads((await both_ways(site, "without=core-metadata", "/simple/flask/", headers=JSON_FORM)).body)
    assert [file["core-metadata"] for file in form["files"]] == [False, False]


@MODERN
async def test_who_has_the_true_page_is_not_told_that_it_is_the_same(site: FaultySite) -> None:
    tag = (await site.get("/simple/flask/")).headers["ETag"]
    assert (await site.get("/simple/flask/", headers={"If-None-Match": tag})).status == 304
    await site.plant("simple without=yanked")
    got = await site.get("/simple/flask/", headers={"If-None-Match": tag})
    assert got.status == 200
    again = await site.get("/simple/flask/", headers={"If-None-Match": got.headers["ETag"]})
    assert (again.status, again.headers["Cache-Control"]) == (304, "no-store")


async def test_an_untruth_may_be_kept_when_that_is_asked_for(site: FaultySite) -> None:
    true = await site.get("/simple/flask/")
    got = await site.get("/simple/flask/", "wrong-hash kept")
    assert got.body != true.body
    assert got.headers["Cache-Control"] == true.headers["Cache-Control"]
