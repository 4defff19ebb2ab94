"""Names that no new project may have, archives that want too much, attestations, and a project's room."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient
from packages import Package, core_metadata, stored, wheel, zipped
from uploads import FLASK, form, upload

from backends.modern.upload import judging
from backends.store import Store

HELP = " See http://upload.pypi.test/help/#project-name for more information."


@pytest.mark.parametrize("name", ["F1ask", "FLASK-", "fl.a.s.k", "fIask", "f-l_a-s.k", "flask0"])
async def test_a_new_name_is_not_to_be_taken_for_another_one(client: TestClient, store: Store, name: str) -> None:
    stored(store, wheel("flask", "1.0"))
    stored(store, wheel("flasko", "1.0"))
    package = wheel(name.rstrip("-"), "1.0")
    status, message = await upload(client, form(package, name=name.rstrip("-")))
    if name == "FLASK-":  # the same project, however it is spelled
        assert (status, message) != (200, "")
        assert message.startswith("File already exists")
    else:
        expected = f"The name {name!r} is too similar to an existing project.{HELP}"
        assert (status, message) == (400, expected)


async def test_what_is_similar_to_itself_goes_on(client: TestClient, store: Store) -> None:
    stored(store, wheel("lib-io", "1.0"))
    stored(store, wheel("l1bio", "1.0"))  # older than the rule
    package = wheel("lib-io", "1.1")
    assert await upload(client, form(package, name="lib-io", version="1.1")) == (200, "")


async def test_a_name_that_is_typed_by_mistake_is_prohibited(client: TestClient) -> None:
    package = wheel("requirements.txt", "1.0")
    status, message = await upload(client, form(package, name="requirements.txt"))
    assert (status, message) == (400, f"The name 'requirements.txt' isn't allowed.{HELP}")


async def test_a_bomb_in_a_zip_is_an_invalid_file(client: TestClient, store: Store) -> None:
    huge = core_metadata("Flask", "1.0") + b"\0" * (64 << 20)
    package = Package(FLASK.filename, zipped({"flask-1.0.dist-info/METADATA": huge}))
    assert len(package.content) < 100_000
    status, message = await upload(client, form(package))
    assert (status, message.startswith("Invalid distribution file: its metadata is larger")) == (400, True)
    assert store.projects() == []


async def test_a_zip_of_many_members_is_read_or_refused_in_bounds(client: TestClient, tmp_path: Path) -> None:
    path = tmp_path / "many.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(40_000):
            archive.writestr(zipfile.ZipInfo(f"{number:0100}"), b"")
    status, message = await upload(client, form(Package(FLASK.filename, path.read_bytes())))
    assert (status, message.startswith("Invalid distribution file")) == (400, True)


async def test_a_bomb_in_a_tar_is_an_invalid_file(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from backends.store import archive

    monkeypatch.setattr(archive, "MOST_UNPACKED", 1 << 20)
    bomb = Package("flask-1.0.tar.gz", gzip.compress(b"\0" * (8 << 20)))
    status, message = await upload(client, form(bomb))
    assert (status, message.startswith("Invalid distribution file")) == (400, True)


@pytest.mark.parametrize(
    "filename",
    [
        "../x.whl",
        "..",
        "/etc/passwd",
        "a/b-1.0.tar.gz",
        "a\\b-1.0.tar.gz",
        "C:x.whl",
        ".hidden.whl",
        "é.whl",
    ],
)
async def test_no_name_leads_out_of_the_store(client: TestClient, store: Store, filename: str) -> None:
    before = sorted(store.directory.parent.rglob("*"))
    status, _ = await upload(client, form(Package(filename, FLASK.content), filetype="bdist_wheel", pyversion="py3"))
    assert status == 400
    assert sorted(store.directory.parent.rglob("*")) == before


async def test_a_project_has_no_more_room_than_it_may_have(
    client: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await upload(client, form(FLASK)) == (200, "")
    second = wheel("Flask", "1.0", tags="py2-none-any")
    monkeypatch.setattr(judging, "MOST_OF_PROJECT", len(FLASK.content) + len(second.content) - 1)
    status, message = await upload(client, form(second))
    assert (status, message.partition(".")[0]) == (400, "Project size too large")
    monkeypatch.setattr(judging, "MOST_OF_PROJECT", len(FLASK.content) + len(second.content))
    assert await upload(client, form(second)) == (200, "")


ATTESTATION = {"version": 1, "verification_material": {}, "envelope": {"statement": "", "signature": ""}}


async def test_attestations_are_given_as_provenance(client: TestClient) -> None:
    assert await upload(client, form(FLASK, attestations=json.dumps([ATTESTATION]))) == (200, "")
    headers = {"Accept": "application/vnd.pypi.simple.v1+json"}
    async with client.get("/simple/flask/", headers=headers) as answer:
        page = json.loads(await answer.text())
    async with client.get(
        page["files"][0]["provenance"].partition("/integrity/")[2].join(("/integrity/", ""))
    ) as answer:
        document = json.loads(await answer.text())
    assert document["attestation_bundles"][0]["attestations"] == [ATTESTATION]


@pytest.mark.parametrize("text", ["{}", "[]", "[1]", "nonsense", "[" * 100_000, json.dumps([{"version": 2}])])
async def test_attestations_of_another_shape_are_refused(client: TestClient, store: Store, text: str) -> None:
    status, message = await upload(client, form(FLASK, attestations=text))
    assert (status, message.partition(":")[0]) == (400, "Malformed attestations")
    assert store.projects() == []
