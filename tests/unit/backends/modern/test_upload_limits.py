"""Names that no new project may have, archives that want too much, attestations, and a project's room."""

from __future__ import annotations

import gzip
import io
import zipfile
from datetime import date, timedelta
from pathlib import Path

import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient, TestServer
from packages import LAUNCH, Package, core_metadata, stored, wheel, zipped
from uploads import FLASK, TOKEN, form, upload

from backends.modern.app import make_app
from backends.modern.era import Era
from backends.modern.site import Site
from backends.modern.upload import judging
from backends.store import Store
from backends.store.checking import Fault, check
from backends.upload import receiving

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
    assert (status, message.startswith("Invalid distribution file: it exceeds compression ratio of 50")) == (400, True)
    assert store.projects() == []


async def test_a_body_that_unpacks_to_ever_more_is_bounded_as_any_is(
    client: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A form may be coded (Content-Encoding): what counts is what comes out."""
    monkeypatch.setattr(receiving, "MOST_OF_FILE", 1 << 20)
    head = '--x\r\nContent-Disposition: form-data; name="content"; filename="flask-1.0-py3-none-any.whl"\r\n\r\n'
    body = gzip.compress(head.encode() + b"\0" * (8 << 20) + b"\r\n--x--\r\n")
    assert len(body) < 10_000
    headers = {"Authorization": TOKEN, "Content-Encoding": "gzip", "Content-Type": "multipart/form-data; boundary=x"}
    async with client.post("/legacy/", data=body, headers=headers) as answer:
        assert answer.status == 400
    assert list((store.directory / "incoming").iterdir()) == []
    assert store.projects() == []


async def test_a_zip_of_many_members_is_read_or_refused_in_bounds(client: TestClient, tmp_path: Path) -> None:
    path = tmp_path / "many.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(40_000):
            archive.writestr(zipfile.ZipInfo(f"{number:0100}"), b"")
    status, message = await upload(client, form(Package(FLASK.filename, path.read_bytes())))
    assert (status, message.startswith("Invalid distribution file")) == (400, True)


async def test_a_bomb_in_a_tar_is_an_invalid_file(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from backends.store import unpacking

    monkeypatch.setattr(unpacking, "MOST_UNPACKED", 1 << 20)
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


async def test_a_client_makes_no_more_projects_in_an_hour_than_it_may(store: Store) -> None:
    site = Site(upload_token="secret", new_projects_an_hour=2)
    moments = [LAUNCH]
    async with TestClient(TestServer(make_app(store, site, lambda: moments[-1]))) as client:

        async def taken(name: str, version: str = "1.0") -> tuple[int, str]:
            return await upload(client, form(wheel(name, version), name=name, version=version))

        assert await taken("first") == await taken("second") == (200, "")
        assert await taken("third") == (429, "Too many new projects created")
        assert await taken("first", "1.1") == (200, "")  # it is not new
        moments.append(LAUNCH + timedelta(hours=1))
        assert await taken("third") == (200, "")


PGP = b"-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n"


def signed(signature: bytes) -> FormData:
    data = form(FLASK)
    data.add_field("gpg_signature", io.BytesIO(signature), filename=f"{FLASK.filename}.asc")
    return data


async def test_a_signature_is_thrown_away_whatever_it_is(client: TestClient, store: Store) -> None:
    assert await upload(client, signed(b"nonsense")) == (200, "")
    [file] = store.files("flask")
    assert not file.has_signature
    assert not (store.files_directory / f"{file.path}.asc").exists()


async def test_a_signature_was_kept_beside_its_file_until_2023(store: Store) -> None:
    site = Site(upload_token="secret", era=Era(date(2018, 4, 30)))
    async with TestClient(TestServer(make_app(store, site, lambda: LAUNCH))) as client:
        assert await upload(client, signed(b"nonsense")) == (400, "PGP signature isn't ASCII armored.")
        assert await upload(client, signed(PGP.ljust(8193))) == (400, "Signature too large.")
        assert store.projects() == []
        assert await upload(client, signed(PGP)) == (200, "")
    [file] = store.files("flask")
    assert file.has_signature
    assert (store.files_directory / f"{file.path}.asc").read_bytes() == PGP
    assert list(check(store)) == []
    (store.files_directory / f"{file.path}.asc").unlink()
    assert [found.fault for found in check(store)] == [Fault.NO_SIGNATURE]
